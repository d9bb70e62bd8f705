"""Layers of photonic circuits: a wire is a mode. They yield PennyLane's operators, hbar = 2."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite, pi
from typing import Any

import jax
import numpy as np
import pennylane as qp

from .. import threefry
from ..layers.base import Initializer, Layer, Shape, Wires, draw
from ..layers.entangling import check_pattern, pairs_of
from .starts import Start, normal


@dataclass(frozen=True)
class _Modes(Layer):
    """What the layers of modes share: a start of their own, since a whole turn is no start for a squeezer."""

    initializer: Initializer | None = field(default=None, kw_only=True, repr=False)

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        chosen: Any = self.initializer or initializer or normal()
        shape = self.shape(wires)
        if shape is None:
            return None
        if not isinstance(chosen, Start):
            return draw(shape, key, chosen, type(self).__name__)
        if not isinstance(shape, dict):
            return chosen.array(type(self).__name__, "", key, shape)
        keys = threefry.split(key, len(shape))
        pairs = zip(shape.items(), keys, strict=True)
        return {name: chosen.array(type(self).__name__, name, k, s) for (name, s), k in pairs}


@dataclass(frozen=True)
class DisplacementEncoding(_Modes):
    r"""Each feature as a displacement of its mode: $D(s\,x_i)$ on mode $i$, a coherent state.

    $D(\alpha) = e^{\alpha a^\dagger - \alpha^* a}$, so that $\langle x \rangle = 2 s x_i$. As the first layer
    it needs no matrix.

    Args:
        scale: the factor $s$; no unit.
        trainable: one trained factor per mode, each starting at ``scale``.
        features: the columns of ``x`` to read, one per mode; None for exactly one column per mode.

    Params: none, or ``(n_modes,)`` for ``trainable=True``.

    Raises:
        ValueError: a number of features that does not fit the modes.

    Example:
        >>> import numpy as np
        >>> [gate] = DisplacementEncoding(0.5).gates(None, np.array([1.2]), (0,))
        >>> gate.name, float(gate.data[0])
        ('Displacement', 0.6)

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section III.A.
    """

    scale: float = 1.0
    trainable: bool = False
    features: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (type(self.scale) in (int, float) and isfinite(self.scale)):
            raise ValueError(
                f"DisplacementEncoding needs a finite number as scale, got {self.scale!r}. It is the factor "
                "of the features; example: scale=0.5."
            )
        if not isinstance(self.trainable, bool):
            raise TypeError(
                f"DisplacementEncoding needs trainable to be True or False, got {self.trainable!r}. "
                "Example: trainable=True."
            )
        columns = self.features
        whole = isinstance(columns, tuple) and all(type(c) is int and c >= 0 for c in columns)
        if columns is not None and not (columns and whole):
            raise ValueError(
                f"DisplacementEncoding needs features as column numbers >= 0, got {columns!r}. "
                "Example: features=(4, 5)."
            )

    def shape(self, wires: Wires) -> Shape:
        if self.features is not None and len(self.features) != len(wires):
            raise ValueError(
                f"DisplacementEncoding needs one feature per mode: got features={self.features} for "
                f"{len(wires)} modes. Name {len(wires)} columns, or change the number of modes."
            )
        return (len(wires),) if self.trainable else None

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        if self.trainable:
            kind = jax.numpy.result_type(float)
            return jax.device_put(np.full(self.shape(wires), self.scale, kind))
        return None

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self.check(x, wires)
        columns = self.features or range(len(wires))
        for i, (column, wire) in enumerate(zip(columns, wires, strict=True)):
            feature = x[..., column]
            feature = params[i] * feature if self.trainable else self.scale * feature
            yield qp.Displacement(feature, 0.0, wires=wire)

    def check(self, x: Any, wires: Wires) -> None:
        n = self.n_features(wires)
        if x is None:
            raise ValueError(
                f"DisplacementEncoding needs features, got x=None: expected x of shape ({n},) or "
                f"(batch, {n}). Pass x to apply(params, x)."
            )
        got = x.shape[-1]
        if got < n or (self.features is None and got != n):
            raise ValueError(
                f"DisplacementEncoding needs one feature per mode: got x of shape {tuple(x.shape)}, expected "
                f"{n} columns. Name columns with features=(...), change the number of modes, or project with "
                f"qdl.Dense({got}, {n})."
            )

    def n_features(self, wires: Wires) -> int:
        return len(wires) if self.features is None else max(self.features) + 1


@dataclass(frozen=True)
class Interferometer(_Modes):
    r"""A passive linear transformation of all modes: a rectangular mesh of beamsplitters, then rotations.

    $B(\theta, \phi) = e^{\theta (e^{i\phi} a b^\dagger - e^{-i\phi} a^\dagger b)}$ on the pairs (0, 1),
    (2, 3), ..., then (1, 2), (3, 4), ..., as many columns as there are modes m; then
    $R(\varphi) = e^{i\varphi n}$ on each. Every unitary of the modes can be reached; one mode has a rotation
    alone.

    Args:
        initializer: how the angles start, radians; None for the model's choice.

    Params: ``{"theta", "phi": (m (m - 1) / 2,), "rotation": (m,)}``, radians; for m = 1 the rotation alone.

    Example:
        >>> Interferometer().shape((0, 1, 2))
        {'theta': (3,), 'phi': (3,), 'rotation': (3,)}

    Reference: Clements, Humphreys, Metcalf, Kolthammer, Walmsley, Optica 3, 1460 (2016).
    """

    def shape(self, wires: Wires) -> Shape:
        m = len(wires)
        pairs = m * (m - 1) // 2
        mesh = {"theta": (pairs,), "phi": (pairs,)} if pairs else {}
        return {**mesh, "rotation": (m,)}

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, (a, b) in enumerate(mesh(len(wires))):
            yield qp.Beamsplitter(params["theta"][i], params["phi"][i], wires=(wires[a], wires[b]))
        for i, wire in enumerate(wires):
            yield qp.Rotation(params["rotation"][i], wires=wire)


def mesh(m: int) -> list[tuple[int, int]]:
    """The pairs of a rectangular mesh on m modes, in time order.

    Example:
        >>> mesh(4)
        [(0, 1), (2, 3), (1, 2), (0, 1), (2, 3), (1, 2)]
    """
    return [(a, a + 1) for column in range(m) for a in range(column % 2, m - 1, 2)]


@dataclass(frozen=True)
class Squeezing(_Modes):
    r"""A squeezer on each mode: $S(z) = e^{(z^* a^2 - z a^{\dagger 2})/2}$, $z = r e^{i\phi}$.

    For $\phi = 0$ it multiplies the standard deviation of x by $e^{-r}$ and that of p by $e^r$.

    Args:
        phase: train $\phi$ too; else it is 0, and rotations around the squeezer take its place.
        initializer: how parameters start; None for the model's choice.

    Params: ``{"r": (n_modes,)}``, and ``"phi"`` in radians.

    Example:
        >>> Squeezing(phase=True).shape((0, 1))
        {'r': (2,), 'phi': (2,)}

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), eq. 8.
    """

    phase: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.phase, bool):
            raise TypeError(
                f"Squeezing needs phase to be True or False, got {self.phase!r}: r and phi are parameters, "
                "given to apply. Example: Squeezing(phase=True)."
            )

    def shape(self, wires: Wires) -> Shape:
        names = ("r", "phi") if self.phase else ("r",)
        return dict.fromkeys(names, (len(wires),))

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            yield qp.Squeezing(params["r"][i], params["phi"][i] if self.phase else 0.0, wires=wire)


@dataclass(frozen=True)
class Displacement(_Modes):
    r"""A displacement of each mode, the bias of a layer: $D(\alpha)$ with $\alpha = u + iv$.

    In Cartesian coordinates, since polar ones have no derivative by the angle at 0. The operators are
    $D(iv) D(u)$, which is $D(\alpha)$ up to a global phase.

    Args:
        initializer: how parameters start; None for the model's choice.

    Params: ``{"re": (n_modes,), "im": (n_modes,)}``.

    Example:
        >>> import numpy as np
        >>> params = {"re": np.array([0.3]), "im": np.array([0.4])}
        >>> [(g.name, float(g.data[0])) for g in Displacement().gates(params, None, (0,))]
        [('Displacement', 0.3), ('Displacement', 0.4)]

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), eq. 9.
    """

    def shape(self, wires: Wires) -> Shape:
        return {"re": (len(wires),), "im": (len(wires),)}

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            yield qp.Displacement(params["re"][i], 0.0, wires=wire)
            yield qp.Displacement(params["im"][i], pi / 2, wires=wire)


@dataclass(frozen=True)
class Kerr(_Modes):
    r"""The nonlinearity of a photonic network on each mode: $e^{i \kappa n^2}$.

    Args:
        initializer: how parameters start; None for the model's choice.

    Params: ``(n_modes,)``, radians.

    Example:
        >>> Kerr().shape((0, 1))
        (2,)

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section II.B.
    """

    def shape(self, wires: Wires) -> Shape:
        return (len(wires),)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            yield qp.Kerr(params[i], wires=wire)


@dataclass(frozen=True)
class CrossKerr(_Modes):
    r"""A nonlinearity between two modes: $e^{i \kappa n_a n_b}$ on pairs of them.

    Args:
        pattern: the pairs, as in ``Entangler``: a name such as ``"chain"``, or pairs of positions.
        initializer: how parameters start; None for the model's choice.

    Params: ``(n_pairs,)``, radians; none on a single mode.

    Example:
        >>> CrossKerr("ring").shape((0, 1, 2))
        (3,)

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section IV.
    """

    pattern: str | tuple[tuple[int, int], ...] = "chain"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern(self.pattern, "CrossKerr")

    def pairs(self, wires: Wires) -> list[tuple[int, int]]:
        """The pairs of modes in time order."""
        return pairs_of(self.pattern, wires, "CrossKerr")

    def shape(self, wires: Wires) -> Shape:
        count = len(self.pairs(wires))
        return (count,) if count else None

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, pair in enumerate(self.pairs(wires)):
            yield qp.CrossKerr(params[i], wires=pair)


@dataclass(frozen=True)
class CubicPhase(_Modes):
    r"""A cubic phase on each mode: $e^{i \gamma x^3 / 6}$, $x = a + a^\dagger$ (hbar = 2).

    Args:
        initializer: how parameters start; None for the model's choice.

    Params: ``(n_modes,)``; on ``fock`` of at most 1 in size.

    Example:
        >>> CubicPhase().shape((0,))
        (1,)

    Reference: Gottesman, Kitaev, Preskill, Phys. Rev. A 64, 012310 (2001), section VIII.
    """

    def shape(self, wires: Wires) -> Shape:
        return (len(wires),)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            yield qp.CubicPhase(params[i], wires=wire)
