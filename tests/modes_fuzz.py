"""``python -m tests.modes_fuzz --cases N --seed S [--only I]``: random circuits of modes against generators.

The reference exponentiates generators in a Fock basis wide enough for these states: matrices that share
nothing with those of ``qdl.modes``. Gaussian circuits are compared with ``default.gaussian`` too. A case is
one model on one place in one precision; every difference is printed with the number that repeats it.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane as qp
import scipy.sparse.linalg

import qdl
from qdl.backends import fock, gaussian
from qdl.layers import Adjoint, Mirrored, Repeat, Template
from qdl.photonic import (
    CrossKerr,
    CubicPhase,
    Displacement,
    DisplacementEncoding,
    FockProbs,
    Interferometer,
    Kerr,
    PhotonNumber,
    Quadrature,
    Squeezing,
)
from tests.fuzz.maps import MAPPED, applied, let_go

LEVELS = {1: 60, 2: 17, 3: 9}  # of the reference
CUTOFFS = {1: 40, 2: 15, 3: 8}
TOTALS = {1: 40, 2: 20, 3: 13}
SIZE = {1: 0.15, 2: 0.1, 3: 0.05}  # of the parameters that bring energy
ROOM = {"float64": 2e-5, "float32": 4e-5}  # the states reach beyond the bases by less
GAUSSIAN_ROOM = {"float64": 1e-9, "float32": 2e-5}
STEP = 1e-4


class Drawn(NamedTuple):
    model: Any
    params: Any
    x: Any

    @property
    def is_gaussian(self):
        text = repr(self.model.layers)
        return not any(name in text for name in ("Kerr", "Cubic"))


def derived(params, x, wires):
    """An angle of two parameters, one of a feature, a gate made of others, and a neutral one."""
    yield qp.Rotation(params[0] * params[1] + 0.3, wires=wires[-1])
    seen = 0.7 if x is None else x[..., 0]
    yield qp.Displacement(0.3 * params[1] * seen, params[0], wires=wires[0])
    yield qp.Identity(wires=wires[0])
    if len(wires) > 1:
        yield qp.TwoModeSqueezing(params[1], params[0], wires=wires[::-1][:2])


def draw(seed, index):
    rng = np.random.default_rng([seed, index])
    modes = int(rng.integers(1, 4))
    only_gaussian = rng.random() < 0.4
    layers = [layer(rng, modes, only_gaussian) for _ in range(rng.integers(1, 4))]
    if rng.random() < 0.6:
        layers.insert(int(rng.integers(0, 2)), encoding(rng, modes))
    model = qdl.QNN(modes, layers, readout(rng, modes))
    columns = model.n_features
    lead = [(), (3,), (2, 2)][rng.integers(3)]
    x = SIZE[modes] * 2 * rng.normal(size=(*lead, columns)) if columns else None
    size = SIZE[modes]
    start = qdl.photonic.normal(passive=1.0, active=size)
    params = replace(model, initializer=start).init(jax.random.key(int(rng.integers(2**31))))
    return Drawn(model, jax.tree.map(lambda p: np.asarray(p, np.float64), params), x)


def encoding(rng, modes):
    kind = rng.integers(3)
    if kind == 0:
        return DisplacementEncoding(float(rng.choice([1.0, 0.7])))
    if kind == 1:
        return DisplacementEncoding(0.5, trainable=True)
    return DisplacementEncoding(features=tuple(int(c) for c in rng.integers(0, 4, modes)))


def layer(rng, modes, only_gaussian, deep=False):
    kinds = ["interferometer", "squeezing", "displacement", "encoding", "template"]
    kinds += [] if only_gaussian else ["kerr", "cross", "cubic"]
    kinds += [] if deep else ["repeat", "adjoint", "mirrored"]
    kind = str(rng.choice(kinds))

    def inside():
        return [layer(rng, modes, only_gaussian, True) for _ in range(rng.integers(1, 4))]

    pattern = str(rng.choice(["chain", "ring", "all"]))
    if kind == "cross" and modes > 1 and rng.random() < 0.4:
        pattern = ((modes - 1, 0),)
    made = {
        "interferometer": Interferometer,
        "squeezing": lambda: Squeezing(bool(rng.integers(2))),
        "displacement": Displacement,
        "encoding": lambda: DisplacementEncoding(0.5, features=tuple(range(modes))),
        "template": lambda: Template(derived, (2,), initializer=qdl.initializers.gaussian(0.1)),
        "kerr": Kerr,
        "cross": lambda: CrossKerr(pattern),
        "cubic": lambda: CubicPhase(initializer=qdl.initializers.gaussian(0.02)),
        "repeat": lambda: Repeat(inside(), int(rng.integers(1, 4))),
        "adjoint": lambda: Adjoint(inside()),
        "mirrored": lambda: Mirrored(inside()),
    }
    return made[kind]()


def readout(rng, modes):
    wires = [int(w) for w in rng.permutation(modes)[: rng.integers(1, modes + 1)]]
    kind = rng.integers(5)
    if kind == 0:
        return Quadrature(wires, float(rng.uniform(-3, 3)))
    if kind == 1:
        return PhotonNumber(wires)
    if kind == 2:
        return FockProbs(wires)
    if kind == 3:
        sums = 0.5 * qp.QuadX(wires[0]) - 2.0 * qp.NumberOperator(wires[-1])
        return qdl.Expval([sums, qp.QuadP(wires[0])])
    seen = [int(n) for n in rng.integers(0, 2, len(wires))]
    return qdl.Expval([qp.FockStateProjector(np.array(seen), wires=wires), qp.TensorN(wires=wires)])


# ---- the reference


def lowered(levels):
    return np.diag(np.sqrt(np.arange(1, levels)), 1)


def generator(operator, levels):
    """The antihermitian exponent of a gate, by the definitions of its kind (hbar = 2)."""
    a = lowered(levels)
    up, n, x = a.T, np.diag(np.arange(levels)), a + a.T
    d = [float(v) for v in operator.data]
    if operator.name == "Displacement":
        alpha = d[0] * np.exp(1j * d[1])
        return alpha * up - np.conj(alpha) * a
    if operator.name == "Squeezing":
        z = d[0] * np.exp(1j * d[1])
        return (np.conj(z) * a @ a - z * up @ up) / 2
    if operator.name == "Rotation":
        return 1j * d[0] * n
    if operator.name == "Kerr":
        return 1j * d[0] * n @ n
    if operator.name == "CubicPhase":
        return 1j * d[0] * x @ x @ x / 6
    one = np.eye(levels)
    if operator.name == "CrossKerr":
        return 1j * d[0] * np.kron(n, n)
    if operator.name == "Beamsplitter":
        ab = np.kron(a, up) * np.exp(1j * d[1])
        return d[0] * (ab - ab.conj().T)
    if operator.name == "TwoModeSqueezing":
        z = d[0] * np.exp(1j * d[1])
        pair = np.kron(a, one) @ np.kron(one, a)
        return z * pair.T - np.conj(z) * pair  # exp(r (e^{i phi} a+ b+ - h.c.)), PennyLane's sign
    raise AssertionError(operator.name)


def state(model, params, x):
    levels, modes = LEVELS[model.n_wires], model.n_wires
    psi = np.zeros((levels,) * modes, complex)
    psi[(0,) * modes] = 1
    for operator in model.operators(params, x):
        if operator.name == "Identity":
            continue
        wires = [int(w) for w in operator.wires]
        inverse = type(operator).__name__.startswith("Adjoint")
        gate = operator.base if inverse else operator
        exponent = generator(gate, levels) * (-1 if inverse else 1)
        moved = np.moveaxis(psi, wires, range(len(wires)))
        flat = moved.reshape(levels ** len(wires), -1)
        flat = scipy.sparse.linalg.expm_multiply(scipy.sparse.csr_array(exponent), flat)
        psi = np.moveaxis(flat.reshape(moved.shape), range(len(wires)), wires)
    return psi


def moments_of(psi, observable):
    total = 0.0
    for coefficient, term in qdl.observables.terms(observable):
        wires = [int(w) for w in term.wires]
        rest = tuple(i for i in range(psi.ndim) if i not in wires)
        p = (np.abs(psi) ** 2).sum(rest)
        if term.name in ("NumberOperator", "TensorN"):
            value = p
            for _ in wires:
                value = np.tensordot(value, np.arange(len(psi)), (0, 0))
        elif term.name == "FockStateProjector":
            order = np.argsort(wires)
            value = p[tuple(int(term.data[0][i]) for i in order)]
        else:
            phi = {"QuadX": 0.0, "QuadP": np.pi / 2}.get(term.name)
            phi = float(term.data[0]) if phi is None else phi
            rows = np.moveaxis(psi, wires[0], 0).reshape(len(psi), -1)
            mean = np.sum(rows.conj() * (lowered(len(psi)) @ rows))
            value = 2 * (np.exp(-1j * phi) * mean).real
        total += float(coefficient) * value
    return total


def reference(drawn, params, x, cutoff):
    model = drawn.model
    rows = [None] if x is None else x.reshape(-1, x.shape[-1])
    found = []
    for row in rows:
        psi = state(model, params, row)
        if isinstance(model.readout, FockProbs):
            wires = list(model.measured.wires)
            p = (np.abs(psi) ** 2).sum(tuple(i for i in range(psi.ndim) if i not in wires))
            p = np.transpose(p, np.argsort(np.argsort(wires)))
            wide = np.zeros((cutoff,) * len(wires))
            part = tuple(slice(min(cutoff, LEVELS[model.n_wires])) for _ in wires)
            wide[part] = p[part]
            found.append(wide.ravel())
        else:
            found.append([moments_of(psi, o) for o in model.measured.observables])
    lead = () if x is None else x.shape[:-1]
    return np.array(found).reshape(*lead, -1)


# ---- cases


def places(drawn):
    n = drawn.model.n_wires
    yield "fock", fock(CUTOFFS[n]), CUTOFFS[n]
    yield "fock, total", fock(TOTALS[n], total=True), TOTALS[n]
    kinds = drawn.is_gaussian and not isinstance(drawn.model.readout, FockProbs)
    if kinds and not any(name in repr(drawn.model.readout) for name in ("Tensor", "Projector")):
        yield "gaussian", gaussian(), 1


def differs(seed, index, slope=True):
    """What is wrong with a model on its places: (place, precision, text), none where nothing is."""
    drawn = draw(seed, index)
    rng = np.random.default_rng([seed, index, 1])
    direction = jax.tree.map(lambda p: rng.normal(size=p.shape), drawn.params)
    found, seen = [], 0
    for name, place, cutoff in places(drawn):
        wanted = reference(drawn, drawn.params, drawn.x, cutoff)
        weights = rng.normal(size=wanted.shape)
        mapped = MAPPED[int(rng.integers(len(MAPPED)))]
        for precision in ("float64", "float32"):
            seen += 1
            with jax.enable_x64(precision == "float64"):
                text = compared(
                    drawn, place, wanted, precision, direction, weights, slope, cutoff, mapped
                )
            if text:
                found.append((name, precision, text))
    return found, seen


def compared(drawn, place, wanted, precision, direction, weights, slope, cutoff, mapped=None):
    model = drawn.model.on(place)
    params, x = jax.tree.map(jax.numpy.asarray, (drawn.params, drawn.x))
    got = np.asarray(applied(model, params, x, None, mapped))
    if got.shape != wanted.shape:
        return f"shape {got.shape}, expected {wanted.shape}"
    off = np.abs(got - wanted).max()
    if not off <= ROOM[precision]:
        return f"values off by {off:.1e}"
    if drawn.is_gaussian and drawn.model.n_wires > 0 and isinstance(place, type(gaussian())):
        text = pennylane_too(drawn, got, precision)
        if text:
            return text
    if slope and precision == "float64" and jax.tree.leaves(params):

        def weighed(p):
            return (applied(model, p, x, None, mapped) * weights).sum()

        slopes = jax.grad(weighed)(params)
        along = sum(
            np.sum(d * np.asarray(g))
            for d, g in zip(jax.tree.leaves(direction), jax.tree.leaves(slopes), strict=True)
        )
        shifted = [
            jax.tree.map(lambda p, d, s=s: p + s * STEP * d, drawn.params, direction)
            for s in (1, -1)
        ]
        up, down = ((reference(drawn, p, drawn.x, cutoff) * weights).sum() for p in shifted)
        slow = (up - down) / (2 * STEP)
        size = 1 + np.abs(weights).sum()
        if not abs(slow - along) <= 10 * ROOM[precision] * size:
            return f"slope {along}, expected {slow}"
    return None


def pennylane_too(drawn, got, precision):
    if not isinstance(drawn.model.readout, Quadrature | PhotonNumber):
        return None
    device = qp.device("default.gaussian", wires=drawn.model.n_wires)
    there = np.asarray(drawn.model.on(device).apply(drawn.params, drawn.x))
    off = np.abs(got - there).max()
    return None if off <= GAUSSIAN_ROOM[precision] else f"default.gaussian differs by {off:.1e}"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.modes_fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one model")
    given = parser.parse_args()
    count = wrong = index = 0
    warnings.simplefilter("ignore")
    while count < given.cases:
        index = given.only if given.only is not None else index
        found, seen = differs(given.seed, index)
        count += seen
        for name, precision, text in found:
            wrong += 1
            print(f"--seed {given.seed} --only {index} on {name}, {precision}: {text}", flush=True)
            print(f"    {draw(given.seed, index).model.layers.layers}", flush=True)
        index += 1
        let_go()
        if index % 25 == 0:
            print(f"{count} cases, {wrong} differ", flush=True)
        if given.only is not None:
            break
    print(f"{count} cases of {index} models, {wrong} differ")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
