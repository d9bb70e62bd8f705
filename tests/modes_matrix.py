"""Every quantity on the places of modes: right against a Gaussian state by hand, or refused by name.

``python -m tests.modes_matrix`` writes the second table of the page.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
import pennylane as qp  # noqa: E402
from fuzz.compare import judge, same  # noqa: E402

import qdl  # noqa: E402
from qdl import diagnostics  # noqa: E402
from qdl.backends import estimate, fock, gaussian, transpile_report  # noqa: E402
from qdl.photonic import (  # noqa: E402
    Displacement,
    DisplacementEncoding,
    FockProbs,
    Quadrature,
    Squeezing,
)
from qdl.training import metric_tensor  # noqa: E402

PAGE = Path(__file__).parent.parent / "docs" / "matrix.md"
MODEL = qdl.QNN(2, [DisplacementEncoding(0.5), Squeezing(), Displacement()], readout=Quadrature())
PARAMS = [
    None,
    {"r": np.array([0.2, -0.1])},
    {"re": np.array([0.3, 0.0]), "im": np.array([0.1, -0.2])},
]
X, KEY = np.array([[0.7, 0.1], [-0.3, 0.4], [0.2, 0.0]]), jax.random.key(3)
PLACES = {
    "fock": lambda: fock(16),
    "fock, total": lambda: fock(20, total=True),
    "fock with shots": lambda: fock(16, shots=4000),
    "gaussian": gaussian,
    "gaussian with shots": lambda: gaussian(4000),
    "default.gaussian": lambda: qp.device("default.gaussian", wires=2),
}


def exact(params=PARAMS, x=X):
    """<x> by hand: a squeezer multiplies it by exp(-r), a displacement adds 2 Re alpha."""
    _, squeezed, moved = params
    return 2 * 0.5 * x * np.exp(-np.asarray(squeezed["r"])) + 2 * np.asarray(moved["re"])


def near(place, found, wanted, what="values"):
    """Of shots: seven times the scatter of the mean."""
    draws = qdl.backends.as_place(place).draws
    return same(what, found, wanted, 1e-6 if draws is None else 7 * 1.3 / np.sqrt(draws))


def apply(m):
    return near(m.place, m.apply(PARAMS, X, KEY), exact())


def probabilities(m):
    found = np.asarray(replace(m, readout=FockProbs([1])).apply(PARAMS, X, KEY))
    rho = np.asarray(MODEL.on(fock(24)).state(PARAMS, X)).reshape(3, 24, 24)
    wanted = (np.abs(rho) ** 2).sum(1)[:, : found.shape[1]]
    return near(m.place, found, wanted)


def gradient(m):
    found = jax.grad(lambda p: m.apply(p, X, KEY).sum())(PARAMS)
    wanted = -(2 * 0.5 * X * np.exp(-PARAMS[1]["r"])).sum(0)
    return same("by r", found[1]["r"], wanted, 1e-6) or same(
        "by re", found[2]["re"], [6.0, 6.0], 1e-6
    )


def sampled(m):
    """The variance of x behind a squeezer is exp(-2 r) of the vacuum's 1."""
    found = m.sampled(PARAMS, X, key=KEY)
    wanted = np.exp(-PARAMS[1]["r"]) / np.sqrt(found.shots) * np.ones((3, 1))
    off = same("standard errors", found.standard_error, wanted, 1e-3 * wanted)
    return off or near(m.place, found.values, exact())


def state(m):
    """Overlaps of coherent states behind the same gates."""
    found = np.asarray(m.state(PARAMS, X))
    return same("overlaps", np.abs(found.conj() @ found.T) ** 2, overlaps(), 1e-6)


def overlaps():
    gaps = ((X[:, None] - X[None]) ** 2).sum(-1)
    return np.exp(-0.25 * gaps)


def kernel(m):
    return near(m.place, qdl.kernel(m, PARAMS)(X, key=KEY), overlaps())


def fit(m):
    found = qdl.fit(
        m, X, np.zeros((3, 2)), loss=lambda out, y: out.sum(), optimizer=optax.sgd(0.01), steps=1,
        batch_size=3, params=PARAMS, key=KEY,
    )  # fmt: skip
    wanted = PARAMS[1]["r"] + 0.01 * (X * np.exp(-PARAMS[1]["r"])).sum(0)
    return same("the step", found.params[1]["r"], wanted, 1e-6)


def patches(m):
    """Images of one pixel of two channels, a channel a mode."""
    stage = qdl.hybrid.Patches(m, 1)
    return near(m.place, stage.apply(PARAMS, jnp.asarray(X.reshape(3, 1, 1, 2)), KEY), exact())


def hybrid(m):
    model = qdl.Hybrid([m, "tanh"])
    return near(m.place, model.apply([PARAMS, None], X, KEY), np.tanh(exact()))


def regressor(m):
    found = qdl.QNNRegressor(replace(m, readout=Quadrature([0])), steps=1, batch_size=3).fit(
        X, X[:, 0]
    )
    values = exact(jax.tree.map(np.asarray, found.params_))[:, 0]
    # The range of y is that of the values, [-1, 1].
    middle, half = (X[:, 0].max() + X[:, 0].min()) / 2, np.ptp(X[:, 0]) / 2
    return same("predictions", found.predict(X), middle + half * values, 1e-5)


def classifier(m):
    found = qdl.QNNClassifier(replace(m, readout=Quadrature([0])), steps=1, batch_size=3).fit(
        X, [0, 1, 1]
    )
    values = exact(jax.tree.map(np.asarray, found.params_))[:, 0]
    return same("probabilities", found.predict_proba(X)[:, 1], 1 / (1 + np.exp(-values)), 1e-5)


def variance(m):
    found = diagnostics.gradient_variance(m, x=X[0], key=KEY, samples=30, parameter=2)
    return same("variance of the derivative by re", found.variance[2], 0.0, 1e-9)


def initializers(m):
    starts = {"small": qdl.initializers.gaussian(0.1)}
    found = diagnostics.compare_initializers(m, initializers=starts, x=X[0], key=KEY, samples=30)
    return same("variance", found["small"].variance[2], 0.0, 1e-9)


def depths(m):
    found = diagnostics.depth_sweep(
        lambda n, d: m, 2, (1,), parameter=2, x=X[0], key=KEY, samples=30
    )
    return same("variance", found[1].variance[2], 0.0, 1e-9)


def report(m):
    found = diagnostics.trainability_report(m, x=X[0], key=KEY, samples=30)
    values = found["gradient_variance"].values  # none where it is refused: the page says so
    return None if values.get("median", 0.0) >= 0 else str(found)


def certified(m):
    found = qdl.certify(m, PARAMS, X)
    return same("values", found.values, exact(), np.asarray(found.errors) + 1e-7)


def saved(m):
    with tempfile.TemporaryDirectory() as folder:
        qdl.save(folder, m, PARAMS)
        model, params = qdl.load(folder, model=m)
    return None if model == m else f"loaded {model!r}"


def operators(m):
    names = [o.name for o in m.operators(PARAMS, X[0])]
    return (
        None
        if names == ["Displacement"] * 2 + ["Squeezing"] * 2 + ["Displacement"] * 4
        else str(names)
    )


def qnode(m):
    one = replace(m, readout=Quadrature([1]))
    found = one.qnode(qp.device("default.gaussian", wires=2))(PARAMS, X[0])
    return same("value", found, exact()[0, 1], 1e-9)


def draw(m):
    text = m.draw(PARAMS, X[0])
    return None if "D(0.35,0.00)" in text and "S(0.20,0.00)" in text else text


def counted(m):
    found = diagnostics.resources(m).gates
    return None if found == {"Displacement": 6, "Squeezing": 2} else str(found)


def priced(m):
    return None if not estimate(m, batch_size=3).jobs else "something is billed"


def concentration(m):
    """Overlaps depend on the encoding alone, so that any start gives those by hand."""
    points = np.random.default_rng(2).normal(size=(8, 2))
    found = diagnostics.kernel_concentration(
        lambda n: m, (2,), key=KEY, samples=8, draw=lambda key, shape: points
    )[2]
    K = np.exp(-0.25 * ((points[:, None] - points[None]) ** 2).sum(-1))
    return same("mean", found.mean, K[~np.eye(8, dtype=bool)].mean(), 1e-6)


def fisher(params, x):
    """F = 4 Cov of the generators: i (a^2 - h.c.) / 2 of r, -x of im, p of re; in the order of the tree."""
    r, beta = np.asarray(params[1]["r"]), 0.5 * x
    zero = np.zeros(2)
    blocks = [[2 + 4 * beta**2, zero, -4 * beta * np.exp(r)], [zero, 4 * np.exp(-2 * r), zero]]
    blocks.append([blocks[0][2], zero, 4 * np.exp(2 * r)])
    return np.block([[np.diag(b) for b in row] for row in blocks])


def quantum_fisher(m):
    found = diagnostics.quantum_fisher(m, PARAMS, X[0])
    return same("the matrix", found, fisher(PARAMS, X[0]), 1e-5)


def spectrum(m):
    found = diagnostics.fisher_spectrum(m, key=KEY, draws=1, x=X[0])
    [[for_params, _]] = jax.random.split(KEY, (1, 2))
    wanted = np.linalg.eigvalsh(fisher(m.init(for_params), X[0]))[::-1]
    return same("eigenvalues", found.eigenvalues[0], wanted, 1e-5)


def metric(m):
    wanted = np.mean([fisher(PARAMS, x) for x in X], 0) / 4
    return same("the metric", metric_tensor(m, PARAMS, jnp.asarray(X)), wanted, 1e-5)


def landscape(m):
    def summed(out, y):
        return out.sum()

    found = diagnostics.loss_landscape(
        m, PARAMS, X, np.zeros((3, 2)), loss=summed, points=3, extent=0.2, key=KEY
    )
    off = None
    for i, a in enumerate((-0.2, 0.0, 0.2)):
        for j, b in enumerate((-0.2, 0.0, 0.2)):
            step = a * found.directions[0] + b * found.directions[1]  # by name: r, then im and re
            moved = {"re": PARAMS[2]["re"] + step[4:], "im": PARAMS[2]["im"]}
            wanted = exact([None, {"r": PARAMS[1]["r"] + step[:2]}, moved]).sum() / 6
            off = off or near(m.place, found.values[i, j] / 6, wanted)
    return off


def at_x(function):
    return lambda m: function(m, PARAMS, X[0])


def keyed(function, **options):
    return lambda m: function(m, x=X[0], key=KEY, **options)


# The same quantities as in ``quantities.py``; what is no number here must be refused.
QUANTITIES = {
    "`apply`": apply,
    "`apply`, probabilities": probabilities,
    "gradient of `apply`": gradient,
    "`sampled`": sampled,
    "`sample`": lambda m: m.sample(PARAMS, X, 10, KEY),
    "`state`": state,
    "`kernel`": kernel,
    "`kernel`, projected": lambda m: qdl.kernel(m, PARAMS, kind="projected")(X, key=KEY),
    "`check`": lambda m: qdl.check(m, m.place),
    "`certify`": certified,
    "`fit`": fit,
    "`Hybrid`": hybrid,
    "`Patches`": patches,
    "`QNNRegressor`": regressor,
    "`QNNClassifier`": classifier,
    "`gradient_variance`": variance,
    "`compare_initializers`": initializers,
    "`depth_sweep`": depths,
    "`trainability_report`": report,
    "`weight_truncation`": keyed(diagnostics.weight_truncation),
    "`expressibility`": keyed(diagnostics.expressibility),
    "`frame_potential`": keyed(diagnostics.frame_potential),
    "`entangling_capability`": keyed(diagnostics.entangling_capability),
    "`expressivity_sweep`": lambda m: diagnostics.expressivity_sweep(
        lambda n, d: replace(m, layers=qdl.layers.Repeat(m.layers, d)),
        2,
        (1,),
        x=X[0],
        key=KEY,
        samples=10,
    ),
    "`quantum_fisher`": quantum_fisher,
    "`classical_fisher`": at_x(diagnostics.classical_fisher),
    "`fisher_spectrum`": spectrum,
    "`effective_dimension`": keyed(diagnostics.effective_dimension),
    "`fourier_spectrum`": lambda m: diagnostics.fourier_spectrum(m, key=KEY, params=PARAMS),
    "`loss_landscape`": landscape,
    "`metric_tensor`": metric,
    "`dynamical_lie_algebra`": diagnostics.dynamical_lie_algebra,
    "`resources`": counted,
    "`operators`": operators,
    "`qnode`": qnode,
    "`draw`": draw,
    "`to_qasm`, version 2": lambda m: m.to_qasm(PARAMS, X[0]),
    "`to_qasm`, version 3": lambda m: m.to_qasm(version=3),
    "`to_qiskit`": lambda m: m.to_qiskit(),
    "`save` and `load`": saved,
    "`estimate`": priced,
    "`transpile_report`": lambda m: transpile_report(m, m.place),
    "`kernel_concentration`": concentration,
}
QUICK = ("`apply`", "`sample`", "`operators`", "`to_qasm`, version 2", "`quantum_fisher`")
HEAD = """
## Modes of light

Places without qubits, compared with the mean of a Gaussian state by hand; `python -m tests.modes_matrix`
writes this table.
"""


def cell(quantity, place):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return judge(lambda: QUANTITIES[quantity](MODEL.on(PLACES[place]())))


def printed():
    """The signs of the table that is there."""
    text = PAGE.read_text(encoding="utf-8").partition(HEAD.strip())[2]
    rows = [
        [each.strip() for each in line.strip("|\n ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
    head, *body = rows
    return {
        (row[0], place): re.sub(r" \d+$", "", sign)
        for row in body
        for place, sign in zip(head[1:], row[1:], strict=True)
    }


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    signs = {}
    for quantity in reversed(QUANTITIES):  # the quick ones first
        for place in PLACES:
            verdict = cell(quantity, place)
            signs[quantity, place] = {"right": "right", "different": "WRONG"}.get(
                verdict.kind, "refused"
            )
            if verdict.kind == "different":
                print(quantity, place, str(verdict.text)[:400], flush=True)
        print(quantity, [signs[quantity, place] for place in PLACES], flush=True)
    lines = [HEAD, "| quantity | " + " | ".join(PLACES) + " |", "| --- |" + " --- |" * len(PLACES)]
    for quantity in QUANTITIES:
        lines.append(f"| {quantity} | " + " | ".join(signs[quantity, p] for p in PLACES) + " |")
    before = PAGE.read_text(encoding="utf-8").partition(HEAD)[0].rstrip("\n") + "\n"
    PAGE.write_text(before + "\n".join(lines) + "\n", encoding="utf-8")
