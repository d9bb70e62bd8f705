"""Splitting gates into what is cheap to apply: sign patterns, bit maps, and small matrices.

Every gate becomes phases $e^{i\\theta c (-1)^{b \\cdot m}}$, affine maps of the bits, and dense matrices,
real ones wherever possible: a real matrix costs half of a complex one, because it acts on the real
and the imaginary part alike. RX, for example, is an RY between two constant phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .read import CONSTANTS, Gate, Reading, Slot


class Angle(NamedTuple):
    """An index into the numbers that all samples share, or into those with a batch axis."""

    batched: bool
    index: int


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


@dataclass(frozen=True)
class Form:
    """How to build a matrix from angles ``(..., m)``; equal keys give equal matrices."""

    key: Any
    real: bool
    build: Callable[[jax.Array], jax.Array] = field(compare=False)


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
        return Angle(many, starts[slot.piece] + slot.index)

    return locate


def _split(
    gate: Gate, rules: dict[Any, Any], locate: Callable[[Slot], Angle], batched: tuple[bool, ...]
) -> list[Any]:
    operator, wires = gate.operator, tuple(gate.operator.wires)
    if isinstance(operator, qp.operation.StatePrepBase):
        fixed = np.ravel(operator.state_vector()) if gate.array is None else gate.array
        return [Preparation(wires, fixed)]
    if gate.array is not None:
        form = Form(("array", len(wires)), False, _no_build)
        return [Dense(wires, form, (), batched[gate.array], gate.array)]
    key = _key(operator)
    if key not in rules:
        rules[key] = _rule(operator, key)
    angles = tuple(map(locate, gate.angles))
    out: list[Any] = []
    for element in rules[key]:
        on = tuple(wires[i] for i in element.wires)
        if isinstance(element, Phase):
            angle = None if element.angle is None else angles[element.angle]
            out.append(Phase(on, element.coefficient, angle))
        elif isinstance(element, Affine):
            out.append(element._replace(wires=on))
        else:
            used = tuple(angles[i] for i in element.angles)
            out.append(Dense(on, element.form, used, any(a.batched for a in used)))
    return out


def _key(operator: Any) -> Any:
    """Equal for operators that differ in wires and in angle values only."""
    arrays = tuple(np.asarray(d).tobytes() for d in operator.data if np.ndim(d) > 1)
    base = getattr(operator, "base", None)
    inner = _key(base) if isinstance(base, qp.operation.Operator) else None
    scalar = getattr(operator, "scalar", None) if inner is None else getattr(operator, "z", None)
    hyper = {k: v for k, v in operator.hyperparameters.items() if k != "base"}
    order = tuple(list(operator.wires).index(w) for w in getattr(base, "wires", ()))
    constant = () if inner is None else (getattr(operator, "control_values", None),)
    text = str(hyper) if inner is None else str({k: str(v) for k, v in hyper.items() if "wires" not in k})
    return (operator.name, len(operator.wires), text, arrays, inner, order, str(constant), str(scalar))


def _local(operator: Any) -> Any:
    return qp.map_wires(operator, {w: i for i, w in enumerate(operator.wires)})


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
    scalars = [d for d in local.data if np.ndim(d) <= 1]
    if len(scalars) == len(local.data) == 1:
        coefficients = _diagonal_generator(local)
        if coefficients is not None:
            return [Phase(w, c, 0) for w, c in coefficients]  # type: ignore[arg-type]
    local = _unbatched(local)
    matrix = _matrix(local)
    if not scalars:
        monomial = _monomial(matrix, k)
        if monomial is not None:
            return monomial
        return [Dense(all_wires, constant_form(matrix), ())]
    real = bool(np.abs(matrix.imag).max() == 0)
    return [Dense(all_wires, Form(key, real, _builder(local)), tuple(range(len(scalars))))]  # type: ignore[arg-type]


def _z(angle: float) -> Phase:
    return Phase((0,), -angle / 2, None)


def _unbatched(operator: Any) -> Any:
    """The operator with one number per parameter, where a stand-in batch was given."""
    if operator.batch_size is None:
        return operator
    data = [d if np.ndim(d) == n else d[0] for d, n in zip(operator.data, operator.ndim_params, strict=True)]
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


def _diagonal_generator(operator: Any) -> list[tuple[tuple[int, ...], float]] | None:
    """For exp(i theta D) with diagonal D: D in parities. None for other operators."""
    if operator.name == "MultiRZ":
        return [(tuple(range(len(operator.wires))), -0.5)]
    if operator.name == "GlobalPhase":
        return [((), -1.0)]
    if not operator.has_generator:
        return None
    single = _unbatched(operator)
    generator = _matrix(qp.generator(single, format="observable") + 0 * qp.I(single.wires))
    diagonal = np.diag(generator).real
    rebuilt = np.diag(np.exp(1j * single.data[0] * diagonal))
    if np.abs(_matrix(single) - rebuilt).max() > 1e-12:
        return None
    return walsh(diagonal, len(operator.wires))


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


def _ry(angles: jax.Array) -> jax.Array:
    cos, sin = jnp.cos(angles[..., 0] / 2), jnp.sin(angles[..., 0] / 2)
    return jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], -2)


RY = Form("RY", True, _ry)


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


def constant_form(matrix: np.ndarray) -> Form:
    """The form of a matrix that no angle enters."""
    real = bool(np.abs(matrix.imag).max() < 1e-15)
    matrix = np.ascontiguousarray(matrix.real if real else matrix)
    return Form((matrix.tobytes(), real), real, lambda angles: jnp.asarray(matrix))


def _no_build(angles: jax.Array) -> jax.Array:
    raise AssertionError("a computed matrix is looked up, not built")


def _builder(operator: Any) -> Callable[[jax.Array], jax.Array]:
    """Any PennyLane operator's matrix as a function of stacked angles."""

    def one(angles: jax.Array) -> jax.Array:
        with qp.QueuingManager.stop_recording():
            bound = qp.ops.functions.bind_new_parameters(operator, list(angles))
        return qp.matrix(bound, wire_order=range(len(operator.wires)))

    def build(angles: jax.Array) -> jax.Array:
        flat = jax.vmap(one)(angles.reshape(-1, angles.shape[-1]))
        return flat.reshape(*angles.shape[:-1], *flat.shape[1:])

    return build


def product(matrices: list[tuple[jax.Array, tuple[int, ...]]], k: int) -> jax.Array:
    """The product of matrices ``(..., d, d)`` on some of k bits each, in time order: ``(..., 2^k, 2^k)``."""
    return reduce(lambda done, step: _on(step[0], step[1], done, k), matrices[1:], embed(*matrices[0], k))


def embed(matrix: jax.Array, bits: tuple[int, ...], k: int) -> jax.Array:
    """A matrix on some of k bits as a matrix on all of them."""
    if bits == tuple(range(k)):
        return matrix
    return _on(matrix, bits, jnp.eye(2**k, dtype=matrix.dtype), k)


def _on(matrix: jax.Array, bits: tuple[int, ...], block: jax.Array, k: int) -> jax.Array:
    """``matrix`` applied to the given bits of the rows of ``block`` ``(..., 2^k, c)``."""
    j, lead = len(bits), max(matrix.ndim, block.ndim) - 2
    block = jnp.broadcast_to(block, (*matrix.shape[:-2], *block.shape[-2:])) if block.ndim == 2 else block
    shape = block.shape
    axes = [lead + b for b in bits]
    split_rows = block.reshape(*shape[:-2], *(2,) * k, shape[-1])
    front = jnp.moveaxis(split_rows, axes, range(lead, lead + j))
    moved = front.shape
    out = matrix @ front.reshape(*shape[:-2], 2**j, -1)
    return jnp.moveaxis(out.reshape(moved), range(lead, lead + j), axes).reshape(shape)


def element_form(element: Element) -> tuple[Form, tuple[Angle, ...]]:
    """Any element as a matrix on its wires, and the angles that it needs."""
    if isinstance(element, Dense):
        return element.form, element.angles
    k = len(element.wires)
    bits = (np.arange(2**k)[:, None] >> np.arange(k - 1, -1, -1)) & 1
    if isinstance(element, Affine):
        old = (bits @ np.array(element.rows).T + np.array(element.flips)) % 2
        source = old @ (1 << np.arange(k - 1, -1, -1))
        return constant_form(np.eye(2**k)[source]), ()
    phases = element.coefficient * (-1.0) ** bits.sum(1)
    if element.angle is None:
        return constant_form(np.diag(np.exp(1j * phases))), ()

    def build(angles: jax.Array) -> jax.Array:
        turn = angles[..., :1] * phases
        diagonal = jax.lax.complex(jnp.cos(turn), jnp.sin(turn))
        return diagonal[..., None] * jnp.eye(2**k, dtype=diagonal.dtype)

    return Form(("phase", k, element.coefficient), False, build), (element.angle,)


def composite_form(steps: tuple[tuple[Form, tuple[int, ...], int], ...], k: int) -> Form:
    """A run of matrices on k wires as one: steps of (form, its wires, how many angles it takes)."""

    def build(angles: jax.Array) -> jax.Array:
        matrices, at = [], 0
        for form, wires, count in steps:
            matrix = form.build(angles[..., at : at + count])
            matrices.append((jnp.broadcast_to(matrix, (*angles.shape[:-1], *matrix.shape[-2:])), wires))
            at += count
        return product(matrices, k)

    key = tuple((form.key, wires, count) for form, wires, count in steps)
    return Form((key, k), all(form.real for form, _, _ in steps), build)
