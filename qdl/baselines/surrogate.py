"""The classical surrogate of a quantum model: random Fourier features of its encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import layers
from ..circuit import Circuit
from ..reading import Computed, Feature, read_gates, unfold, visits
from .classical import Contender

WITHOUT_DATA = (
    layers.Convolution,
    layers.Entangler,
    layers.Noise,
    layers.Pooling,
    layers.RandomRotation,
    layers.Rotation,
)
SCALES = (0.25, 0.5, 1.0, 2.0)  # of the features, before they become angles


def encoding_gates(model: Any) -> list[tuple[int, float]]:
    """The column and the factor of every gate that encodes a feature, from the layer tree.

    Trained factors count with the value that they start at.

    Args:
        model: a QNN, or a Hybrid that starts with one.

    Raises:
        ValueError: an encoding that is no rotation by one feature: its values are no Fourier series
            of the features with frequencies known in advance.

    Example:
        >>> import qdl
        >>> encoding_gates(qdl.models.data_reuploading(2, 2))
        [(0, 1.0), (1, 1.0), (0, 1.0), (1, 1.0)]
    """
    first = model.stages[0] if hasattr(model, "stages") else model
    if not hasattr(first, "layers"):
        raise ValueError(
            f"no frequencies are known of {first!r}: expected a QNN, or a Hybrid whose first stage "
            "is one. A classical stage in front trains its frequencies; leave the surrogate out."
        )
    return list(_gates(first.circuit))


def _gates(circuit: Circuit) -> Iterator[tuple[int, float]]:
    known: dict[int, list[tuple[int, float]]] = {}
    for leaf, _, _ in visits(unfold(circuit.layers, circuit.wires)):
        if id(leaf) not in known:
            known[id(leaf)] = list(_of_leaf(leaf.layer, leaf.wires, circuit.n_features))
        yield from known[id(leaf)]


def _of_leaf(layer: layers.Layer, wires: tuple[int, ...], n: int) -> Iterator[tuple[int, float]]:
    """The features in the gates of a layer, each with its factor."""
    inner = layer.block if isinstance(layer, layers.Adjoint) else layer
    if isinstance(inner, WITHOUT_DATA):
        return
    if isinstance(inner, layers.AngleEncoding):  # a trained factor counts with its start
        yield from ((column, inner.scale) for column in inner.features or range(len(wires)))
        return
    from pennylane.operation import CVOperation

    for gate in read_gates(layer, wires, (n,) if n else None, lambda operator: [operator]):
        for i, source in enumerate(gate.sources):
            on_modes = isinstance(gate.operator, CVOperation)
            if isinstance(source, Computed) or gate.array or on_modes:
                raise ValueError(
                    f"no frequencies are known of {inner!r}: expected encodings whose gates rotate by one "
                    "feature each, such as AngleEncoding. Leave the surrogate out, or encode by angles."
                )
            if isinstance(source, Feature):
                [frequency] = gate.operator.parameter_frequencies[i]
                yield source.index, source.factor * frequency


def frequencies(model: Any, count: int, seed: int) -> np.ndarray:
    r"""Frequencies drawn from the spectrum of a model's encoding, ``(count, n_features)``.

    A rotation by $s\,x_i$ has eigenvalues $\pm s x_i / 2$, so it adds $-s, 0, 0$ or $s$ to the
    frequency of $x_i$. Each draw takes one of the four for every gate ("tree sampling").

    Args:
        model: a QNN, or a Hybrid that starts with one.
        count: how many.
        seed: of the draws.

    Example:
        >>> import qdl
        >>> float(frequencies(qdl.models.data_reuploading(3, 2), 100, seed=0).max())
        2.0

    Reference: Landman, Thabet, Dalyac, Mhiri, Kashefi, arXiv:2210.13200 (2022), tree sampling.
    """
    gates = encoding_gates(model)
    rows = np.zeros((len(gates), model.n_features))
    for row, (column, scale) in zip(rows, gates, strict=True):
        row[column] = scale
    steps = np.random.default_rng(seed).choice([-1, 0, 0, 1], size=(count, len(gates)))
    return steps @ rows


def fourier_features(X: Any, frequencies: np.ndarray, scale: float = 1.0) -> np.ndarray:
    r"""$\cos(\omega \cdot x)$ and $\sin(\omega \cdot x)$, ``(n, 2 * count)``, over $\sqrt{count}$.

    Example:
        >>> fourier_features(np.zeros((1, 2)), np.ones((1, 2))).tolist()
        [[1.0, 0.0]]
    """
    phases = scale * np.asarray(X) @ frequencies.T
    return np.hstack([np.cos(phases), np.sin(phases)]) / np.sqrt(len(frequencies))


def surrogate(model: Any, *, regression: bool = False) -> Contender:
    """A linear model of random Fourier features, drawn from the spectrum of the model's encoding.

    Every output of the model is a linear function of all such features: if this does as well, the
    circuit added nothing that a linear model could not.

    Args:
        model: a QNN, or a Hybrid that starts with one.
        regression: whether it predicts numbers: ridge regression instead of logistic.

    Raises:
        ValueError: an encoding whose frequencies are not known.

    Example:
        >>> import qdl
        >>> surrogate(qdl.models.data_reuploading(2, 2)).name
        'Fourier surrogate'

    Reference: Landman, Thabet, Dalyac, Mhiri, Kashefi, arXiv:2210.13200 (2022); Schreiber, Eisert,
    Meyer, Physical Review Letters 131, 100803 (2023).
    """
    from scipy.stats import loguniform
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    encoding_gates(model)

    def build(seed: int, C: float = 10.0, scale: float = 1.0, count: int = 200) -> Any:
        drawn = {"frequencies": frequencies(model, count, seed), "scale": scale}
        return make_pipeline(
            FunctionTransformer(fourier_features, kw_args=drawn),
            Ridge(1 / C) if regression else LogisticRegression(C=C, max_iter=1000),
        )

    settings = {"C": loguniform(1e-1, 1e4), "scale": SCALES, "count": (50, 200)}
    return Contender("Fourier surrogate", build, settings)
