"""Losses of a batch of model outputs, and which loss a name stands for."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..arguments import check_whole
from ..readout import Probs, Readout

Loss = Callable[..., jax.Array]  # of outputs and y; of outputs alone where there is no y
KINDS = ("expectations", "probabilities", "logits")
UNSEEN = 200.0  # the slope of the logarithm at an output of 0 of which nobody says how it was found


@dataclass(frozen=True)
class MeanSquaredError:
    r"""$\frac{1}{N} \sum (f - y)^2$ over the batch and the outputs; ``"mse"`` in ``fit``.

    With ``sample_weight``, ``(batch,)``, each row's squares are multiplied by its weight. Outputs
    ``(batch, 1)`` meet ``y`` of shape ``(batch,)``; other shapes must be equal.

    Example:
        >>> float(MeanSquaredError()(jnp.array([[1.0], [0.0]]), jnp.array([0.0, 0.0])))
        0.5
    """

    def __call__(
        self, outputs: jax.Array, y: jax.Array, sample_weight: jax.Array | None = None
    ) -> jax.Array:
        check_shapes(outputs.shape, y.shape)
        squares = (outputs.reshape(y.shape) - y) ** 2
        return jnp.mean(squares if sample_weight is None else by_row(squares, sample_weight))


@dataclass(frozen=True)
class CrossEntropy:
    r"""$-\frac{1}{N} \sum_n w_{y_n} \log p(y_n)$ for integer labels; ``"cross_entropy"`` in ``fit``.

    How the k outputs become probabilities depends on what they are:

    | outputs | k = 1: p(1), and p(0) = 1 - p(1) | k > 1: p(0), ..., p(k-1) |
    | --- | --- | --- |
    | ``expectations`` | $(1 + \langle Z \rangle) / 2$ | softmax of ``scale`` times $\langle Z \rangle$ |
    | ``probabilities`` | the output | the outputs |
    | ``logits`` | sigmoid of the output | softmax of the outputs |

    So a larger single output always speaks for label 1. For expectations with k = 1 the values of
    the observable must lie in [-1, 1]. ``scale`` widens that range, in which a softmax could never
    be sure; it is not used for k = 1.

    Where outputs are frequencies, of ``shots`` outcomes, one that was never seen has not the probability 0,
    whose slope is infinite: the probabilities of k = 1, and ``probabilities``, are those of k + 1 hits
    among N + 1. Then the gradient is bounded, and right on average where the outcome is expected at all.

    Args:
        scale: factor of the expectation values before the softmax.
        outputs: one of the three; None lets ``fit`` read it from the model: the readout ``Probs``
            gives probabilities, the others give expectations, a classical last stage gives logits, and
            so do the unbounded values of modes, ``Quadrature`` and ``PhotonNumber``.
        shots: outcomes behind each output; None lets ``fit`` read it from the place of the model, and
            means exact outputs elsewhere.
        weight: $w$, a number a class, 1 each for None. ``"balanced"`` lets ``fit`` take
            $w_c = N / (k N_c)$ for the $k$ classes among the $N$ labels of training, $N_c$ of each, so
            that rare classes count as much as frequent ones.

    Example:
        >>> loss = CrossEntropy(outputs="expectations")
        >>> round(float(loss(jnp.array([[0.0], [0.0]]), jnp.array([0, 1]))), 4)  # log 2
        0.6931

    Reference: ``scale`` is one over the temperature of Guo, Pleiss, Sun, Weinberger, "On
    calibration of modern neural networks", ICML (2017).
    """

    scale: float = 5.0
    outputs: str | None = None
    shots: int | None = field(default=None, kw_only=True)
    weight: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"CrossEntropy needs scale > 0, got {self.scale!r}. The default is 5.")
        if self.outputs not in (None, *KINDS):
            raise ValueError(f"outputs must be None or one of {list(KINDS)}, got {self.outputs!r}.")
        if self.shots is not None:
            check_whole("shots", self.shots, owner="CrossEntropy")
        named = isinstance(self.weight, str) and self.weight == "balanced"
        if self.weight is not None and not named:
            object.__setattr__(self, "weight", _class_weights(self.weight))

    def of(self, model: Any) -> CrossEntropy:
        """This loss, told what the outputs of ``model`` are, and how many shots are behind them."""
        readout, outputs = getattr(model, "readout", None), self.outputs
        if outputs is None and (isinstance(readout, Probs) or getattr(readout, "photons", False)):
            outputs = "probabilities"
        elif outputs is None and getattr(readout, "unbounded", False):
            outputs = "logits"
        elif outputs is None:
            outputs = "expectations" if isinstance(readout, Readout) else "logits"
        frequencies = self.shots is None and outputs != "logits"
        return replace(self, outputs=outputs, shots=draws(model) if frequencies else self.shots)

    def log_probs(self, outputs: jax.Array) -> jax.Array:
        """``(..., k)`` outputs to ``(..., max(k, 2))`` log probabilities of the labels."""
        if self.outputs is None:
            raise ValueError(
                "CrossEntropy does not know what the outputs are. Use CrossEntropy().of(model), or "
                f"CrossEntropy(outputs=...) with one of {list(KINDS)}."
            )
        if outputs.shape[-1] == 1:
            return self._two(outputs)
        if self.outputs == "probabilities":
            return log_of(outputs, self.shots)
        return jax.nn.log_softmax((self.scale if self.outputs == "expectations" else 1.0) * outputs)

    def _two(self, outputs: jax.Array) -> jax.Array:
        if self.outputs == "logits":
            return jax.nn.log_sigmoid(jnp.concatenate([-outputs, outputs], axis=-1))
        p = (1 + outputs) / 2 if self.outputs == "expectations" else outputs
        return log_of(jnp.concatenate([1 - p, p], axis=-1), self.shots)

    def balanced(self, y: Any) -> CrossEntropy:
        """This loss with the weights that ``"balanced"`` means for these labels; others as they are."""
        if self.weight != "balanced":
            return self
        counts = np.bincount(np.asarray(y))
        there = max(np.count_nonzero(counts), 1)
        weights = counts.sum() / (there * np.maximum(counts, 1))
        return replace(self, weight=tuple(np.where(counts > 0, weights, 1.0).tolist()))

    def __call__(
        self, outputs: jax.Array, y: jax.Array, sample_weight: jax.Array | None = None
    ) -> jax.Array:
        """The mean over the batch; each row times its ``sample_weight``, ``(batch,)``, if there is one."""
        log_p = self.log_probs(outputs)
        if self.weight == "balanced":
            raise ValueError(
                "CrossEntropy(weight='balanced') does not know the labels of training. Use it in fit, or "
                "CrossEntropy(weight='balanced').balanced(y)."
            )
        rows = jnp.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
        if self.weight is not None:
            if len(self.weight) < log_p.shape[-1]:  # of labels that training never has
                weights = (*self.weight, *(1.0,) * (log_p.shape[-1] - len(self.weight)))
            else:
                weights = self.weight
            rows *= jnp.asarray(weights, rows.dtype)[y]
        return -jnp.mean(rows if sample_weight is None else by_row(rows, sample_weight))

    def accuracy(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        """The fraction of rows whose most probable label is ``y``."""
        return jnp.mean(self.log_probs(outputs).argmax(axis=-1) == y, dtype=outputs.dtype)


def by_row(values: jax.Array, weight: jax.Array) -> jax.Array:
    """Values ``(batch, ...)``, each row times its weight."""
    return values * weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))


def _class_weights(weight: Any) -> tuple[float, ...]:
    array = np.asarray(weight, dtype=object if isinstance(weight, dict | str) else None)
    good = array.ndim == 1 and array.size > 0 and array.dtype.kind in "iuf"
    if not good or not (np.isfinite(array).all() and (array >= 0).all() and array.any()):
        raise ValueError(
            f"CrossEntropy needs weight to be None, 'balanced' or a number >= 0 for each class, got "
            f"{weight!r}. Example: weight=(1.0, 4.0)."
        )
    return tuple(map(float, array))


def log_of(p: jax.Array, shots: int | None) -> jax.Array:
    r"""The logarithm, finite and with a gradient that still points upwards where p is 0 or below.

    Of k hits among N shots it is $(1 + 1/N) \log((k + 1)/(N + 1))$, whose slope $(N + 1)/(k + 1)$ is at most
    N + 1, and 1/p on average but for $(1 - p)^{N + 1}$ of it: no function of k does for all p.
    """
    if shots is not None:
        hits = shots * (p - lax.stop_gradient(jnp.minimum(p, 0)))
        return (1 + 1 / shots) * jnp.log((hits + 1) / (shots + 1))
    eps = jnp.finfo(p.dtype).eps
    nothing = math.log(eps) + UNSEEN * (p - lax.stop_gradient(p))
    return jnp.where(p > 0, jnp.log(jnp.maximum(p, 0) + eps), nothing)


def draws(model: Any) -> int | None:
    """How many outcomes are behind each output of a model; None for exact ones."""
    while hasattr(model, "stages"):
        model = model.stages[-1]
    return getattr(getattr(model, "place", None), "draws", None)


def check_shapes(outputs: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Refuse outputs that are not of the shape of ``y``, a last axis of length 1 apart."""
    if outputs not in (y, (*y, 1)):
        raise ValueError(
            f"loss='mse' compares outputs of shape {outputs} with y of shape {y}: they must be "
            "equal, or (n, 1) and (n,). For labels take loss='cross_entropy'; else choose a readout "
            "with as many values as y has columns, or pass loss=f with f(outputs, y) -> scalar."
        )


def as_loss(loss: Any, model: Any) -> Loss:
    """The loss that a name stands for; a function as it is."""
    if loss == "mse":
        return MeanSquaredError()
    if loss == "cross_entropy":
        return CrossEntropy().of(model)
    if hasattr(loss, "of") and not inspect.isclass(loss):  # it asks the model what its outputs are
        return loss.of(model)
    if not callable(loss) or inspect.isclass(loss):
        raise ValueError(
            "loss must be 'mse', 'cross_entropy' or a function f(outputs, y) -> scalar, f(outputs) where "
            f"there is no y; got {loss!r}."
        )
    return cast(Loss, loss)
