r"""Splitting gates into what is cheap to apply: sign patterns, bit maps, and small matrices.

Every gate becomes phases $e^{i\theta c (-1)^{b \cdot m}}$, affine maps of the bits, and dense matrices,
real ones wherever possible: a real matrix costs half of a complex one, because it acts on the real
and the imaginary part alike. RX, for example, is an RY between two constant phases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane as qp

from ..reading.gates import dims_of
from .matrices import RY, Form, constant_form, operator_matrix, rotation_form
from .read import CONSTANTS, PLAIN, Gate, Reading, Slot

IN_PARTS = ("base", "operands", "control_wires", "work_wires", "target_wires", "wires")


class Angle(NamedTuple):
    """An index into the numbers that all samples share, or into those with a batch axis."""

    batched: bool
    at: int


class Phase(NamedTuple):
    """Multiply by exp(i coefficient * angle * (-1)^(parity of the wires' bits))."""

    wires: tuple[int, ...]
    coefficient: float
    angle: Angle | None  # None: the angle is 1, the coefficient alone is the phase


class Affine(NamedTuple):
    """Move amplitudes: old bit j of ``wires`` = parity of the new bits in ``rows[j]``, xor ``flips[j]``."""

    wires: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    flips: tuple[int, ...]


class Dense(NamedTuple):
    """A small matrix, built by ``form`` from its angles."""

    wires: tuple[int, ...]
    form: Form
    angles: tuple[Angle, ...]
    batched: bool = False
    array: int | None = None  # the piece that holds the matrix, where no form builds it


class Fence(NamedTuple):
    """Nothing is fused across this point."""

    wires: tuple[int, ...] = ()


Element = Phase | Affine | Dense | Fence


class Preparation(NamedTuple):
    """The state that the circuit starts in, as amplitudes ``([batch,] 2**k)``."""

    wires: tuple[int, ...]
    state: Any  # amplitudes, or the number of the piece that holds them


def split(reading: Reading, batched: tuple[bool, ...]) -> list[Element | Preparation]:
    """The elements of all gates, in order; ``batched`` says it of each piece of numbers."""
    rules: dict[Any, Any] = {}
    elements: list[Element | Preparation] = []
    fences = set(reading.fences)
    locate = _locator(reading, batched)
    for i, gate in enumerate(reading.gates):
        if i in fences:
            elements.append(Fence())
        elements += _split(gate, rules, locate, batched)
    return elements


def _locator(reading: Reading, batched: tuple[bool, ...]) -> Callable[[Slot], Angle]:
    """Pieces of one sort lie one after another, the constants after the shared ones."""
    ends = {False: 0, True: 0}
    starts = []
    for piece, many in zip(reading.pieces, batched, strict=True):
        starts.append(ends[many])
        ends[many] += 0 if piece.arrays else piece.size
    starts.append(ends[False])

    def locate(slot: Slot) -> Angle:
        many = slot.piece != CONSTANTS and batched[slot.piece]
        return Angle(many, starts[slot.piece] + slot.at)

    return locate


def _split(
    gate: Gate, rules: dict[Any, Any], locate: Callable[[Slot], Angle], batched: tuple[bool, ...]
) -> list[Any]:
    operator, wires = gate.operator, tuple(gate.operator.wires)
    if isinstance(operator, qp.operation.StatePrepBase):
        fixed = gate.array
        if fixed is None:
            fixed = np.asarray(_of_numpy(operator).state_vector()).ravel()  # pyright: ignore[reportArgumentType]
        return [Preparation(wires, fixed)]
    if gate.array is not None:
        form = Form(("array", len(wires)), False, _no_build)
        return [Dense(wires, form, (), batched[gate.array], gate.array)]
    key = _key(operator)
    if key not in rules:
        rules[key] = _rule(operator, key)
    angles = tuple(map(locate, gate.angles))
    out: list[Any] = []
    rule: list[Any] = rules[key]  # here an angle is a place among the gate's
    for element in rule:
        on = tuple(wires[i] for i in element.wires)
        if isinstance(element, Phase):
            place: Any = element.angle
            angle = None if place is None else angles[place]
            out.append(Phase(on, element.coefficient, angle))
        elif isinstance(element, Affine):
            out.append(element._replace(wires=on))
        else:
            used = tuple(angles[place] for place in element.angles)
            out.append(Dense(on, element.form, used, any(a.batched for a in used)))
    return out


def _key(operator: Any) -> Any:
    """Equal for operators that differ in wires and in angle values only."""
    if type(operator) in PLAIN:
        return operator.name
    wires = list(operator.wires)
    parts = [getattr(operator, "base", None), *getattr(operator, "operands", ())]
    parts = [part for part in parts if isinstance(part, qp.operation.Operator)]
    inner = tuple((_key(part), tuple(wires.index(w) for w in part.wires)) for part in parts)
    data = zip(operator.data, dims_of(operator), strict=True)
    arrays = tuple(np.asarray(d).tobytes() for d, dim in data if dim > 0)
    hyper = str({k: str(v) for k, v in operator.hyperparameters.items() if k not in IN_PARTS})
    extra = str([getattr(operator, name, None) for name in ("control_values", "z", "num_steps")])
    return operator.name, len(wires), hyper, arrays, inner, extra


def _local(operator: Any) -> Any:
    return qp.map_wires(_of_numpy(operator), {w: i for i, w in enumerate(operator.wires)})


def _of_numpy(operator: Any) -> Any:
    """The operator with its stand-ins as NumPy numbers, which stay numbers while JAX traces."""
    if not any(isinstance(number, jax.Array) for number in operator.data):
        return operator
    numbers = [np.asarray(number) for number in operator.data]
    with qp.QueuingManager.stop_recording():
        return qp.ops.functions.bind_new_parameters(operator, numbers)


def _matrix(operator: Any) -> np.ndarray:
    return np.asarray(qp.matrix(operator, wire_order=range(len(operator.wires))))


def _rule(operator: Any, key: Any) -> list[Any]:
    """Elements on wires 0..k-1; an angle is its position among the operator's parameters."""
    local = _local(operator)
    k = len(local.wires)
    all_wires = tuple(range(k))
    if local.name == "RY":
        return [Dense((0,), RY, (0,))]  # type: ignore[arg-type]
    if local.name == "RX":
        return [_z(np.pi / 2), Dense((0,), RY, (0,)), _z(-np.pi / 2)]  # type: ignore[arg-type]
    if local.name == "Rot":
        return [
            Phase((0,), -0.5, 0),  # type: ignore[arg-type]
            Dense((0,), RY, (1,)),  # type: ignore[arg-type]
            Phase((0,), -0.5, 2),  # type: ignore[arg-type]
        ]
    scalars = [d for d, dim in zip(local.data, dims_of(local), strict=True) if dim == 0]
    if len(scalars) == len(local.data) == 1:
        coefficients = _diagonal_generator(local)
        if coefficients is not None:
            return [Phase(w, c, 0) for w, c in coefficients]  # type: ignore[arg-type]
        generator = _generator(local)
        if generator is not None:
            real = bool(np.abs(_matrix(_unbatched(local)).imag).max() < 1e-15)
            return [Dense(all_wires, rotation_form(generator, real, key), (0,))]  # type: ignore[arg-type]
    local = _unbatched(local)
    matrix = _matrix(local)
    if not scalars:
        monomial = _monomial(matrix, k)
        if monomial is not None:
            return monomial
        return [Dense(all_wires, constant_form(matrix), ())]
    real = bool(np.abs(matrix.imag).max() == 0)
    form = Form(key, real, operator_matrix(local, real))
    places: Any = tuple(range(len(scalars)))
    return [Dense(all_wires, form, places)]


def _z(angle: float) -> Phase:
    return Phase((0,), -angle / 2, None)


def _unbatched(operator: Any) -> Any:
    """The operator with one number per parameter, where a stand-in batch was given."""
    if operator.batch_size is None:
        return operator
    data = [
        d if np.ndim(d) == n else d[0]
        for d, n in zip(operator.data, dims_of(operator), strict=True)
    ]
    return qp.ops.functions.bind_new_parameters(operator, data)


def walsh(values: np.ndarray, k: int) -> list[tuple[tuple[int, ...], float]]:
    """The expansion of f(b) over 2**k bit strings in parities: [(wires, coefficient)]."""
    bits = (np.arange(2**k)[:, None] >> np.arange(k - 1, -1, -1)) & 1
    out = []
    for mask in bits:
        coefficient = float(np.mean(values * (-1.0) ** (bits @ mask)))
        if abs(coefficient) > 1e-14:
            out.append((tuple(int(w) for w in np.flatnonzero(mask)), coefficient))
    return out


def _generator(operator: Any) -> np.ndarray | None:
    """G of an operator that is exp(i theta G) for its one angle, checked; None for others."""
    if not operator.has_generator:
        return None
    single = _unbatched(operator)
    observable: Any = qp.generator(single, format="observable")
    generator = _matrix(observable + 0 * qp.I(single.wires))  # on all wires of the gate
    if np.abs(_matrix(single) - _exponential(generator)(single.data[0])).max() > 1e-12:
        return None
    return generator


def _exponential(generator: np.ndarray) -> Callable[[Any], np.ndarray]:
    values, vectors = np.linalg.eigh(generator)
    return lambda theta: (vectors * np.exp(1j * theta * values)) @ vectors.conj().T


def _diagonal_generator(operator: Any) -> list[tuple[tuple[int, ...], float]] | None:
    """For exp(i theta D) with diagonal D: D in parities. None for other operators."""
    if operator.name == "MultiRZ":
        return [(tuple(range(len(operator.wires))), -0.5)]
    if operator.name == "GlobalPhase":
        return [((), -1.0)]
    generator = _generator(operator)
    if generator is None or np.abs(generator - np.diag(np.diag(generator))).max() > 0:
        return None
    return walsh(np.diag(generator).real, len(operator.wires))


def _monomial(matrix: np.ndarray, k: int) -> list[Any] | None:
    """A constant matrix with one unit entry per column, if it maps bits affinely; else None."""
    size = np.abs(matrix)
    if np.abs(size - size.round()).max() > 1e-12 or not np.all(size.round().sum(0) == 1):
        return None
    source = size.round().argmax(1)  # new state -> old state
    bits = (np.arange(2**k)[:, None] >> np.arange(k - 1, -1, -1)) & 1
    old = bits[source]
    flips = old[0]
    rows = np.array([old[1 << (k - 1 - w)] ^ flips for w in range(k)]).T  # rows[j, w]
    if not np.array_equal((bits @ rows.T + flips) % 2, old):
        return None
    phase = np.angle(matrix[np.arange(2**k), source])
    wires = tuple(range(k))
    elements: list[Any] = []
    if not (np.array_equal(rows, np.eye(k)) and not flips.any()):
        elements.append(Affine(wires, tuple(map(tuple, rows.tolist())), tuple(flips.tolist())))
    return elements + [Phase(w, c, None) for w, c in walsh(phase, k)]


def turned(element: Element) -> list[Element]:
    """An RY with a batch of angles as an RZ between Hadamards: RY(a) = V H RZ(a) H V^-1, V = RZ(pi/2).

    The matrices are then the same for all samples; what differs is a multiplication by phases.
    """
    if not (isinstance(element, Dense) and element.batched and element.form == RY):
        return [element]
    wires, (angle,) = element.wires, element.angles
    hadamard = Dense(wires, constant_form(np.array([[1, 1], [1, -1]]) / np.sqrt(2)), ())
    quarter = Phase(wires, np.pi / 4, None)
    back = Phase(wires, -np.pi / 4, None)
    return [quarter, hadamard, Phase(wires, -0.5, angle), hadamard, back]


def _no_build(angles: jax.Array) -> jax.Array:
    raise AssertionError("a computed matrix is looked up, not built")
