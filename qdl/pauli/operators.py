"""PennyLane operators as gates on Pauli words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pennylane as qp

from ..initializers import uniform
from . import transfer
from .words import NAMES

NOTHING = ("Identity", "GlobalPhase", "Barrier", "Snapshot", "WireCut")
ROTATIONS = {
    "RX": "X", "RY": "Y", "RZ": "Z", "PhaseShift": "Z", "IsingXX": "XX", "IsingYY": "YY", "IsingZZ": "ZZ",
}  # fmt: skip
SAME = 1e-12  # relative difference below which an angle is a multiple of a parameter


@dataclass(frozen=True)
class Angle:
    """``scale`` times a parameter, or times feature ``-1 - entry`` where ``entry`` is negative."""

    entry: int
    scale: float = 1.0
    law: Any = field(default_factory=uniform)


@dataclass(frozen=True, eq=False)
class Element:
    r"""A gate on Pauli words.

    Attributes:
        kind: ``clifford``; ``rotation`` $e^{-i\theta P/2}$; ``axes``, a rotation about X, Y or Z at
            random; ``gate``, any other with one angle; ``fixed``, any other without; ``noise``.
        wires: where.
        letters: of P, for a rotation; numbers as in ``words``.
        image: of each local word, for a Clifford.
        sign: of that image.
        matrix: the transfer matrix, for ``fixed`` and ``noise``.
        samples: the transfer matrix at ``transfer.ANGLES``, for ``gate``.
        angle: where its angle comes from.
    """

    kind: str
    wires: tuple[int, ...]
    letters: tuple[int, ...] = ()
    image: Any = None
    sign: Any = None
    matrix: Any = None
    samples: Any = None
    angle: Angle | None = None

    @property
    def form(self) -> tuple[Any, ...]:
        """What its moments follow from; the same for gates that differ in wires and parameter alone."""
        tables = id(self.image), id(self.matrix), id(self.samples)
        law = self.angle and (self.angle.law, self.angle.scale)
        return self.kind, self.letters, tables, law


def elements(first: Any, second: Any, owner: str, widest: int | None) -> list[Element]:
    """The elements of a layer from two draws ``(operators, entries)`` of it."""
    (ops, entries), (others, other_entries) = first, second
    if [op.name for op in ops] != [op.name for op in others]:
        raise ValueError(
            f"{owner} yields other gates for other numbers. The gates of a layer may depend on wires and "
            "fields only; let numbers enter through angles."
        )
    lookup = _Lookup(entries, other_entries, owner)
    out = []
    for a, b in zip(ops, others, strict=True):
        out += _element(a, b, lookup, widest)
    return out


def _element(a: Any, b: Any, lookup: _Lookup, widest: int | None) -> list[Element]:
    wires = tuple(int(w) for w in a.wires)
    if a.name in NOTHING:
        return []
    if isinstance(a, qp.operation.Channel):
        if not _same(a.data, b.data):
            raise ValueError(
                f"{a.name}: a strength that is a parameter has no engine but 'statevector'."
            )
        return [Element("noise", wires, matrix=transfer.transfer(np.array(a.kraus_matrices())))]
    word = _rotation_word(a)
    one = len(a.data) == 1 and np.ndim(a.data[0]) == 0
    if one and not _same(a.data, b.data):
        angle = lookup.angle(a, b)
        if word is not None and (widest is None or len(word) <= widest):
            kept = [(w, NAMES.index(p)) for w, p in zip(wires, word, strict=True) if p != "I"]
            on, letters = zip(*kept, strict=True)
            return [Element("rotation", on, letters=letters, angle=angle)]
        if len(wires) <= 2 and a.has_matrix:
            samples = _samples(a)
            if transfer.band_limited(samples):
                return [Element("gate", wires, samples=samples, angle=angle)]
    elif len(wires) <= 2 and a.has_matrix and _same(a.data, b.data):
        return [_fixed(a, wires)]
    if isinstance(a, qp.operation.StatePrepBase) and a.name != "BasisState":
        raise ValueError(
            f"{a.name} prepares a state that is no product of one-wire states. Use method='statevector'."
        )
    if a.has_decomposition:
        parts = zip(a.decomposition(), b.decomposition(), strict=True)
        return [e for pair in parts for e in _element(*pair, lookup, widest)]
    raise ValueError(
        f"{a.name} on wires {list(wires)} has no decomposition into gates on two wires. Use "
        "method='statevector'."
    )


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _rotation_word(operator: Any) -> str | None:
    if operator.name == "PauliRot":
        word = operator.hyperparameters["pauli_word"]
        return word if set(word) != {"I"} else None
    return "Z" * len(operator.wires) if operator.name == "MultiRZ" else ROTATIONS.get(operator.name)


def _fixed(operator: Any, wires: tuple[int, ...]) -> Element:
    key = operator.name, tuple(np.asarray(d).tobytes() for d in operator.data)
    return _fixed_of(_Keyed(key, operator), wires)


class _Keyed:
    """An operator that is equal to others of its name and data, on any wires."""

    def __init__(self, key: Any, operator: Any):
        self.key, self.operator = key, operator

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.key == other.key


@cache
def _fixed_of(keyed: _Keyed, wires: tuple[int, ...]) -> Element:
    h = transfer.transfer(np.asarray(keyed.operator.matrix())[None])
    found = transfer.signed_permutation(h)
    if found is None:
        return Element("fixed", wires, matrix=h)
    return Element("clifford", wires, image=found[0], sign=found[1])


def _samples(operator: Any) -> np.ndarray:
    extra = {k: str(v) for k, v in operator.hyperparameters.items()}
    return _samples_of(_Keyed((operator.name, str(extra)), operator))


@cache
def _samples_of(keyed: _Keyed) -> np.ndarray:
    bind = qp.ops.functions.bind_new_parameters
    gates = [bind(keyed.operator, [float(angle)]).matrix() for angle in transfer.ANGLES]
    return np.stack([transfer.transfer(np.asarray(gate)[None]) for gate in gates])


class _Lookup:
    """Which parameter an angle is, by its values in two draws."""

    def __init__(self, first: dict[int, float], second: dict[int, float], owner: str):
        self.keys, self.owner = list(first), owner
        self.values = np.array([list(first.values()), list(second.values())])
        self.exact = {(first[k], second[k]): k for k in self.keys}

    def angle(self, a: Any, b: Any) -> Angle:
        pair = float(a.data[0]), float(b.data[0])
        for scale in (1.0, -1.0):
            entry = self.exact.get((scale * pair[0], scale * pair[1]))
            if entry is not None:
                return Angle(entry, scale)
        if self.keys:
            ratio = np.array(pair)[:, None] / self.values
            found = np.flatnonzero(np.isclose(ratio[0], ratio[1], rtol=SAME, atol=0))
            if found.size == 1:
                return Angle(self.keys[int(found[0])], float(ratio[0, found[0]]))
        raise ValueError(
            f"{self.owner} computes the angle of {a.name} on wires {list(a.wires)} from its parameters: it "
            "is no multiple of one of them. Second moments are known for independent angles only; use "
            "method='statevector' or 'light_cone'."
        )
