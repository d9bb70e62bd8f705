"""Losses between distributions: of a model's probabilities, and of a target that is given or was sampled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import xlogy

from ..arguments import check_real, check_whole
from ..layers.base import check_key
from ..readout import Probs
from .losses import draws, log_of

SUM = 1e-6  # how far the sum of a distribution may be from 1


@dataclass(frozen=True)
class KL:
    r"""$D_{KL}(t \,\|\, p) = \sum_x t_x (\log t_x - \log p_x)$ in nats, of the target t and the model's p.

    The loss of a Born machine: ``fit(model, None, target, loss=KL())``. Where outcomes of the target have
    probability 0 in the model it is finite, and its slope bounded. Where p are frequencies of N ``shots``,
    those of k + 1 hits among N + 1 take their place, as in ``CrossEntropy``; as for any function of
    frequencies that is no polynomial there is a bias, which falls as 1/N, and where p is below 1/N more than
    that.

    Args:
        shots: outcomes behind the probabilities; None lets ``fit`` read it from the place of the model, and
            means exact ones elsewhere.

    Example:
        >>> p, t = jnp.array([0.5, 0.5]), jnp.array([1.0, 0.0])
        >>> round(float(KL()(p, t)), 4)  # log 2
        0.6931

    Reference: Kullback, Leibler, Annals of Mathematical Statistics 22, 79 (1951).
    """

    shots: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.shots is not None:
            check_whole("shots", self.shots, owner="KL")

    def of(self, model: Any) -> KL:
        """This loss, told how many shots are behind the probabilities of ``model``."""
        return replace(self, shots=_shots(self, model))

    def target(self, y: Any, outputs: int, rows: int | None) -> np.ndarray:
        """The target as probabilities, refused if it is none."""
        return as_target(y, outputs, rows)

    def __call__(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        apart = xlogy(y, y) - y * log_of(outputs, self.shots)
        return jnp.mean(apart.sum(-1))


@dataclass(frozen=True)
class MMD:
    r"""The squared maximum mean discrepancy $(p - t)^T K (p - t)$ of the model's p and the target t.

    $$K_{xy} = \frac{1}{S} \sum_s e^{-d(x, y) / 2 s}$$

    with the number of bits $d(x, y)$ in which two outcomes differ. In means of words of Z it is
    $\sum_a w_a (\langle Z_a \rangle_p - \langle Z_a \rangle_t)^2$, where ``a`` has each bit with probability
    $(1 - e^{-1/2s})/2$. A large s looks at few bits at once, a small one at many.

    Where p are frequencies of N ``shots`` the pairs of an outcome with itself are left out, so that value and
    gradient are without bias: ``fit`` may go on for as long as it likes on a machine.

    Args:
        bandwidths: the s, above 0, in bits.
        shots: outcomes behind the probabilities; None lets ``fit`` read it from the place of the model, and
            means exact ones elsewhere.

    Raises:
        ValueError: no bandwidths, or one that is not above 0.

    Example:
        >>> p, t = jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0])
        >>> round(float(MMD(bandwidths=(0.5,))(p, t)), 4)  # 2 (1 - 1/e)
        1.2642

    Reference: Gretton et al., Journal of Machine Learning Research 13, 723 (2012); for circuits Liu, Wang,
    Physical Review A 98, 062324 (2018); in words of Z: Rudolph et al., npj Quantum Information 10, 116
    (2024).
    """

    bandwidths: tuple[float, ...] = (0.25, 4.0)
    shots: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidths", checked_bandwidths(self.bandwidths))
        if self.shots is not None:
            check_whole("shots", self.shots, "shots=1000", least=2, owner="MMD")

    def of(self, model: Any) -> MMD:
        """This loss, told how many shots are behind the probabilities of ``model``."""
        return replace(self, shots=_shots(self, model))

    def target(self, y: Any, outputs: int, rows: int | None) -> np.ndarray:
        """The target as probabilities, refused if it is none."""
        return as_target(y, outputs, rows)

    def words(self, n: int, count: int, key: jax.Array) -> jax.Array:
        r"""Words of Z drawn as often as they count in this loss.

        The mean of $(\langle Z_a \rangle_p - \langle Z_a \rangle_t)^2$ over them is an estimate of it
        without bias, for outcomes too many to list.

        Args:
            n: bits.
            count: how many words.
            key: a JAX key.

        Returns:
            ``(count, n)`` of 0 and 1, 1 where a word has a Z.
        """
        which, where = jax.random.split(check_key(key, "MMD.words"))
        s = jax.random.choice(which, jnp.asarray(self.bandwidths), (count, 1))
        return jax.random.bernoulli(where, (1 - jnp.exp(-0.5 / s)) / 2, (count, n)).astype(int)

    def __call__(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        apart = outputs - y
        value = jnp.sum(apart * self._smooth(apart), -1)
        if self.shots is not None:
            # N outcomes paired with themselves give 1/N, and the other pairs (1 - 1/N) p K p on average. The
            # slope at two independent draws has no such pairs, so that the correction has none.
            own = jnp.sum(outputs * self._smooth(outputs), -1)
            value += lax.stop_gradient((own - 1) / (self.shots - 1))
        return jnp.mean(value)

    def _smooth(self, p: jax.Array) -> jax.Array:
        """K p. The kernel is a product over the bits, so that it takes n sums and no matrix."""
        n = p.shape[-1].bit_length() - 1
        found = []
        for s in self.bandwidths:
            weight, now = float(np.exp(-0.5 / s)), p
            for k in range(n):
                parts = now.reshape(*p.shape[:-1], -1, 2, 2**k)
                now = (parts + weight * parts[..., ::-1, :]).reshape(p.shape)
            found.append(now)
        return jnp.mean(jnp.stack(found), axis=0)


def checked_bandwidths(bandwidths: Any) -> tuple[float, ...]:
    """Bandwidths as plain numbers, refused if one is not above 0."""
    found = np.ravel(bandwidths).tolist() if np.ndim(bandwidths) <= 1 else []
    if not found or not all(isinstance(s, int | float) and isfinite(s) and s > 0 for s in found):
        raise ValueError(
            f"MMD needs bandwidths above 0, in bits, got {bandwidths!r}. Example: MMD(bandwidths=(0.25, 4))."
        )
    return tuple(map(float, found))


def as_target(y: Any, outputs: int, rows: int | None = None) -> np.ndarray:
    """A target as probabilities.

    Args:
        y: probabilities ``(outputs,)``; or samples of bits, ``(m, n)`` for ``outputs = 2**n``, the first
            the most significant, of which the frequencies are the target; for a model with data one
            distribution a row.
        outputs: how many probabilities the model gives.
        rows: of the features; None for a model without data.

    Raises:
        ValueError: another shape, or numbers that are no distribution.

    Example:
        >>> as_target([[0, 1], [1, 1], [0, 1], [0, 0]], 4).tolist()
        [0.25, 0.5, 0.0, 0.25]
    """
    check_real("the target", y, advice=f"Pass probabilities ({outputs},).")
    given = np.asarray(y)
    n = outputs.bit_length() - 1
    if rows is None and given.ndim == 2 and given.shape[1] == n and len(given):
        return _frequencies(given, n)
    wanted = (outputs,) if rows is None else (rows, outputs)
    if given.shape != wanted:
        bits = f", or samples of bits (m, {n})" if rows is None else ", one distribution a row"
        raise ValueError(
            f"the target has shape {given.shape}, but the model gives {outputs} probabilities. Pass "
            f"probabilities {wanted}{bits}."
        )
    total = given.sum(-1)
    if given.min() < 0 or np.abs(total - 1).max() > SUM:
        what = (
            f"the number {given.min():.4g}" if given.min() < 0 else f"the sum {_worst(total):.6g}"
        )
        raise ValueError(
            f"the target is no distribution: it has {what}. Pass numbers >= 0 that add up to 1, for counts "
            "counts / counts.sum()."
        )
    return given.astype(float)


def _worst(total: np.ndarray) -> float:
    return float(np.ravel(total)[np.abs(np.ravel(total) - 1).argmax()])


def _frequencies(bits: np.ndarray, n: int) -> np.ndarray:
    if not np.isin(bits, (0, 1)).all():
        bad = bits[~np.isin(bits, (0, 1))][0]
        raise ValueError(
            f"samples of the target must be bits 0 and 1, got {bad}. Spins s become bits by (1 - s) // 2."
        )
    index = bits.astype(int) @ (1 << np.arange(n)[::-1])
    return np.bincount(index, minlength=2**n) / len(bits)


def _shots(loss: Any, model: Any) -> int | None:
    if not isinstance(getattr(model, "readout", None), Probs):
        raise ValueError(
            f"{type(loss).__name__} compares distributions, but the model does not end in probabilities. "
            "Build it with readout=qdl.Probs()."
        )
    return draws(model) if loss.shots is None else loss.shots
