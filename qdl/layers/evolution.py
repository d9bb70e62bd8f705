"""Time evolution under sums of Pauli words, and the circuits that alternate two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ..arguments import check_whole
from .base import Initializer, Layer, Shape, Wires
from .compose import Composite, Repeat

GATES = {"X": qp.RX, "Y": qp.RY, "Z": qp.RZ, "XX": qp.IsingXX, "YY": qp.IsingYY, "ZZ": qp.IsingZZ}
LETTERS = {"X": qp.X, "Y": qp.Y, "Z": qp.Z}
START = 0.6  # the largest angle of the ramp that QAOA starts from, times the terms of a wire


@dataclass(frozen=True)
class Evolution(Layer):
    r"""Evolution under Pauli words, one after another: $\prod_k e^{-i\,\theta\,c_k P_k}$.

    With ``shared=True`` all words have one time $\theta$, so that words which commute give
    $e^{-i \theta H}$ of $H = \sum_k c_k P_k$, and others one step of Trotter's. With ``shared=False`` each
    word has its own $\theta_k$. The cost and the mixer of QAOA, Hamiltonian-variational circuits, networks
    made of time evolution and IQP circuits are made of it.

    Args:
        terms: ``(coefficient, word, positions)`` in time order, such as ``(0.5, "ZZ", (0, 1))``: letters X,
            Y, Z, and one position among the active wires for each.
        shared: one parameter for all words, or one for each.
        initializer: of the parameters; None for the model's.

    Params: ``(1,)``, or ``(len(terms),)`` if not shared; $\theta$ in radians times one over the unit of the
    coefficients. The angle of a gate is $2 c_k \theta$.

    Raises:
        ValueError: no terms, a word with other letters, positions that do not fit the word or the wires, a
            coefficient that is not a finite number.

    Example:
        >>> layer = Evolution([(1.0, "ZZ", (0, 1)), (0.5, "Z", (1,))])
        >>> layer.shape((0, 1)), Evolution(layer.terms, shared=False).shape((0, 1))
        ((1,), (2,))
        >>> [(g.name, float(g.data[0])) for g in layer.gates(np.array([0.1]), None, (0, 1))]
        [('IsingZZ', 0.2), ('RZ', 0.1)]

    Reference: Farhi, Goldstone, Gutmann, arXiv:1411.4028 (2014); Wecker, Hastings, Troyer, Physical Review A
    92, 042303 (2015).
    """

    terms: Any
    shared: bool = True
    initializer: Initializer | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.terms, tuple) or not self.terms:
            raise ValueError(
                f"Evolution needs a list of terms, got {self.terms!r}. Example: "
                'Evolution([(1.0, "ZZ", (0, 1)), (0.5, "X", (0,))]).'
            )
        object.__setattr__(self, "terms", tuple(map(_checked, self.terms)))

    @classmethod
    def from_hamiltonian(
        cls, H: Any, shared: bool = True, *, initializer: Initializer | None = None
    ) -> Evolution:
        """The evolution under a PennyLane observable; a multiple of the identity is left out, being a phase.

        Args:
            H: a real sum of Pauli words on wires 0, 1, ...
            shared: as of the layer.
            initializer: as of the layer.

        Raises:
            ValueError: an observable that is no real sum of Pauli words, or wires that are no positions.

        Example:
            >>> Evolution.from_hamiltonian(qp.Z(0) @ qp.X(2) - 0.5 * qp.Y(1)).terms
            ((1.0, 'ZX', (0, 2)), (-0.5, 'Y', (1,)))
        """
        words = getattr(H, "pauli_rep", None)
        if words is None or any(abs(np.imag(c)) > 0 for c in words.values()):
            raise ValueError(
                f"Evolution needs a real sum of Pauli words, got {H!r}. Example: "
                "qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(0); matrices become one by qp.pauli_decompose."
            )
        terms = [
            (float(np.real(c)), "".join(word.values()), tuple(word.keys()))
            for word, c in words.items()
            if word and c != 0
        ]
        if not terms:
            raise ValueError(
                f"{H!r} has no Pauli word but the identity, which changes a phase only. Leave it out."
            )
        return cls(terms, shared, initializer=initializer)

    def observable(self) -> Any:
        """The sum of the words with their coefficients as a PennyLane observable on wires 0, 1, ..."""
        with qp.QueuingManager.stop_recording():
            words: Any = [
                qp.prod(*(LETTERS[letter](wire) for letter, wire in zip(word, where, strict=True)))
                for _, word, where in self.terms
            ]
            return qp.Hamiltonian([c for c, _, _ in self.terms], words)

    def shape(self, wires: Wires) -> Shape:
        for term in self.terms:
            if max(term[2]) >= len(wires):
                raise ValueError(
                    f"Evolution has the term {term}, but {len(wires)} wires are active here, positions 0 to "
                    f"{len(wires) - 1}. Positions count the wires still active; change the term, or raise "
                    "n_wires."
                )
        return (1,) if self.shared else (len(self.terms),)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for k, (coefficient, word, where) in enumerate(self.terms):
            angle = 2 * coefficient * params[0 if self.shared else k]
            on = [wires[i] for i in where]
            if word in GATES:
                yield GATES[word](angle, wires=on)
            elif set(word) == {"Z"}:
                yield qp.MultiRZ(angle, wires=on)
            else:
                yield qp.PauliRot(angle, word, wires=on)


def _checked(term: Any) -> tuple[float, str, tuple[int, ...]]:
    """A term of plain values, refused if it is none."""
    if not (isinstance(term, tuple) and len(term) == 3):
        raise ValueError(
            f"a term of Evolution is (coefficient, word, positions), got {term!r}. Example: "
            '(0.5, "ZZ", (0, 1)).'
        )
    coefficient, word, where = term
    number = isinstance(coefficient, int | float) and not isinstance(coefficient, bool)
    if not (number and isfinite(coefficient)):
        raise ValueError(
            f"the term {term} of Evolution needs a finite real coefficient, got {coefficient!r}."
        )
    if not (isinstance(word, str) and word and set(word) <= set(LETTERS)):
        raise ValueError(
            f"the term {term} of Evolution needs a word of the letters X, Y, Z, got {word!r}. Leave out "
            'wires where nothing acts: (0.5, "ZX", (0, 2)).'
        )
    where = where if isinstance(where, tuple) else (where,)
    whole = all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in where)
    if not whole or len(where) != len(word) or len(set(where)) != len(where):
        raise ValueError(
            f"the term {term} of Evolution needs {len(word)} different positions >= 0, one for each letter "
            f"of {word!r}, got {where!r}."
        )
    return float(coefficient), word, where


@dataclass(frozen=True)
class Hadamards(Layer):
    r"""A Hadamard gate on every wire: $|0 \dots 0\rangle$ becomes the mean of all basis states.

    Params: none.

    Example:
        >>> [gate.name for gate in Hadamards().gates(None, None, (0, 1))]
        ['Hadamard', 'Hadamard']

    Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, equation 1.14.
    """

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for wire in wires:
            yield qp.Hadamard(wire)


@dataclass(frozen=True)
class QAOA(Composite):
    r"""The alternating circuit $\prod_{k=p}^{1} e^{-i \beta_k M} e^{-i \gamma_k C}$ after Hadamards.

    It starts as annealing does, not at random: $\gamma_k = 0.6\,t_k / u$ and $\beta_k = -0.6\,(1 - t_k)$ with
    $t_k = (k - 1/2)/p$ and the root-mean-square of the terms at a wire $u$, in Ising problems
    ``qdl.ising.field_scale``. The state after the Hadamards is the *highest* of $+\sum X$, so that for
    minimising $\langle C \rangle$ with $\gamma > 0$ the mixer must turn backwards.

    Args:
        cost: the terms of C, or an ``Evolution``.
        mixer: the terms of M, or an ``Evolution``; None for X on every wire.
        depth: p, how often they alternate.

    Params: ``{"start": None, "turns": [gamma, beta]}``, each ``(depth, 1)``, or ``(depth, terms)`` of an
    ``Evolution(..., shared=False)``.

    Raises:
        ValueError: terms that ``Evolution`` refuses, or a depth below 1.

    Example:
        >>> import jax
        >>> layer = QAOA([(1.0, "ZZ", (0, 1)), (1.0, "ZZ", (1, 2))], depth=2)
        >>> gamma, beta = layer.init(jax.random.key(0), (0, 1, 2))["turns"]
        >>> print(gamma.ravel().round(3), beta.ravel().round(3))
        [0.13 0.39] [-0.45 -0.15]

    Reference: Farhi, Goldstone, Gutmann, arXiv:1411.4028 (2014); the start: Sack, Serbyn, Quantum 5, 491
    (2021).
    """

    cost: Any
    mixer: Any = None
    depth: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("cost", "mixer"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Evolution):
                object.__setattr__(self, name, Evolution(value))
        check_whole("depth", self.depth, owner="QAOA")

    def parts(self, wires: Wires) -> Mapping[str, Any]:
        mixer = self.mixer or Evolution([(1.0, "X", (i,)) for i in range(len(wires))])
        return {"start": Hadamards(), "turns": Repeat([self.cost, mixer], self.depth)}

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        if initializer is not None:
            return super().init(key, wires, initializer)
        unit = sqrt(sum(c * c * len(word) for c, word, _ in self.cost.terms) / len(wires)) or 1.0
        shapes: Any = self.shape(wires)
        turns = [
            jax.device_put(
                np.broadcast_to(angles[:, None], shape).astype(jax.numpy.result_type(float))
            )
            for angles, shape in zip(ramp(self.depth, unit), shapes["turns"], strict=True)
        ]
        return {"start": None, "turns": turns}


def ramp(depth: int, unit: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Angles of cost and mixer that anneal, each ``(depth,)``: the start of ``QAOA``."""
    t = (np.arange(depth) + 0.5) / depth
    return START * t / unit, -START * (1 - t)
