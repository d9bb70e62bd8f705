"""Layers that put features into the circuit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from jax.core import Tracer

from .base import Initializer, Layer, Shape, Wires
from .features import given, largest_product, one_per_wire, resolved
from .rotation import ROTATIONS, checked_axes


@dataclass(frozen=True)
class AngleEncoding(Layer):
    r"""One rotation per wire by its feature: $R_a(s\,x_i)$ on wire $i$.

    Args:
        axis: ``"x"``, ``"y"`` or ``"z"``.
        scale: the factor $s$ in radians per unit of the feature.
        trainable: one trained factor per wire, each starting at ``scale``.
        features: the columns of ``x`` to read, one per wire; None for exactly one column per wire.

    Params: none, or ``(n_active,)`` for ``trainable=True``.

    Raises:
        ValueError: unknown axis, a number of features that does not fit the wires, or features so large
            that their precision does not resolve the angle.

    Example:
        >>> import numpy as np
        >>> [g.name for g in AngleEncoding("x").gates(None, np.array([0.1, 0.2]), (0, 1))]
        ['RX', 'RX']
        >>> AngleEncoding(features=(4, 5)).n_features((0, 1))
        6

    Reference: Schuld, Petruccione, Machine Learning with Quantum Computers (2021), section 4.2.
    """

    axis: str = "y"
    scale: float = 1.0
    trainable: bool = False
    features: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axis", checked_axes(self.axis, "AngleEncoding", exactly_one=True))
        if not (type(self.scale) in (int, float) and isfinite(self.scale)):
            raise ValueError(
                f"AngleEncoding needs a finite number as scale, got {self.scale!r}. It is the factor of the "
                "features; example: scale=3.14."
            )
        columns = self.features
        if columns is not None and not (
            isinstance(columns, tuple) and columns and all(_is_column(c) for c in columns)
        ):
            raise ValueError(
                f"AngleEncoding needs features as column numbers >= 0, got {columns!r}. "
                "Example: features=(4, 5, 6, 7)."
            )

    def shape(self, wires: Wires) -> Shape:
        if self.features is not None and len(self.features) != len(wires):
            raise ValueError(
                f"AngleEncoding needs one feature per wire: got features={self.features} for "
                f"{len(wires)} wires. Name {len(wires)} columns, or change n_wires."
            )
        return (len(wires),) if self.trainable else None

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        if self.trainable:
            return jax.device_put(np.full(self.shape(wires), self.scale, jnp.result_type(float)))
        return None

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self._check_shape(x, wires)
        rotation = ROTATIONS[self.axis]
        columns = self.features or range(len(wires))
        for i, (column, wire) in enumerate(zip(columns, wires, strict=True)):
            feature = x[..., column]
            if self.trainable:
                feature = params[i] * feature
            elif self.scale != 1.0:  # a bare feature stays one: the simulator recognises it
                feature = self.scale * feature
            yield rotation(feature, wires=wire)

    def _check_shape(self, x: Any, wires: Wires) -> None:
        if self.features is None:
            one_per_wire(x, wires, "AngleEncoding", "choose columns with features=(...)")
            return
        self.shape(wires)
        given(x, self.n_features(wires), "AngleEncoding")
        if x.shape[-1] < self.n_features(wires):
            raise ValueError(
                f"AngleEncoding reads features={self.features}, but x has shape {tuple(x.shape)}: "
                f"expected at least {self.n_features(wires)} columns. Pad x, or name columns below "
                f"{x.shape[-1]}."
            )

    def check(self, x: Any, wires: Wires) -> None:
        self._check_shape(x, wires)
        columns = slice(len(wires)) if self.features is None else list(self.features)
        resolved(x, lambda x: self.scale * x[..., columns], "AngleEncoding")

    def n_features(self, wires: Wires) -> int:
        return len(wires) if self.features is None else max(self.features) + 1


@dataclass(frozen=True)
class AmplitudeEncoding(Layer):
    r"""The features as amplitudes: $|\psi\rangle = \frac{1}{\|x\|}\sum_k x_k |k\rangle$.

    Must be the first layer of the circuit. A zero vector of the user's is refused; inside the user's own
    ``jit``, and behind another stage of a ``Hybrid``, it gives $|0 \dots 0\rangle$ with zero gradient.

    Args:
        pad: fill up with zeros to ``2**n_wires`` features; False asks for exactly that many.

    Params: none.

    Raises:
        ValueError: too many features, too few without ``pad``, or a zero vector.

    Example:
        >>> import numpy as np
        >>> [gate] = AmplitudeEncoding().gates(None, np.array([3.0, 0.0, 4.0]), (0, 1))
        >>> gate.data[0].tolist()
        [0.6, 0.0, 0.8, 0.0]

    Reference: Schuld, Petruccione, Machine Learning with Quantum Computers (2021), section 4.1.
    """

    first_only = True

    pad: bool = True

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self._check_shape(x, wires)
        xp = x.__array_namespace__()
        missing = 2 ** len(wires) - x.shape[-1]
        x = xp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
        # The double where: the branch not taken must be finite too, or its gradient is NaN.
        largest = xp.max(xp.abs(x), axis=-1, keepdims=True)
        zero = largest == 0
        # A power of two near 1 / largest, in two halves that are normal numbers both: neither squares nor
        # what their derivatives multiply overflow or vanish. The floor's own derivative is 0.
        half = xp.exp2(xp.floor(-xp.log2(xp.where(zero, 1.0, largest)) / 2))
        x = x * half * half
        squares = xp.sum(x * x, axis=-1, keepdims=True)
        unit = x / xp.sqrt(xp.where(zero, 1.0, squares))
        ground = xp.zeros_like(x) + xp.asarray(np.eye(1, 2 ** len(wires))[0], dtype=x.dtype)
        yield qp.StatePrep(xp.where(zero, ground, unit), wires=wires, validate_norm=False)

    def _check_shape(self, x: Any, wires: Wires) -> None:
        size = 2 ** len(wires)
        given(x, size, "AmplitudeEncoding")
        got = x.shape[-1]
        if got > size:
            raise ValueError(
                f"AmplitudeEncoding holds 2**n_wires features: got x of shape {tuple(x.shape)} for "
                f"{len(wires)} wires, expected at most {size}. Use "
                f"{max(got - 1, 1).bit_length()} wires, or project with qdl.Dense({got}, {size})."
            )
        if got < size and not self.pad:
            raise ValueError(
                f"AmplitudeEncoding(pad=False) needs exactly 2**n_wires features: got x of shape "
                f"{tuple(x.shape)} for {len(wires)} wires, expected {size}. Set pad=True, or pad x."
            )

    def check(self, x: Any, wires: Wires) -> None:
        self._check_shape(x, wires)
        if isinstance(x, Tracer):
            return
        values = np.asarray(x)  # what is below the least normal number is 0 to a processor
        zero = np.argwhere(~np.any(np.abs(values) >= np.finfo(values.dtype).tiny, axis=-1))
        if len(zero):
            row = f" in row {int(zero[0][0])}" if zero.shape[1] else ""
            raise ValueError(
                f"AmplitudeEncoding cannot normalise a zero vector: got one{row}. Expected at "
                "least one feature other than 0. Drop such rows, or append a constant feature."
            )

    def n_features(self, wires: Wires) -> int:
        return 2 ** len(wires)


@dataclass(frozen=True)
class BasisEncoding(Layer):
    r"""Bits as a basis state: $R_X(\pi x_i)$ on wire $i$, which is $|x\rangle$ up to a phase.

    Params: none.

    Raises:
        ValueError: not one feature per wire, or features other than 0 and 1.

    Example:
        >>> import numpy as np
        >>> [float(g.data[0]) for g in BasisEncoding().gates(None, np.array([0, 1]), (0, 1))]
        [0.0, 3.141592653589793]

    Reference: Schuld, Petruccione, Machine Learning with Quantum Computers (2021), section 4.1.
    """

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self._check_shape(x, wires)
        for i, wire in enumerate(wires):
            yield qp.RX(pi * x[..., i], wires=wire)

    def _check_shape(self, x: Any, wires: Wires) -> None:
        one_per_wire(x, wires, "BasisEncoding")

    def check(self, x: Any, wires: Wires) -> None:
        self._check_shape(x, wires)
        if isinstance(x, Tracer):
            return
        x = np.asarray(x)
        wrong = np.argwhere((x != 0) & (x != 1))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            place = f"column {at[-1]}" + (f", row {at[0]}" if len(at) > 1 else "")
            raise ValueError(
                f"BasisEncoding needs features in {{0, 1}}, got {x[at]} in {place}. "
                "Threshold x first, for example x > 0.5, or use AngleEncoding."
            )

    def n_features(self, wires: Wires) -> int:
        return len(wires)


@dataclass(frozen=True)
class IQPEncoding(Layer):
    r"""An instantaneous quantum polynomial circuit of the features, ``repeats`` times.

    Hadamards, then $R_Z(x_i)$, then $e^{-i x_i x_j Z_i Z_j / 2}$ on all pairs $i < j$.

    Args:
        repeats: how often the whole is repeated.

    Params: none.

    Raises:
        ValueError: not one feature per wire, ``repeats`` below 1, or features so large that their precision
            does not resolve the angles.

    Example:
        >>> import numpy as np
        >>> [g.name for g in IQPEncoding().gates(None, np.array([0.1, 0.2]), (0, 1))]
        ['Hadamard', 'Hadamard', 'RZ', 'RZ', 'IsingZZ']

    Reference: Havlicek et al., Nature 567, 209 (2019).
    """

    repeats: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_column(self.repeats) or self.repeats < 1:
            raise ValueError(
                f"IQPEncoding needs repeats >= 1, a whole number, got {self.repeats!r}. "
                "Example: IQPEncoding(repeats=2)."
            )

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self._check_shape(x, wires)
        features = [x[..., i] for i in range(len(wires))]
        for _ in range(self.repeats):
            for wire in wires:
                yield qp.Hadamard(wires=wire)
            for feature, wire in zip(features, wires, strict=True):
                yield qp.RZ(feature, wires=wire)
            for i, first in enumerate(wires):
                for j in range(i + 1, len(wires)):
                    yield qp.IsingZZ(features[i] * features[j], wires=(first, wires[j]))

    def _check_shape(self, x: Any, wires: Wires) -> None:
        one_per_wire(x, wires, "IQPEncoding")

    def check(self, x: Any, wires: Wires) -> None:
        self._check_shape(x, wires)
        resolved(x, largest_product, "IQPEncoding")

    def n_features(self, wires: Wires) -> int:
        return len(wires)


def _is_column(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
