"""How the files beside this one were made: ``python tests/saved/make.py``, run once, at commit 0ba5629.

They are what version 0.1.0 wrote before its files had a room of their own. Later code must read them and
give the numbers of ``expected.json``, so they are never made anew; the names used here are those of
that commit. Half-way runs were killed by SIGKILL. Left out: pictures, and TensorBoard's files, which
name the machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dimod
import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

import qdl
from qdl.initializers import beta, gaussian, identity_blocks, small_angle, uniform
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Layer,
    Mirrored,
    Noise,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Sequential,
)

HERE = Path(__file__).parent
X = np.random.default_rng(0).integers(-8, 9, (24, 3)) / 8  # exact in float32 too
Y = (X.sum(axis=1) > 0).astype(int)
STEPS, KILLED, EVERY = 40, 25, 10
EPOCHS, BROKEN_OFF = 4, 2
PIXELS = np.random.default_rng(1).integers(0, 5, (20, 6)) / 4
LABELS = np.where(PIXELS[:, :3].sum(axis=1) > PIXELS[:, 3:].sum(axis=1), "left", "right")
DRAWN = "values drawn at random: other ones for another version of whoever draws them"
HERMITIAN = np.array([[1.0, 0.5 - 0.25j], [0.5 + 0.25j, -0.25]])


@dataclass(frozen=True)
class Phases(Layer):
    """A layer of a user's own."""

    scale: float = 1.0

    def shape(self, wires):
        return (len(wires),)

    def gates(self, params, x, wires):
        for i, wire in enumerate(wires):
            yield qp.RX(self.scale * params[i], wires=wire)


class Slope:
    """A model of a user's own, with dtypes that safetensors does not know."""

    def init(self, key):
        return (jnp.ones(3) / 3, jnp.full((), 0.5, jnp.bfloat16), jnp.ones(2, complex) * 1j)

    def apply(self, params, x):
        return (x @ params[0] + params[1].astype(float) + params[2].imag.sum())[..., None]


def models():
    """Name, model, and the features to evaluate it on; None for a model without features."""
    block = [AngleEncoding(), Rotation("zyz"), Entangler("cz")]
    spins = [Rotation("zyz"), Entangler("cnot")]
    nested = [Repeat(block, 2), Adjoint([Rotation("xy"), Entangler("crx")]), Mirrored(spins)]
    yield "nested", qdl.QNN(3, [*nested, Repeat(Repeat(spins, 2), 2)], qdl.Probs([2, 0])), X[:4]
    wide = np.abs(np.random.default_rng(2).integers(1, 9, (4, 8))) / 8
    yield "amplitudes", qdl.QNN(3, [AmplitudeEncoding(), *spins], qdl.ExpZ([0, 2])), wide
    noisy = [AngleEncoding("x", scale=0.75), Noise("depolarizing", 0.125), *spins]
    noisy = qdl.QNN(3, [*noisy, Noise("amplitude_damping", 0.25), Noise("bit_flip", 0.0625)])
    yield "noise", noisy.on(qdl.backends.density_matrix()), X[:4]
    starts = [Rotation("zy", init=gaussian(0.25)), Rotation("x", init=uniform(-1.0, 2.0))]
    starts += [RandomRotation(init=beta(2.0, 5.0)), Rotation("y")]
    yield "initializers", qdl.QNN(3, starts, init=small_angle(0.5)), None
    yield "identity", qdl.QNN(3, Mirrored(spins), init=identity_blocks(gaussian(0.125))), None
    observables = [
        2.5 * (qp.Hermitian(HERMITIAN, 2) @ qp.Y(0)),
        qp.Projector([0, 1], [0, 2]),
        qp.Projector(np.array([0.6, 0.8j]), 1),
        qp.Hamiltonian([0.125, -2.0], [qp.Z(0), qp.X(0) @ qp.Y(1)]),
        qp.Z(0) - qp.Hadamard(1) @ qp.Identity(2),
        qp.sum(qp.s_prod(0.5, qp.sum(qp.X(0), qp.Z(1))), qp.Y(2)),
    ]
    yield "observables", qdl.QNN(3, [*block, *spins], qdl.Expval(observables)), X[:4]
    circuit = qdl.QNN(3, Repeat(block, 2), qdl.ExpZ([0]))
    yield "hybrid", qdl.Hybrid([qdl.Dense(3, 3), "tanh", circuit, qdl.Dense(1, 2)]), X[:4]
    yield (
        "nested-hybrid",
        qdl.Hybrid([qdl.Hybrid([qdl.Dense(3, 3), "tanh"]), qdl.Dense(3, 1)]),
        X[:4],
    )
    others = [
        IQPEncoding(2), AngleEncoding("z", scale=1.25, trainable=True), RandomRotation(),
        Entangler("CRX", ((2, 0), (0, 1))), Entangler("isingxx", "ring"), Convolution("u13", shared=False),
        Convolution(), Pooling("yz", kind="measured"), Sequential([Rotation("x"), Pooling("")]),
    ]  # fmt: skip
    yield "layers", qdl.QNN(3, others), X[:4]
    yield "bits", qdl.QNN(3, [BasisEncoding(), *spins]), (X[:4] > 0).astype(float)
    yield "own-layer", qdl.QNN(3, [Rotation("y"), Phases(0.5)]), None
    yield "own-model", Slope(), X[:4]
    plain = qdl.QNN(2, [AngleEncoding(), Rotation("y"), Entangler("cz")])
    places = {
        "shots": qdl.backends.statevector(shots=100),
        "trajectories": qdl.backends.trajectories(samples=50),
        "aer-noisy": qdl.backends.aer(noise="fake_manila", shots=20, gradient="spsa"),
        "fake": qdl.backends.fake("manila", shots=10, max_batch=3),
        "ibm": qdl.backends.IBM(
            4000, name="torino", mode="batch", twirling=(("enable_gates", True),)
        ),
        "mitigated": qdl.backends.mitigated(qdl.backends.fake("manila", shots=10)),
    }
    exact = plain.on(qdl.backends.aer(method="matrix_product_state"))
    yield "aer", exact, X[:4, :2]
    for name, place in places.items():
        yield name, plain.on(place), DRAWN


def save_models():
    """The folders of ``qdl.save``, and what they give in both precisions."""
    expected = {}
    for seed, (name, model, x) in enumerate(models()):
        params = model.init(jax.random.key(seed))
        qdl.save(HERE / name, model, params)
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
        expected[name] = {"sha256": qdl.training.trees.fingerprint(*leaves)}
        if x is DRAWN:
            continue
        narrow = [leaf.astype(np.float32) if leaf.dtype == float else leaf for leaf in leaves]
        numbers = np.asarray(model.apply(params, x)).tolist()
        with jax.enable_x64(False):
            tree = jax.tree.unflatten(jax.tree.structure(params), map(jnp.asarray, narrow))
            rounded = np.asarray(model.apply(tree, None if x is None else x.astype(np.float32)))
        expected[name] |= {
            "x": None if x is None else x.tolist(),
            "float64": numbers,
            "float32": rounded.astype(float).tolist(),
        }
    with jax.enable_x64(False):  # parameters of float32 from the start
        model = qdl.QNN(3, [AngleEncoding(), Rotation("zyz"), Entangler("cz", "ring")])
        params = model.init(jax.random.key(99))
        qdl.save(HERE / "single", model, params)
        expected["single"] = {
            "sha256": qdl.training.trees.fingerprint(*jax.tree.leaves(params)),
            "x": X[:4].tolist(),
            "float32": np.asarray(model.apply(params, X[:4].astype(np.float32)), float).tolist(),
        }
    return expected


def runs():
    """The arguments of ``fit`` for each run: the test has the same."""
    hybrid, _ = qdl.load(HERE / "hybrid")
    circuit, _ = qdl.load(HERE / "noise")
    words = {"batch_size": 8, "key": jax.random.key(5)}
    yield "run", (hybrid, X, Y), {**words, "loss": "cross_entropy", "validation": (X[:8], Y[:8])}
    spsa = qdl.training.spsa(0.05, key=jax.random.key(6))
    targets = X * 0.5
    yield "run-spsa", (circuit, X, targets), {**words, "loss": "mse", "optimizer": spsa}


def run(name, folder, kill):
    """Train; with ``kill`` this process dies on the way."""

    def callback(report):
        if kill and report.step >= KILLED:
            os.kill(os.getpid(), signal.SIGKILL)

    (data, words) = next((data, words) for n, data, words in runs() if n == name)
    qdl.fit(
        *data, **words, steps=STEPS, checkpoint=folder, checkpoint_every=EVERY, callback=callback
    )


def train_runs():
    """A run killed half-way, and the outcome of the same run when nothing happens to it."""
    expected = {}
    for name, data, words in runs():
        command = [sys.executable, __file__, "killed", name]
        assert subprocess.run(command).returncode == -signal.SIGKILL
        run(name, HERE / "outcome", kill=False)
        outcome = qdl.fit(*data, **words, steps=STEPS, checkpoint=HERE / "outcome")
        half = max(qdl.training.checkpoint.Checkpoints(HERE / name / "checkpoints").steps())
        start = qdl.fit(*data, **words, steps=half, checkpoint=HERE / "half")
        expected[name] = {
            "step": half,
            "half": flat(start.params),
            "params": flat(outcome.params),
            "loss": outcome.history["loss"].tolist(),
        }
        for old in (HERE / "outcome" / "checkpoints").glob("*[0-3]0.*"):  # only the last one stays
            old.unlink()
        shutil.copytree(HERE / "outcome", HERE / f"{name}-outcome")
        for each in ("outcome", "half"):
            shutil.rmtree(HERE / each)
    return expected


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)]).tolist()


def train_command():
    """A folder of ``qdl train``."""
    from qdl.commands import train

    config = {"dataset": "bars_and_stripes", "model": "hardware_efficient", "features": 4}
    config = train.TrainConfig(**config, depth=1, steps=4, batch_size=16)
    _, trained = train.run(config, HERE / "train")
    shutil.copytree(HERE / "train", HERE / "longer")
    longer = train.resume(HERE / "longer", {"steps": 8})
    shutil.rmtree(HERE / "longer")
    return {
        "train": {
            "params": flat(trained.fit.params),
            "probabilities": trained.probabilities[:4].tolist(),
            "resumed": flat(longer.fit.params),
        }
    }


def jobs():
    """The ledger after one job of a machine; its answer is a simulation's."""
    sys.path.insert(0, str(HERE.parent))
    from service import Service

    model, params = qdl.load(HERE / "fake")
    place = qdl.backends.ibm("manila", service=Service(), shots=100, jobs=HERE / "jobs")
    model.on(place).apply(params, X[:3, :2], key=jax.random.key(7))
    (file,) = (HERE / "jobs").glob("*.json")
    return {"jobs": {"tag": file.stem, "ledger": json.loads(file.read_text())}}


def classifiers():
    return {
        "ising": qdl.ising.IsingClassifier(
            hidden=5, redundancy=2, num_reads=4, reads="mixed", learning_rate=1e-2, decay="linear",
            epochs=EPOCHS, sampler=qdl.ising.BlockSampler(sweeps=5), seed=3,
        ),
        "ising-exact": qdl.ising.IsingClassifier(
            hidden=4, redundancy=1, rule="equilibrium_propagation", learning_rate=1e-2, epochs=2,
            sampler=qdl.ising.ExactSampler(temperature=0.5),
        ),
        "ising-foreign": qdl.ising.IsingClassifier(
            hidden=2, redundancy=1, num_reads=1, learning_rate=1e-2, epochs=1,
            sampler=qdl.ising.DimodSampler(dimod.ExactSolver()),
        ),
        "ising-deep": qdl.ising.DeepIsingClassifier(
            layers=(5, 4), redundancy=2, num_reads=4, epochs=2, sampler=qdl.ising.BlockSampler(5),
        ),
    }  # fmt: skip


def break_off():
    """Kill this process after an epoch."""

    def callback(classifier):
        if len(classifier.history_["online_error"]) == BROKEN_OFF:
            os.kill(os.getpid(), signal.SIGKILL)

    classifiers()["ising"].fit(PIXELS, LABELS, checkpoint=HERE / "ising-run", callback=callback)


def ising():
    """Classifiers as they are saved, and a training broken off after two of four epochs."""
    expected = {}
    for name, classifier in classifiers().items():
        classifier.fit(PIXELS, LABELS)
        classifier.save(HERE / name)
        arrays = classifier.network_.arrays()
        expected[name] = {
            "predictions": classifier.predict(PIXELS).tolist(),
            "online_error": classifier.history_["online_error"].tolist(),
            "arrays": {key: array.astype(float).tolist() for key, array in arrays.items()},
        }
        if name != "ising-deep":
            expected[name]["energies"] = classifier.decision_energies(PIXELS).astype(float).tolist()
    command = [sys.executable, __file__, "broken-off"]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    return expected


def boltzmann():
    """A Boltzmann machine with its chains, scale and sampler, and one more pass from the files."""
    machine = qdl.ising.BoltzmannMachine(
        3, graph=1 - np.eye(PIXELS.shape[1] + 3), sampler=qdl.ising.GibbsSampler(2, 0.8),
        num_reads=6, correct_temperature=True, epochs=2, seed=5,
    ).fit(PIXELS)  # fmt: skip
    machine.save(HERE / "boltzmann")
    expected = {
        "scores": machine.score_samples(PIXELS > 0.5).tolist(),
        "couplings": machine.couplings_.tolist(),
        "chains": machine.chains_.tolist(),
        "scale": machine.scale_,
    }
    return {"boltzmann": expected | {"gone_on": machine.partial_fit(PIXELS).fields_.tolist()}}


def main():
    for each in HERE.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
    expected = save_models() | train_runs() | train_command() | jobs() | ising() | boltzmann()
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")
    for path in [*HERE.rglob("*.png"), *HERE.rglob("tensorboard"), *HERE.rglob("__pycache__")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    if sys.argv[1:2] == ["killed"]:
        run(sys.argv[2], HERE / sys.argv[2], kill=True)
    elif sys.argv[1:2] == ["broken-off"]:
        break_off()
    else:
        main()
