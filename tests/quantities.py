"""Every public quantity that takes a model: what is right for it, from dense matrices alone.

A row is ``check(at)``: None if what qdl gives at a place is right, or what is wrong; it raises what qdl does.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import dense
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
from fuzz.compare import RARE, compared, direction_of, same
from fuzz.others import qasm, qiskit
from fuzz.own import OWN, Own
from fuzz.trees import Drawn
from fuzz.where import Where

import qdl
from qdl import diagnostics
from qdl.backends import Mitigated, as_place, estimate, transpile_report
from qdl.training import metric_tensor

# Wire 1 is touched by no gate, and read; the first gate is on the last wire; each angle is used once.
GATES = (
    ("RY", (2,), (("feature", 0, 0, 1.0),)),
    ("RX", (0,), (("param", 0, 0, 1.0),)),
    ("CNOT", (2, 0), ()),
    ("RY", (0,), (("param", 1, 0, 1.0),)),
)
MODEL = qdl.QNN(3, Own(GATES, 2, 1), qdl.ExpZ([0, 1, 2]))
PARAMS, X = [np.array([0.4, -1.1])], np.array([[0.7], [-0.3], [2.0]])
GRID = (
    2 * np.pi * np.arange(5) / 5
)  # means of trigonometric polynomials up to degree 4 are exact on it
KEY = jax.random.key(3)


@dataclass(frozen=True)
class At:
    """The model at a place, and what is right there."""

    name: str
    place: Any
    measure: Callable  # (gates, wires, asked) -> values, deviation and range of a shot

    @cached_property
    def model(self):
        return MODEL.on(self.place)

    @property
    def draws(self):
        return as_place(self.place).draws

    @property
    def starts(self):
        """Few where each start is a job; elsewhere an engine's own number."""
        return None if as_place(self.place).exact_for(MODEL.circuit) else 40

    def read(self, model, params, x=None):
        """Values, deviations and ranges ``(..., k)``."""
        found = [
            self.measure(dense.operators(model, params, row), model.n_wires, dense.readouts(model))
            for row in dense.rows(x)
        ]
        lead = () if x is None else np.shape(x)[:-1]
        return [np.array(each).reshape(*lead, -1) for each in zip(*found, strict=True)]

    def room(self, deviation, width, times=1):
        """How far a mean of the place's draws may be off: Bernstein's inequality."""
        if self.draws is None:
            return 1e-7
        chance, n = np.log(2 / RARE), self.draws * times
        return 1e-7 + deviation * np.sqrt(2 * chance / n) + 2 * width * chance / (3 * n)

    def near(self, what, found, model, params, x=None, times=1):
        """None where values are those of the reference."""
        wanted, deviation, width = self.read(model, params, x)
        return same(what, found, wanted, self.room(deviation, width, times))

    @property
    def pure(self):
        """The vectors of the states without errors, for all samples."""
        return [vector(dense.rho(MODEL, PARAMS, row)) for row in X]


def vector(rho):
    """The state vector of a pure state, up to a phase."""
    values, vectors = np.linalg.eigh(dense.matrix(rho))
    return vectors[:, -1] * np.sqrt(values[-1])


# ---- values


def apply(at):
    return at.near("values", at.model.apply(PARAMS, X, KEY), MODEL, PARAMS, X)


def probabilities(at):
    model = replace(MODEL, readout=qdl.Probs([1, 0]))
    return at.near("probabilities", model.on(at.place).apply(PARAMS, X, KEY), model, PARAMS, X)


def gradient(at):
    drawn = Drawn(MODEL, PARAMS, X, False, True)
    direction = direction_of(np.random.default_rng(0), drawn)
    by_params, by_x, weights = direction
    wanted = dense.slope(
        lambda point: float((at.read(MODEL, *point)[0] * weights).sum()),
        lambda h: ([PARAMS[0] + h * by_params[0]], X + h * by_x),
    )
    jax.grad(lambda p: at.model.apply(p, X, KEY).sum())(PARAMS)  # refused, or there
    where = Where(at.place, at.read, at.draws, keys=1 if at.draws is None else 8)
    return compared(where, drawn, at.read(MODEL, PARAMS, X), direction, wanted, KEY)


def sample(at):
    shots = 2000
    bits = np.asarray(at.model.sample(PARAMS, X, shots, KEY)).astype(int)
    if bits.shape != (3, shots, 3):
        return f"bits of shape {bits.shape}"
    p, deviation, width = at.read(replace(MODEL, readout=qdl.Probs()), PARAMS, X)
    index = bits @ [4, 2, 1]
    found = np.array([np.bincount(row, minlength=8) for row in index]) / shots
    chance = np.log(2 / RARE)
    room = deviation * np.sqrt(2 * chance / shots) + 2 * width * chance / (3 * shots)
    return same("frequencies", found, p, room)


def sampled(at):
    found = at.model.sampled(PARAMS, X, key=KEY)
    wanted = at.read(MODEL, PARAMS, X)[1] / np.sqrt(at.draws)
    if at.place.shots is None:  # of trajectories, which are all the same without channels
        wanted = 0.0 * wanted
    off = same("standard errors", found.standard_error, wanted, 0.3 * wanted + 2 / at.draws)
    return off or at.near("values", found.values, MODEL, PARAMS, X)


def state(at):
    found = np.asarray(at.model.state(PARAMS, X))
    return same("states", outer(found), outer(at.pure)) or not_pure(at)


def outer(states):
    states = np.asarray(states)
    return states[:, :, None] * states[:, None].conj()


def not_pure(at):
    """What is wrong with any quantity of a pure state where there are errors."""
    return "a number without the errors of the place" if as_place(at.place).noisy else None


def kernel(at):
    def pair(x, y):
        with qp.QueuingManager.stop_recording():
            there, other = (dense.operators(MODEL, PARAMS, each) for each in (x, y))
            gates = there + [qp.adjoint(g, lazy=False) for g in other[::-1]]
        p, deviation, width = at.measure(gates, 3, (0, 1, 2))
        return p[0], at.room(deviation, width)[0] if at.draws else 1e-7

    found = qdl.kernel(MODEL.on(at.place), PARAMS)(X[:2], X[1:], key=KEY)
    wanted = np.array([[pair(x, y) for y in X[1:]] for x in X[:2]])
    return same("kernel", found, wanted[..., 0], wanted[..., 1])


def projected(at):
    words = [letter(w) for w in range(3) for letter in (qp.X, qp.Y, qp.Z)]
    model = replace(MODEL, readout=qdl.Expval(words))
    values, deviation, width = at.read(model, PARAMS, X)
    found = qdl.kernel(MODEL.on(at.place), PARAMS, kind="projected", gamma=0.5)(
        X[:2], X[1:], key=KEY
    )
    wanted = np.exp(-0.25 * ((values[:2, None] - values[None, 1:]) ** 2).sum(-1))
    # The derivative of exp(-d / 4) by a value is at most its distance to the other.
    off = np.max(at.room(deviation, width))
    room = 1e-6 if at.draws is None else 9 * off**2 + 9 * off
    return same("kernel", found, wanted, room)


EIGHT = np.linspace(-1.0, 2.0, 8)[:, None]


def fixed_params(key, shape, dtype):
    return jnp.asarray(PARAMS[0], dtype)


def concentration(at):
    model = replace(MODEL, initializer=fixed_params).on(at.place)
    found = diagnostics.kernel_concentration(
        lambda n: model, (3,), key=KEY, kind="projected", samples=8, draw=lambda key, shape: EIGHT
    )[3]
    words = [letter(w) for w in range(3) for letter in (qp.X, qp.Y, qp.Z)]
    values = at.read(replace(MODEL, readout=qdl.Expval(words)), PARAMS, EIGHT)[0]
    K = np.exp(-0.5 * ((values[:, None] - values[None]) ** 2).sum(-1))
    off = K[~np.eye(8, dtype=bool)]
    return same("mean", found.mean, off.mean(), 1e-6) or same(
        "values", found.variance, jackknifed(K), 1e-6
    )


def jackknifed(K):
    """The variance of the values of pairs, its bias by the number of samples taken off."""

    def variance(K):
        return K[~np.eye(len(K), dtype=bool)].var()

    without = [variance(np.delete(np.delete(K, i, 0), i, 1)) for i in range(len(K))]
    return len(K) * variance(K) - (len(K) - 1) * np.mean(without)


def checked(at):
    found = qdl.check(MODEL, at.place, PARAMS, X, KEY)
    without = dense.values(MODEL, PARAMS, X)
    return same("exact", found.exact, without) or at.near("values", found.values, MODEL, PARAMS, X)


def both(at):
    if not isinstance(at.place, Mitigated):
        raise Elsewhere("a method of mitigated places")
    found = at.place.both(MODEL, PARAMS, X, KEY)
    return at.near("mitigated values", found.mitigated, MODEL, PARAMS, X)


class Elsewhere(Exception):
    """The quantity is none of this place."""


# ---- averages over starts: exact on a grid


def points():
    return [[np.array(p)] for p in product(GRID, repeat=2)]


def slopes(at):
    """The derivative of the first value by the first parameter, at all points."""

    def slope(params):
        up, down = ([params[0] + s * np.pi / 2 * np.eye(2)[0]] for s in (1, -1))
        return (at.read(MODEL, up, X[0])[0][0] - at.read(MODEL, down, X[0])[0][0]) / 2

    return np.array([slope(params) for params in points()])


def variance(at, found):
    """None where a row holds the variance of the first component: exact, or the mean of its draws."""
    squares = slopes(at) ** 2
    room = 1e-6
    if found.draws:
        room += 7 * squares.std() / np.sqrt(found.draws) + 4 * found.standard_error[0]
    return same("variance", found.variance[0], squares.mean(), room)


def gradient_variance(at):
    return variance(
        at, diagnostics.gradient_variance(MODEL.on(at.place), x=X[0], key=KEY, samples=at.starts)
    )


def compare_initializers(at):
    starts = {"uniform": qdl.initializers.uniform()}
    found = diagnostics.compare_initializers(
        MODEL.on(at.place), initializers=starts, x=X[0], key=KEY, samples=at.starts
    )
    return variance(at, found["uniform"])


def depth_sweep(at):
    found = diagnostics.depth_sweep(
        lambda n, d: MODEL.on(at.place), 3, (1,), parameter=0, x=X[0], key=KEY,
        samples=at.starts,
    )  # fmt: skip
    return variance(at, found[1])


def pairs():
    states = [vector(dense.rho(MODEL, params, X[0])) for params in points()]
    return np.abs(np.conj(states) @ np.array(states).T) ** 2


def frame_potential(at):
    found = diagnostics.frame_potential(MODEL.on(at.place), x=X[0], key=KEY)
    return same("F_2", found.value, np.mean(pairs() ** 2), 1e-6) or not_pure(at)


def expressibility(at):
    found = diagnostics.expressibility(MODEL.on(at.place), x=X[0], key=KEY, samples=2000)
    share = found.counts / found.counts.sum()
    haar = np.diff((1 - np.arange(76) / 75) ** 7) * -1
    value = np.sum(share[share > 0] * np.log(share[share > 0] / haar[share > 0]))
    mean = pairs().mean()
    return (
        same("mean fidelity", found.fidelities.mean(), mean, 6 * pairs().std() / np.sqrt(2000))
        or same("divergence", found.value, value, 1e-6 * value)
        or not_pure(at)
    )


def entanglement(params, x):
    """The measure of Meyer and Wallach, from the states of single wires."""
    rho = dense.rho(MODEL, params, x)
    bras = [[3 + v if v == w else v for v in range(3)] for w in range(3)]
    ones = [np.einsum(rho, [0, 1, 2, *bra], [w, 3 + w]) for w, bra in enumerate(bras)]
    return 2 * (1 - np.mean([np.trace(r @ r).real for r in ones]))


def expressivity_sweep(at):
    """Of one turn, over random starts: within the scatter of its samples."""
    found = diagnostics.expressivity_sweep(
        lambda n, depth: qdl.QNN(3, qdl.layers.Repeat(MODEL.layers, depth)).on(at.place),
        3, (1,), x=X[0], key=KEY, samples=500,
    )  # fmt: skip
    [(_, e, q)] = found
    every = [entanglement(p, X[0]) for p in points()]
    return (
        same("Q", q.value, np.mean(every), 1e-9 + 6 * np.std(every) / np.sqrt(500))
        or same("fidelity", e.fidelities.mean(), pairs().mean(), 6 * pairs().std() / np.sqrt(500))
        or not_pure(at)
    )


def entangling_capability(at):
    def q(params):
        return entanglement(params, X[0])

    found = diagnostics.entangling_capability(MODEL.on(at.place), x=X[0], key=KEY)
    return same("Q", found.value, np.mean([q(p) for p in points()]), 1e-6) or not_pure(at)


# ---- information


def quantum_information(params, x):
    """4 times the metric of the pure state, from its projector: tr(d_i P d_j P) / 2 is the metric."""

    def projector(p):
        return dense.matrix(dense.rho(MODEL, [p], x))

    slopes = [dense.slope(projector, lambda h, i=i: params[0] + h * np.eye(2)[i]) for i in range(2)]
    return np.array([[2 * np.trace(a @ b).real for b in slopes] for a in slopes])


def classical_information(params, x):
    def p(angles):
        return dense.probabilities(dense.rho(MODEL, [angles], x), (0, 1, 2))

    slopes = [dense.slope(p, lambda h, i=i: params[0] + h * np.eye(2)[i]) for i in range(2)]
    here = p(params[0])
    seen = here > 1e-12
    return np.array([[np.sum(a[seen] * b[seen] / here[seen]) for b in slopes] for a in slopes])


def quantum_fisher(at):
    found = diagnostics.quantum_fisher(MODEL.on(at.place), PARAMS, X[0])
    return same("information", found, quantum_information(PARAMS, X[0]), 1e-6) or not_pure(at)


def classical_fisher(at):
    found = diagnostics.classical_fisher(MODEL.on(at.place), PARAMS, X[0])
    return same("information", found, classical_information(PARAMS, X[0]), 1e-6) or not_pure(at)


def fisher_spectrum(at):
    model = replace(MODEL, initializer=fixed)
    found = diagnostics.fisher_spectrum(model.on(at.place), key=KEY, draws=1, x=X[0])
    wanted = np.linalg.eigvalsh(quantum_information(PARAMS, X[0]))[::-1]
    return same("eigenvalues", found.eigenvalues[0], wanted, 1e-6) or not_pure(at)


def effective_dimension(at):
    model = replace(MODEL, initializer=fixed)
    found = diagnostics.effective_dimension(model.on(at.place), key=KEY, draws=1, x=X[0])
    f = classical_information(PARAMS, X[0])
    kappa = 1000 / (2 * np.pi * np.log(1000))
    wanted = np.linalg.slogdet(np.eye(2) + kappa * 2 * f / np.trace(f))[1] / np.log(kappa)
    return same("dimension", found, wanted, 1e-6) or not_pure(at)


def fixed(key, shape, dtype=float):
    """A start that is always the same."""
    return jnp.asarray(PARAMS[0], dtype).reshape(shape)


def metric(at):
    found = metric_tensor(MODEL.on(at.place), PARAMS, jnp.asarray(X[:1]))
    wanted = quantum_information(PARAMS, X[0]) / 4
    return same("metric", found, wanted, 1e-6) or not_pure(at)


def certified(at):
    """Values with errors that hold: no further off than they say."""
    found = qdl.certify(at.model, PARAMS, X)
    wanted, *_ = at.read(MODEL, PARAMS, X)
    return same("values", found.values, wanted, np.asarray(found.errors) + 1e-7)


# ---- functions of the features, and of the parameters


def fourier_spectrum(at):
    """Three values a period are all that frequencies up to 1 have."""
    found = diagnostics.fourier_spectrum(MODEL.on(at.place), key=KEY, params=PARAMS)
    points = 2 * np.pi * np.arange(3)[:, None] / 3
    values, deviation, width = at.read(MODEL, PARAMS, points)
    waves = np.exp(-1j * np.array([-1, 0, 1])[:, None] * points[:, 0]) / 3
    room = at.room(deviation, width) if at.draws else 1e-7
    off = same("frequencies", found.frequencies, [-1, 0, 1])
    return off or same("coefficients", found.coefficients[0], waves @ values, np.max(room))


def loss_landscape(at):
    Y = np.array([[1.0, 0.5, -2.0], [0.3, -1.0, 1.0], [-1.0, 0.2, 0.4]])
    found = diagnostics.loss_landscape(
        MODEL.on(at.place), PARAMS, X, Y, loss=linear, points=3, extent=0.5, key=KEY
    )
    lengths = np.linalg.norm(found.directions, axis=1)
    off = same("lengths", lengths, 2 * [np.linalg.norm(PARAMS[0])], 1e-6)
    for i, a in enumerate((-0.5, 0.0, 0.5)):
        for j, b in enumerate((-0.5, 0.0, 0.5)):
            there = [PARAMS[0] + a * found.directions[0] + b * found.directions[1]]
            values, deviation, width = at.read(MODEL, there, X)
            room = np.broadcast_to(at.room(deviation, width), Y.shape)
            wanted, room = (values * Y).mean(), (np.abs(Y) * room).mean()
            off = off or same("loss", found.values[i, j], wanted, room)
    return off


# ---- of the circuit alone


def lie_algebra(at):
    found = diagnostics.dynamical_lie_algebra(MODEL.on(at.place))
    gates = (qp.Y(2), qp.X(0), qp.CNOT([2, 0]), qp.Y(0))
    y2, x0, cnot, y0 = (qp.matrix(g, wire_order=range(3)) for g in gates)
    generators = [1j * y2, 1j * x0, 1j * cnot.conj().T @ y0 @ cnot]
    return same("dimension", found.dimension, closure(generators))


def closure(basis):
    """How many independent matrices the commutators of some make."""
    done = 0
    while done < len(basis):
        new = [a @ basis[done] - basis[done] @ a for a in basis]
        for each in new:
            if np.linalg.matrix_rank([m.ravel() for m in [*basis, each]]) > len(basis):
                basis.append(each)
        done += 1
    return len(basis)


def resources(at):
    found = diagnostics.resources(MODEL.on(at.place))
    wanted = Counter(g.name for g in dense.operators(MODEL, PARAMS, X[0]))
    return None if found.gates == dict(wanted) else f"gates {found.gates}"


def weight_truncation(at):
    found = diagnostics.weight_truncation(MODEL.on(at.place), x=X[0], key=KEY, samples=4096)
    wanted = np.mean([at.read(MODEL, p, X[0])[0][0] ** 2 for p in points()])
    return same("second moment", found.second_moment, wanted, 0.05)


def report(at):
    found = diagnostics.trainability_report(MODEL.on(at.place), x=X[0], key=KEY, samples=at.starts)
    squares = slopes(at) ** 2
    room = 1e-6 if at.starts is None else 7 * squares.std() / np.sqrt(at.starts)
    return same("variance", found["gradient_variance"].values["median"], squares.mean(), room)


def operators(at):
    found = at.model.operators(PARAMS, X[0])
    wanted = dense.operators(MODEL, PARAMS, X[0])
    if [(o.name, o.wires) for o in found] != [(o.name, o.wires) for o in wanted]:
        return f"operators {found}"
    return same("angles", [float(o.data[0]) for o in found if o.data], [0.7, 0.4, -1.1])


def qnode(at):
    node = at.model.qnode(qp.device("default.qubit", wires=3))
    return same("values", np.array(node(PARAMS, X[0])), dense.values(MODEL, PARAMS, X[0]))


def draw(at):
    text = at.model.draw(PARAMS, X[0])
    return None if text == MODEL.draw(PARAMS, X[0]) and "RX(0.40)" in text else text


def exported(how):
    drawn = Drawn(MODEL, PARAMS, X, False, True)
    return lambda at: how(drawn._replace(model=at.model))


def saved(at):
    with tempfile.TemporaryDirectory() as folder:
        qdl.save(folder, at.model, PARAMS)
        model, params = qdl.load(folder, layers=OWN, model=at.model)
    if model != at.model or not np.array_equal(params[0], PARAMS[0]):
        return f"loaded {model!r} with {params}"
    return at.near("values", model.apply(params, X, KEY), MODEL, PARAMS, X)


# ---- training


def linear(outputs, y):
    return (outputs * y).mean()


def fit(at):
    """One step of gradient descent on a linear loss, along the derivative; draws are averaged over steps."""
    Y = np.array([[1.0, 0.5, -2.0], [0.3, -1.0, 1.0], [-1.0, 0.2, 0.4]])
    loss = lambda p: (at.read(MODEL, [p], X)[0] * Y).mean()  # noqa: E731
    slopes = [dense.slope(loss, lambda h, i=i: PARAMS[0] + h * np.eye(2)[i]) for i in range(2)]
    keys = [KEY] if at.draws is None else list(jax.random.split(KEY, 6))
    moved = [
        qdl.fit(
            at.model,
            X,
            Y,
            loss=linear,
            optimizer=SGD,
            steps=1,
            batch_size=3,
            params=PARAMS,
            key=key,
        ).params[0]
        for key in keys
    ]
    moved = PARAMS[0] - np.array(moved)
    error = 0.0 if len(keys) == 1 else 40 * moved.std(0, ddof=1) / np.sqrt(len(keys)) + 0.02
    return same("the step", moved.mean(0), np.array(slopes), 1e-6 + error)


SGD = optax.sgd(1.0)


def hybrid(at):
    model = qdl.Hybrid([qdl.Dense(2, 1), at.model])
    weights = {"weight": np.array([[0.5], [-1.0]]), "bias": np.array([0.1])}
    inputs = np.array([[0.2, 0.4], [1.0, -1.0]])
    found = model.apply([weights, PARAMS], inputs, KEY)
    return at.near("values", found, MODEL, PARAMS, inputs @ weights["weight"] + 0.1)


def patches(at):
    """One image of three pixels, cut into its pixels."""
    stage = qdl.hybrid.Patches(at.model, 1)
    found = stage.apply(PARAMS, jnp.asarray(X.reshape(1, 3, 1)), KEY)
    return at.near("values", np.reshape(found, (3, 3)), MODEL, PARAMS, X)


def regressor(at):
    model = replace(at.model, readout=qdl.ExpZ([0]))
    found = qdl.QNNRegressor(model, steps=1, batch_size=3).fit(X, np.array([0.1, 0.2, 0.3]))
    params = [np.asarray(found.params_[0], float)]
    values = (found.predict(X)[:, None] - 0.2) / 0.1  # the range of y is that of the values
    return at.near("predictions", values, replace(MODEL, readout=qdl.ExpZ([0])), params, X)


def classifier(at):
    plain = replace(MODEL, readout=qdl.Probs([0]))
    found = qdl.QNNClassifier(plain.on(at.place), steps=1, batch_size=3).fit(X, np.array([0, 1, 1]))
    params = [np.asarray(found.params_[0], float)]
    return at.near("probabilities", found.predict_proba(X), plain, params, X)


def estimated(at):
    """A batch of three with a derivative in two angles: five circuits a sample, in one job."""
    found = estimate(MODEL.on(at.place), batch_size=3)
    if not found.jobs:
        return None if as_place(at.place).cost(MODEL.circuit, 3) is None else "nothing is counted"
    runs = len(getattr(at.place, "scales", (1,))) + bool(getattr(at.place, "readout", False))
    return same("circuits", found.circuits, 15 * runs, 0)


def transpiled(at):
    found = transpile_report(MODEL, at.place)
    return None if found.two_qubit_gates >= 1 and found.depth >= 3 else str(found)


class Row(NamedTuple):
    """A quantity: the public names that it stands for, its check, and whether it is quick everywhere."""

    names: tuple[str, ...]
    check: Callable[[At], str | None]
    quick: bool = False


QUANTITIES = {
    "`apply`": Row(("QNN.apply", "QNN.on"), apply, True),
    "`apply`, probabilities": Row((), probabilities, True),
    "gradient of `apply`": Row((), gradient),
    "`sampled`": Row(("QNN.sampled",), sampled, True),
    "`sample`": Row(("QNN.sample",), sample, True),
    "`state`": Row(("QNN.state",), state, True),
    "`kernel`": Row(("kernel",), kernel),
    "`kernel`, projected": Row((), projected),
    "`check`": Row(("check",), checked),
    "`Mitigated.both`": Row((), both),
    "`certify`": Row(("certify",), certified, True),
    "`fit`": Row(("fit", "training.fit"), fit),
    "`Hybrid`": Row((), hybrid, True),
    "`Patches`": Row(("hybrid.Patches",), patches, True),
    "`QNNRegressor`": Row(("QNNRegressor", "estimators.QNNRegressor"), regressor),
    "`QNNClassifier`": Row(("QNNClassifier", "estimators.QNNClassifier"), classifier),
    "`gradient_variance`": Row(
        ("diagnostics.gradient_variance", "diagnostics.Task"), gradient_variance
    ),
    "`compare_initializers`": Row(("diagnostics.compare_initializers",), compare_initializers),
    "`depth_sweep`": Row(("diagnostics.depth_sweep",), depth_sweep),
    "`trainability_report`": Row(("diagnostics.trainability_report",), report),
    "`weight_truncation`": Row(("diagnostics.weight_truncation",), weight_truncation),
    "`expressibility`": Row(("diagnostics.expressibility",), expressibility),
    "`frame_potential`": Row(("diagnostics.frame_potential",), frame_potential),
    "`entangling_capability`": Row(("diagnostics.entangling_capability",), entangling_capability),
    "`expressivity_sweep`": Row(("diagnostics.expressivity_sweep",), expressivity_sweep),
    "`quantum_fisher`": Row(("diagnostics.quantum_fisher",), quantum_fisher, True),
    "`classical_fisher`": Row(("diagnostics.classical_fisher",), classical_fisher, True),
    "`fisher_spectrum`": Row(("diagnostics.fisher_spectrum",), fisher_spectrum),
    "`effective_dimension`": Row(("diagnostics.effective_dimension",), effective_dimension),
    "`fourier_spectrum`": Row(("diagnostics.fourier_spectrum",), fourier_spectrum),
    "`loss_landscape`": Row(("diagnostics.loss_landscape",), loss_landscape),
    "`metric_tensor`": Row(("training.metric_tensor",), metric),
    "`dynamical_lie_algebra`": Row(("diagnostics.dynamical_lie_algebra",), lie_algebra, True),
    "`resources`": Row(("diagnostics.resources",), resources, True),
    "`operators`": Row(("QNN.operators",), operators, True),
    "`qnode`": Row(("QNN.qnode",), qnode, True),
    "`draw`": Row(("QNN.draw",), draw, True),
    "`to_qasm`, version 2": Row(("QNN.to_qasm",), exported(lambda d: qasm(d, 2)), True),
    "`to_qasm`, version 3": Row((), exported(lambda d: qasm(d, 3)), True),
    "`to_qiskit`": Row(("QNN.to_qiskit",), exported(lambda d: qiskit(d, None)), True),
    "`save` and `load`": Row(("save", "load"), saved, True),
    "`estimate`": Row(("backends.estimate",), estimated, True),
    "`transpile_report`": Row(("backends.transpile_report",), transpiled, True),
    "`kernel_concentration`": Row(("diagnostics.kernel_concentration",), concentration),
}
