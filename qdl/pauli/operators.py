"""PennyLane operators as gates on Pauli words.

Five kinds of gate and the channels; code that treats them differently matches on the class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pennylane as qp

from ..initializers import uniform
from ..layers import Layer
from ..layers.base import Wires
from ..reading import Computed, Constant, Entry, Feature, Gate, read_gates
from ..reading.gates import Array, dims_of
from ..refused import Refused
from . import transfer
from .words import NAMES

NOTHING = ("Identity", "GlobalPhase", "Barrier", "Snapshot", "WireCut")
ROTATIONS = {
    "RX": "X", "RY": "Y", "RZ": "Z", "PhaseShift": "Z", "IsingXX": "XX", "IsingYY": "YY", "IsingZZ": "ZZ",
}  # fmt: skip


@dataclass(frozen=True)
class Angle:
    """``scale`` times a parameter, or times feature ``-1 - entry`` where ``entry`` is negative."""

    entry: int
    scale: float = 1.0
    law: Any = field(default_factory=uniform)

    @property
    def form(self) -> tuple[Any, ...]:
        """What its moments follow from."""
        return self.law, self.scale

    @property
    def parameter(self) -> int | None:
        """The parameter that it belongs to; None for a feature."""
        return None if self.entry < 0 else self.entry


@dataclass(frozen=True, eq=False)
class Clifford:
    """A gate that turns every Pauli word into one word.

    Attributes:
        wires: where.
        image: of each local word.
        sign: of that image.
    """

    wires: tuple[int, ...]
    image: np.ndarray
    sign: np.ndarray
    angle: ClassVar[None] = None
    label: ClassVar[str] = "Clifford gate"

    @property
    def form(self) -> tuple[Any, ...]:
        """What its moments follow from; the same for gates that differ in wires and parameter alone."""
        return Clifford, id(self.image), id(self.sign)


@dataclass(frozen=True, eq=False)
class PauliRotation:
    r"""$e^{-i\theta P/2}$ for a Pauli word P with ``letters`` numbered as in ``words``."""

    wires: tuple[int, ...]
    letters: tuple[int, ...]
    angle: Angle
    label: ClassVar[str] = "rotation"

    @property
    def form(self) -> tuple[Any, ...]:
        """See ``Clifford``."""
        return PauliRotation, self.letters, self.angle.form


@dataclass(frozen=True, eq=False)
class AxisRotation:
    """A rotation of one wire about X, Y or Z, each drawn with the same probability."""

    wires: tuple[int, ...]
    angle: Angle
    label: ClassVar[str] = "rotation about a random axis"

    @property
    def form(self) -> tuple[Any, ...]:
        """See ``Clifford``."""
        return AxisRotation, self.angle.form


@dataclass(frozen=True, eq=False)
class AngleGate:
    """Any other gate with one angle; ``samples`` are its transfer matrix at ``transfer.ANGLES``."""

    wires: tuple[int, ...]
    samples: np.ndarray
    angle: Angle
    label: ClassVar[str] = "gate with one angle"

    @property
    def form(self) -> tuple[Any, ...]:
        """See ``Clifford``."""
        return AngleGate, id(self.samples), self.angle.form


@dataclass(frozen=True, eq=False)
class FixedGate:
    """Any other gate without an angle, by its transfer ``matrix``."""

    wires: tuple[int, ...]
    matrix: np.ndarray
    angle: ClassVar[None] = None
    label: ClassVar[str] = "fixed gate"

    @property
    def form(self) -> tuple[Any, ...]:
        """See ``Clifford``."""
        return FixedGate, id(self.matrix)


@dataclass(frozen=True, eq=False)
class Channel:
    """Noise, by its transfer ``matrix``."""

    wires: tuple[int, ...]
    matrix: np.ndarray
    angle: ClassVar[None] = None
    label: ClassVar[str] = "channel"

    @property
    def form(self) -> tuple[Any, ...]:
        """See ``Clifford``."""
        return Channel, id(self.matrix)


Element = Clifford | PauliRotation | AxisRotation | AngleGate | FixedGate | Channel


def elements(layer: Layer, wires: Wires, x: Any, widest: int | None, owner: str) -> list[Element]:
    """The elements of a layer that is not made of others; entries number its flattened parameters.

    Args:
        layer: the layer.
        wires: its wires.
        x: the features ``(n_features,)``, or None to leave them open.
        widest: decompose Pauli rotations on more wires than this.
        owner: the layer's name, for messages.

    Raises:
        Refused: an angle that the layer computes, a gate that has none of these forms.
    """
    features = x if x is not None or not layer.n_features(wires) else (layer.n_features(wires),)
    gates = list(read_gates(layer, wires, features, lambda operator: [operator]))
    whole = [_is_constant(gate) or _is_whole(gate.operator, widest) for gate in gates]
    if not all(whole):  # the sources of their parts come from reading those
        parts = iter(read_gates(layer, wires, features, lambda o: _parts(o, widest)))
        apart = [list(islice(parts, len(_parts(gate.operator, widest)))) for gate in gates]
        gates = [
            part
            for gate, kept, its_parts in zip(gates, whole, apart, strict=True)
            for part in ([gate] if kept else its_parts)
        ]
    out: list[Element] = []
    for gate in gates:
        out += _constant(gate.operator) if _is_constant(gate) else _varying(gate, widest, owner)
    return out


def fixed_gate(wires: tuple[int, ...], unitary: np.ndarray) -> Element:
    """A unitary on one or two wires, the first most significant."""
    image, sign, matrix = _fixed(transfer.Bytes(unitary))
    return FixedGate(wires, matrix) if image is None else Clifford(wires, image, sign)


def channel(wires: tuple[int, ...], kraus: np.ndarray) -> Channel:
    """A channel by its Kraus matrices ``(K, d, d)``."""
    return Channel(wires, _transfer(transfer.Bytes(kraus)))


def _is_constant(gate: Gate) -> bool:
    return all(
        not s.computed if isinstance(s, Array) else isinstance(s, Constant) for s in gate.sources
    )


def _is_small(operator: Any) -> bool:
    return len(operator.wires) <= 2 and operator.has_matrix


def _is_whole(operator: Any, widest: int | None) -> bool:
    """Whether an operator that varies can be one element, or can be nothing but refused."""
    preparation = isinstance(operator, qp.operation.StatePrepBase) and operator.name != "BasisState"
    if preparation or operator.name in NOTHING or isinstance(operator, qp.operation.Channel):
        return True
    if not operator.has_decomposition or _rotation_word(operator, widest) is not None:
        return True
    dims = dims_of(operator)
    return _is_small(operator) and (any(dims) or (dims == [0] and _band_limited(operator)))


def _parts(operator: Any, widest: int | None) -> list[Any]:
    """The operator, or what it is made of if it is not whole."""
    if _is_whole(operator, widest) or (_is_small(operator) and not operator.data):
        return [operator]
    return [part for each in operator.decomposition() for part in _parts(each, widest)]


def _constant(operator: Any) -> list[Element]:
    """An operator whose numbers are known."""
    wires = tuple(int(w) for w in operator.wires)
    if operator.name in NOTHING:
        return []
    if isinstance(operator, qp.operation.Channel):
        return [channel(wires, np.array(operator.kraus_matrices()))]
    if _is_small(operator):
        return [fixed_gate(wires, np.asarray(operator.matrix()))]
    if isinstance(operator, qp.operation.StatePrepBase) and operator.name != "BasisState":
        raise _no_product_state(operator)
    if not operator.has_decomposition:
        raise _no_decomposition(operator)
    return [element for part in operator.decomposition() for element in _constant(part)]


def _varying(gate: Gate, widest: int | None, owner: str) -> list[Element]:
    """An operator with an angle that is a multiple of a parameter or of a feature."""
    operator = gate.operator
    wires = tuple(int(w) for w in operator.wires)
    if operator.name in NOTHING:
        return []
    if isinstance(operator, qp.operation.Channel):
        raise Refused(
            f"{operator.name}: a strength that is a parameter has no engine but 'statevector'."
        )
    if isinstance(operator, qp.operation.StatePrepBase):
        raise _no_product_state(operator)
    word = _rotation_word(operator, widest)
    if word is None and not _is_small(operator):
        raise _no_decomposition(operator)
    [source, *more] = gate.sources
    if more or isinstance(source, Computed | Array):
        raise Refused(
            f"{owner} computes the angle of {operator.name} on wires {list(wires)}: it is no "
            "multiple of one parameter or of one feature. Second moments are known for independent "
            "angles only; use method='statevector' or 'light_cone'."
        )
    assert isinstance(source, Entry | Feature)
    entry = source.index if isinstance(source, Entry) else -1 - source.index
    angle = Angle(entry, source.factor)
    if word is None:
        if not _band_limited(operator):
            raise _no_decomposition(operator)
        return [AngleGate(wires, _samples_of(_Kind(operator)), angle)]
    kept = [(w, NAMES.index(p)) for w, p in zip(wires, word, strict=True) if p != "I"]
    on, letters = zip(*kept, strict=True)
    return [PauliRotation(on, letters, angle)]


def _no_product_state(operator: Any) -> Refused:
    return Refused(
        f"{operator.name} prepares a state that is no product of one-wire states. Use method='statevector'."
    )


def _no_decomposition(operator: Any) -> Refused:
    return Refused(
        f"{operator.name} on wires {operator.wires.tolist()} has no decomposition into gates on two wires. "
        "Use method='statevector'."
    )


def _rotation_word(operator: Any, widest: int | None) -> str | None:
    """P of a rotation about a Pauli word on at most ``widest`` wires."""
    word = ROTATIONS.get(operator.name)
    if operator.name == "PauliRot":
        word = operator.hyperparameters["pauli_word"]
    if operator.name == "MultiRZ":
        word = "Z" * len(operator.wires)
    unfit = word is None or set(word) == {"I"} or (widest is not None and len(word) > widest)
    return None if unfit else word


@cache
def _transfer(kraus: transfer.Bytes) -> np.ndarray:
    return transfer.transfer(kraus.values)


@cache
def _fixed(matrix: transfer.Bytes) -> tuple[Any, ...]:
    """The image and the sign of each word, None for a gate that is no Clifford; and the transfer matrix."""
    h = transfer.transfer(matrix.values[None])
    image, sign = transfer.signed_permutation(h) or (None, None)
    return image, sign, h


class _Kind:
    """An operator that is equal to others of its name and settings, whatever its angle."""

    def __init__(self, operator: Any):
        settings = {name: str(value) for name, value in operator.hyperparameters.items()}
        self.operator, self.key = operator, (operator.name, str(settings))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kind) and self.key == other.key


def _band_limited(operator: Any) -> bool:
    return transfer.band_limited(_samples_of(_Kind(operator)))


@cache
def _samples_of(kind: _Kind) -> np.ndarray:
    bind = qp.ops.functions.bind_new_parameters
    gates = [bind(kind.operator, [float(angle)]).matrix() for angle in transfer.ANGLES]
    return np.stack([transfer.transfer(np.asarray(gate)[None]) for gate in gates])
