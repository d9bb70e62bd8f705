"""Density matrices in NumPy, from the matrices of operators alone: what every quantity is compared with.

Nothing of qdl's simulator is in it. Operators give their matrices, channels their Kraus matrices,
observables their matrices; a layer made of layers is walked here anew. Errors of a place, of its gates
and of its readout, are those of a ``Noise``. Wires are those that the model names, idle ones included; wire
0 is the most significant bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pennylane as qp

from qdl.layers import Adjoint, Composite, Layer, Mirrored, Repeat, Sequential

STENCIL = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}  # the derivative of an analytic function, to h^6
STEP = 2e-4  # radians; data of hundreds multiply it
NOTHING = ("Barrier", "Identity", "GlobalPhase", "Snapshot")
PAULIS = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


@dataclass(frozen=True)
class Noise:
    """Errors of a place: after a gate, Kraus matrices on wires; of a wire's readout, P(seen | was)."""

    after: Callable = lambda operator: ()  # operator -> [(Kraus matrices, wires), ...]
    readout: Mapping = field(default_factory=dict)  # wire -> 2 x 2, rows that add up to one


# ---- operators


def meant(layer, params, x, wires):
    """The operators that a tree of layers stands for, by the definition of each composite."""
    if isinstance(layer, Repeat):
        turns = range(layer.times)
        return [o for t in turns for o in meant(layer.block, _turn(params, t), x, wires)]
    if isinstance(layer, Adjoint):
        return [qp.adjoint(o, lazy=False) for o in meant(layer.block, params, x, wires)[::-1]]
    if isinstance(layer, Mirrored):
        there = meant(layer.block, params["block"], x, wires)
        back = meant(layer.block, params["adjoint"], x, wires)
        return there + [qp.adjoint(o, lazy=False) for o in back[::-1]]
    if isinstance(layer, Composite):
        parts = layer.layers if isinstance(layer, Sequential) else layer.parts(wires)
        named = parts.items() if isinstance(parts, Mapping) else enumerate(parts)
        found = []
        for key, part in named:
            part = part if isinstance(part, Layer) else Sequential(part)
            found += meant(part, params[key], x, wires)
            wires = part.active(wires)
        return found
    says = getattr(layer, "meant", layer.gates)  # a layer of the tests knows what it is about
    return list(says(params, x, wires))


def _turn(params, t):
    if isinstance(params, dict):
        return {name: _turn(inner, t) for name, inner in params.items()}
    if isinstance(params, list | tuple):
        return [_turn(inner, t) for inner in params]
    return None if params is None else np.asarray(params)[t]


def operators(model, params, x=None):
    """Those of one sample; x has shape ``(n_features,)``, or is None."""
    with qp.QueuingManager.stop_recording():
        return meant(model.layers, params, x, model.wires)


def kraus(operator):
    """The Kraus matrices of an operator, on its wires in their order."""
    if isinstance(operator, qp.operation.Channel):
        return [np.asarray(k, complex) for k in operator.kraus_matrices()]
    if isinstance(operator, qp.operation.StatePrepBase):
        vector = np.asarray(operator.state_vector(wire_order=operator.wires), complex).ravel()
        return [np.outer(vector, row) for row in np.eye(len(vector))]
    return [np.asarray(qp.matrix(operator, wire_order=operator.wires), complex)]


# ---- states


def act(matrix, tensor, axes):
    """A matrix on some of a tensor's axes of two."""
    k = len(axes)
    moved = np.tensordot(matrix.reshape((2,) * 2 * k), tensor, (range(k, 2 * k), axes))
    return np.moveaxis(moved, range(k), axes)


def channel(matrices, rho, wires):
    """``sum_k K rho K^dagger``; rho as a tensor of 2 n axes."""
    n = rho.ndim // 2
    bra = [n + w for w in wires]
    return sum(act(k.conj(), act(k, rho, list(wires)), bra) for k in matrices)


def rho_of(gates, n, noise=None):
    """The state after operators on n wires that start in 0, as a tensor of 2 n axes."""
    rho = np.zeros((2,) * 2 * n, complex)
    rho[(0,) * 2 * n] = 1
    for gate in gates:
        if gate.name not in NOTHING:
            rho = channel(kraus(gate), rho, gate.wires)
        for matrices, wires in () if noise is None else noise.after(gate):
            rho = channel(matrices, rho, wires)
    return rho


def rho(model, params, x=None, noise=None):
    """The state of a model for one sample, as a tensor of 2 n axes."""
    return rho_of(operators(model, params, x), model.n_wires, noise)


def matrix(state):
    """A tensor of 2 n axes as a matrix."""
    return state.reshape(2 ** (state.ndim // 2), -1)


def probabilities(state, wires, readout=None):
    """Of the basis states of some wires, the first most significant."""
    n = state.ndim // 2
    p = np.real(np.diagonal(matrix(state))).reshape((2,) * n)
    for wire, confusion in (readout or {}).items():
        p = act(np.asarray(confusion, float).T, p, [wire])
    gone = tuple(w for w in range(n) if w not in wires)
    left = [w for w in range(n) if w in wires]
    return p.sum(axis=gone).transpose([left.index(w) for w in wires]).ravel()


# ---- readouts


def words(observable):
    """A Hermitian observable as ``{((wire, letter), ...): coefficient}``, from its matrix."""
    wires = list(observable.wires)
    if not wires:
        return {(): float(np.real(qp.matrix(observable, wire_order=[0])[0, 0]))}
    dense = np.asarray(qp.matrix(observable, wire_order=wires), complex)
    found = {}
    for letters in product("IXYZ", repeat=len(wires)):
        word = np.ones((1, 1))
        for letter in letters:
            word = np.kron(word, PAULIS.get(letter, np.eye(2)))
        c = np.trace(word @ dense).real / len(dense)
        if abs(c) > 1e-14:
            name = tuple((w, s) for w, s in zip(wires, letters, strict=True) if s != "I")
            found[name] = found.get(name, 0.0) + c
    return found


def expectation(state, word, readout=None):
    """Of a word; with errors of readout, as counted after each letter was turned into Z."""
    for wire, letter in word:
        m = PAULIS[letter]
        if readout and wire in readout:
            (a, b), (c, d) = readout[wire]
            m = (a - b + c - d) / 2 * np.eye(2) + (a - b - c + d) / 2 * m
        state = act(m, state, [wire])
    return float(np.trace(matrix(state)).real)


def readouts(model):
    """What the model's readout measures: observables, or the wires of probabilities."""
    with qp.QueuingManager.stop_recording():
        found = model.readout.measurements(model.active)
    if isinstance(found[0], qp.measurements.ProbabilityMP):
        return tuple(found[0].wires) or tuple(model.active)
    return [each.obs for each in found]


def read(state, asked, noise=None):
    """The values ``(k,)`` of ``readouts``, and the standard deviation and range of one shot."""
    errors = {} if noise is None else noise.readout
    if isinstance(asked, tuple):
        p = probabilities(state, asked, errors)
        return p, np.sqrt((p * (1 - p)).clip(0)), np.ones(len(p))
    values, deviations, ranges = [], [], []
    for observable in asked:
        terms = {
            word: (c, expectation(state, word, errors)) for word, c in words(observable).items()
        }
        values.append(sum(c * v for c, v in terms.values()))
        scatter = [abs(c) * np.sqrt(max(1 - v * v, 0)) for w, (c, v) in terms.items() if w]
        deviations.append(sum(scatter))
        ranges.append(sum(2 * abs(c) for w, (c, _) in terms.items() if w))
    return np.array(values), np.array(deviations), np.array(ranges)


def measure(gates, n, asked, noise=None):
    """Values of ``readouts`` after gates on n wires, and deviation and range of one shot."""
    return read(rho_of(gates, n, noise), asked, noise)


def rows(x):
    """The samples of features of any leading axes; one None without features."""
    return [None] if x is None else np.asarray(x, float).reshape(-1, np.shape(x)[-1])


def shots_of(model, params, x=None, noise=None):
    """Values, standard deviations and ranges of one shot, each ``(..., k)`` for all samples."""
    found = [read(rho(model, params, row, noise), readouts(model), noise) for row in rows(x)]
    lead = () if x is None else np.shape(x)[:-1]
    return [np.array(each).reshape(*lead, -1) for each in zip(*found, strict=True)]


def values(model, params, x=None, noise=None):
    """The readout values ``(k,)`` or ``(..., k)``."""
    return shots_of(model, params, x, noise)[0]


def slope(function, at):
    """The derivative of a function of one number at 0, which is ``at(step)``."""
    pairs = ((w, function(at(k * STEP)), function(at(-k * STEP))) for k, w in STENCIL.items())
    return sum(w * (above - below) for w, above, below in pairs) / STEP
