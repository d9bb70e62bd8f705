"""Models that generate: Born machines, IQP circuits trained without a state vector, a QGAN."""

import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest

import qdl
from qdl.diagnostics import iqp_expectations
from qdl.layers import AngleEncoding, Entangler, Evolution, Repeat, Rotation
from qdl.training import KL, MMD

T = np.array([0.3, 0.0, 0.1, 0.1, 0.2, 0.1, 0.05, 0.15])


def born(n=3, depth=2, gate="cz"):
    block = [Rotation("zx"), Entangler(gate, "ring")]
    return qdl.QNN(n, [Repeat(block, depth), Rotation("zx")], readout=qdl.Probs())


def smaller():
    return qdl.QNN(2, [Rotation("y"), Entangler("cz"), Rotation("y")], readout=qdl.Probs())


def bars_and_stripes(n):
    """All images ``(m, n * n)`` whose rows, or whose columns, are of one colour."""
    rows = [np.repeat(np.array(b)[:, None], n, 1) for b in itertools.product((0, 1), repeat=n)]
    return np.unique([image.ravel() for r in rows for image in (r, r.T)], axis=0)


def hamming_kernel(n, bandwidths):
    x = np.array(list(itertools.product((0, 1), repeat=n)))
    apart = (x[:, None] != x[None]).sum(-1)
    return np.mean([np.exp(-apart / (2 * s)) for s in bandwidths], axis=0)


# ---- losses


def test_kl_is_scipys():
    from scipy.stats import entropy

    p = np.random.default_rng(0).dirichlet(np.ones(8), 5)
    assert float(KL()(p[0], T)) == pytest.approx(entropy(T, p[0]), abs=1e-12)
    wanted = np.mean([entropy(t, q) for t, q in zip(p[::-1], p, strict=True)])
    assert float(KL()(jnp.asarray(p), jnp.asarray(p[::-1]))) == pytest.approx(wanted, abs=1e-12)
    slope = jax.grad(lambda p: KL()(p, T))(jnp.zeros(8))
    assert np.isfinite(slope).all() and slope[0] < 0 == slope[1]


def test_mmd_is_the_sum_over_pairs():
    p = np.random.default_rng(1).dirichlet(np.ones(16), 3)
    for bandwidths in ((0.25, 4.0), (1.0,)):
        K, d = hamming_kernel(4, bandwidths), p[1] - p[0]
        assert float(MMD(bandwidths)(p[1], p[0])) == pytest.approx(d @ K @ d, abs=1e-15)
    both = MMD()(jnp.asarray(p[:2]), jnp.asarray(p[1:]))
    assert float(both) == pytest.approx(np.mean([MMD()(p[i], p[i + 1]) for i in range(2)]))


def test_mmd_in_means_of_words(key):
    """Exactly, over all words with their weights; and on average over those that are drawn."""
    n, loss = 6, MMD((0.25, 4.0))
    p, t = np.random.default_rng(2).dirichlet(np.ones(2**n), 2)
    x = np.array(list(itertools.product((0, 1), repeat=n)))
    apart = ((-1.0) ** (x @ x.T)) @ (p - t)  # differences of <Z_a>
    odds = [(1 - np.exp(-0.5 / s)) / 2 for s in loss.bandwidths]
    weights = np.mean([np.prod(np.where(x, q, 1 - q), -1) for q in odds], axis=0)
    exact = float(loss(p, t))
    assert weights @ apart**2 == pytest.approx(exact, abs=1e-16)
    words = np.asarray(loss.words(n, 20_000, key))
    drawn = apart[words @ (1 << np.arange(n)[::-1])] ** 2
    assert abs(drawn.mean() - exact) < 5 * drawn.std() / np.sqrt(len(drawn))


def test_values_and_slopes_from_shots_are_right_on_average(key):
    """10 shots a value: the bias that they would leave without a correction is several deviations."""
    model = smaller()
    params, t, shots = model.init(key), T[:4] / T[:4].sum(), 10
    loss = MMD().of(model.on(qdl.backends.statevector(shots=shots)))
    assert loss.shots == shots and MMD().of(model).shots is None

    def of(model, params, key=None):
        return (loss if key is not None else MMD())(model.apply(params, key=key), t)

    value, slope = jax.value_and_grad(lambda p: of(model, p))(params)
    there = model.on(qdl.backends.statevector(shots=shots))
    keys = jax.random.split(key, 2000)
    values, slopes = jax.lax.map(
        lambda k: jax.value_and_grad(lambda p: of(there, p, k))(params), keys, batch_size=200
    )
    for wanted, found in zip(
        jax.tree.leaves((value, slope)), jax.tree.leaves((values, slopes)), strict=True
    ):
        room = 4.5 * np.std(found, axis=0) / np.sqrt(len(keys)) + 1e-12
        assert (np.abs(np.mean(found, axis=0) - wanted) < room).all()
    naive = float(MMD()(there.apply(params, key=key), t))  # what a single one reads without it
    assert naive > 0 and abs(np.mean(values) - value) < 0.2 / shots


# ---- fit without data


@pytest.mark.parametrize("depth, kl", [(4, 0.0), (2, np.log(32 / 27) / 3)])
def test_bars_and_stripes(depth, kl):
    """Depth 4 finds all six images; depth 2 gives four of them 1/8 and two 1/4: a local optimum."""
    model, images = born(4, depth), bars_and_stripes(2)
    assert len(images) == 6
    for seed in range(3):
        found = qdl.fit(
            model,
            None,
            images,
            loss=KL(),
            steps=1000,
            optimizer=optax.adam(0.05),
            key=jax.random.key(seed),
        )
        assert found.history["loss"][-1] == pytest.approx(kl, abs=1e-4)


def test_samples_and_their_frequencies_are_one_target(key):
    bits = np.array([[0, 1, 1], [1, 0, 0], [0, 1, 1], [1, 1, 1]])
    frequencies = np.bincount(bits @ [4, 2, 1], minlength=8) / 4
    runs = [
        qdl.fit(born(), None, y, loss=MMD(), steps=5, key=key).history["loss"]
        for y in (bits, frequencies)
    ]
    np.testing.assert_array_equal(*runs)


def test_a_loss_of_outputs_alone(key):
    """Without y, with X and without; a checkpoint goes on with the same bits."""
    model = qdl.QNN(2, [Rotation("xy"), Entangler("cz")], readout=qdl.ExpZ(0))
    found = qdl.fit(
        model, loss=lambda outputs: outputs.sum(), steps=200, optimizer=optax.adam(0.1), key=key
    )
    assert found.history["loss"][-1] == pytest.approx(-1, abs=1e-4)
    encoded = qdl.QNN(2, [AngleEncoding(), Rotation("xy")])
    X = np.random.default_rng(0).uniform(0, 0.1, (20, 2))
    found = qdl.fit(
        encoded, X, loss=lambda outputs: outputs.mean(), steps=200, batch_size=5, key=key,
        optimizer=optax.adam(0.1),
    )  # fmt: skip
    assert found.history["loss"][-1] < -0.95


def test_a_run_without_data_goes_on_from_its_folder(key, tmp_path):
    options = {"loss": KL(), "key": key}
    once = qdl.fit(born(), None, T, steps=40, **options)
    qdl.fit(born(), None, T, steps=15, checkpoint=tmp_path, **options)
    again = qdl.fit(born(), None, T, steps=40, checkpoint=tmp_path, **options)
    np.testing.assert_array_equal(once.history["loss"], again.history["loss"])
    with pytest.raises(ValueError, match="holds a run with another configuration"):
        qdl.fit(born(), None, T[::-1], steps=40, checkpoint=tmp_path, **options)


@pytest.mark.parametrize("loss", [pytest.param(KL(), marks=pytest.mark.slow), MMD()])
def test_training_on_a_place_that_draws_shots(loss, key):
    model = smaller()
    t = np.array([0.1, 0.4, 0.3, 0.2])
    there = model.on(qdl.backends.statevector(shots=500))
    found = qdl.fit(there, None, t, loss=loss, steps=150, optimizer=optax.adam(0.05), key=key)
    assert "loss_noise" in found.history
    assert float(KL()(model.apply(found.params), t)) < 0.03


def test_one_distribution_a_row(key):
    """With data: a model learns a distribution for every row."""
    model = qdl.QNN(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")], readout=qdl.Probs())
    X = np.random.default_rng(0).uniform(0, np.pi, (30, 2))
    Y = np.asarray(model.apply(model.init(jax.random.key(5)), X))
    found = qdl.fit(model, X, Y, loss=KL(), steps=300, optimizer=optax.adam(0.05), key=key)
    assert found.history["loss"][-1] < 0.02 < found.history["loss"][0]
    with pytest.raises(ValueError, match=r"shape \(30, 3\), .* \(30, 4\), one distribution a row"):
        qdl.fit(model, X, Y[:, :3], loss=KL(), key=key)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"y": T - 0.1}, r"no distribution: it has the number -0\.1"),
        ({"y": T * 2}, "no distribution: it has the sum 2"),
        ({"y": T[:7]}, r"shape \(7,\), but the model gives 8 prob.* or samples of bits \(m, 3\)"),
        ({"y": np.full((5, 3), 2)}, "must be bits 0 and 1, got 2"),
        ({"y": np.full((5, 3), -1)}, "Spins s become bits by"),
        ({"y": np.array([np.nan] * 8)}, "the target must be finite, got nan"),
        ({"y": None}, "KL compares outputs with y, but y is None"),
        ({"loss": "mse", "y": None}, "MeanSquaredError compares outputs with y"),
        ({"loss": "mse"}, r"outputs of shape \(8,\) with y of shape \(7,\)"),
        ({"loss": "cross_entropy"}, "compares rows with labels, but X is None"),
        ({"X": np.zeros((1, 0))}, r"got \(1, 0\).* for a model without data X=None"),
        ({"model": qdl.QNN(3, Rotation("x"))}, "KL compares distributions, but .*readout=qdl.Probs"),
        ({"model": qdl.QNN(3, [AngleEncoding(), Rotation("x")], qdl.Probs())}, "takes 3 features, but X is"),
        ({"validation": (None, T)}, "validation compares held-out rows, but X or y is None"),
    ],
)  # fmt: skip
def test_bad_input(changes, said, key):
    given = {"model": born(), "X": None, "y": T, "loss": KL()} | changes
    if said.startswith("outputs of"):
        given["y"] = T[:7]
    with pytest.raises(ValueError, match=said):
        qdl.fit(given.pop("model"), given.pop("X"), given.pop("y"), key=key, **given)


def test_bandwidths_that_are_none():
    for bandwidths in ((), (0.0,), (-1.0, 2.0), "wide", None, np.inf):
        with pytest.raises(ValueError, match="MMD needs bandwidths above 0, in bits, got"):
            MMD(bandwidths)
    assert MMD(2).bandwidths == (2.0,)
    with pytest.raises(ValueError, match="whole number >= 2"):
        MMD(shots=1)


# ---- IQP


def iqp(n, weight=2, shared=False, **options):
    words = [c for k in range(1, weight + 1) for c in itertools.combinations(range(n), k)]
    layer = Evolution([(1.0, "X" * len(c), c) for c in words], shared)
    return qdl.QNN(n, [layer], **options)


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_means_of_all_words_are_those_of_the_state(shared, key):
    n = 5
    model = qdl.QNN(n, [*iqp(n, 3, shared).layers.layers, Repeat(Rotation("x"), 2)], qdl.Probs())
    params = model.init(key)
    words = np.array(list(itertools.product((0, 1), repeat=n)))
    wanted = ((-1.0) ** (words @ words.T)) @ np.asarray(model.apply(params))
    found = iqp_expectations(model, params, words, samples=None)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    drawn = iqp_expectations(model, params, words, samples=4000, key=key)
    assert 0 < np.abs(drawn - wanted).max() < 5 / np.sqrt(4000)
    named = [qp.Z(0) @ qp.Z(3), qp.Z(4)]
    found = iqp_expectations(model, params, named, samples=None)
    np.testing.assert_allclose(found, wanted[[0b10010, 0b00001]], atol=1e-12)

    def mean(params, samples):
        return iqp_expectations(model, params, words[7:8], samples=samples, key=key)[0]

    exact = jax.grad(
        lambda p: model.on(qdl.backends.statevector()).apply(p) @ (-1.0) ** (words @ words[7])
    )
    for a, b in zip(
        *map(
            jax.tree.leaves,
            (jax.jit(jax.grad(mean), static_argnums=1)(params, None), exact(params)),
        ),
        strict=True,
    ):  # noqa: E501
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_blocks_of_samples_change_nothing(key, monkeypatch):
    model = iqp(4)
    params, words = model.init(key), np.eye(4, dtype=int)
    whole = iqp_expectations(model, params, words, samples=None)
    monkeypatch.setattr("qdl.diagnostics.iqp.BLOCK", 30)
    np.testing.assert_allclose(
        iqp_expectations(model, params, words, samples=None), whole, atol=1e-14
    )


def test_what_is_no_iqp_circuit_is_refused(key):
    words = np.eye(2, dtype=int)

    def attempt(model, words=words, **options):
        return iqp_expectations(
            model, model.init(key), words, **{"samples": None, "key": key} | options
        )

    for layers, said in (
        ([Rotation("z")], "a rotation about Z on wires"),
        ([Rotation("x"), Entangler("cz")], "a Clifford gate on wires"),
        ([AngleEncoding("x")], "reads 2 features"),
    ):
        with pytest.raises(qdl.Refused, match=said):
            attempt(qdl.QNN(2, layers))
    for bad in (np.eye(3, dtype=int), [1, 0], [[2, 0]]):
        with pytest.raises(ValueError, match=r"words must be bits \(k, 2\)"):
            attempt(iqp(2), bad)
    with pytest.raises(ValueError, match="products of Z, got X"):
        attempt(iqp(2), [qp.X(0)])
    with pytest.raises(ValueError, match=r"on wires \[2\], but the model has 2"):
        attempt(iqp(2), [qp.Z(2)])
    with pytest.raises(ValueError, match="at most 20 wires. Pass samples=1000"):
        attempt(iqp(21, 1), np.eye(21, dtype=int))
    with pytest.raises(TypeError, match="needs a JAX key"):
        attempt(iqp(2), samples=10, key=None)


@dataclass(frozen=True)
class Means:
    """Two estimates of the means of some words, which ``fit`` compares with those of data."""

    model: qdl.QNN
    words: tuple
    samples: int

    def init(self, key):
        return self.model.init(key)

    def apply(self, params, x, key):
        each = [
            iqp_expectations(self.model, params, np.array(self.words), samples=self.samples, key=k)
            for k in jax.random.split(key)
        ]
        return jnp.stack(each)


@pytest.mark.slow  # the guide does the same on every run
def test_trained_classically_and_sampled_elsewhere(key):
    """Clusters of bits on 8 wires: the samples of a circuit whose state nobody computed in training."""
    n, rng = 8, np.random.default_rng(0)
    centres = rng.integers(0, 2, (2, n))
    data = (centres[rng.integers(0, 2, 2000)] + (rng.random((2000, n)) < 0.1)) % 2
    loss = MMD((1.0, 4.0))
    words = np.asarray(loss.words(n, 200, key))
    wanted = ((-1.0) ** (data @ words.T)).mean(0)
    model = iqp(n, 3, initializer=qdl.initializers.gaussian(0.3), readout=qdl.Probs())
    found = qdl.fit(
        Means(model, tuple(map(tuple, words.tolist())), 500), None, wanted,
        loss=lambda means, wanted: jnp.mean((means[0] - wanted) * (means[1] - wanted)),
        steps=400, optimizer=optax.adam(0.05), key=key,
    )  # fmt: skip
    t = np.bincount(data @ (1 << np.arange(n)[::-1]), minlength=2**n) / len(data)
    independent = np.prod(
        [np.where(b, data.mean(0), 1 - data.mean(0)) for b in np.ndindex((2,) * n)], -1
    )
    assert float(loss(model.apply(found.params), t)) < 0.1 * float(loss(independent, t))
    there = model.on(qdl.backends.aer())
    bits = np.asarray(there.sample(found.params, None, 2000, key))
    drawn = np.bincount(bits @ (1 << np.arange(n)[::-1]), minlength=2**n) / 2000
    assert float(loss(drawn, t)) < 0.2 * float(loss(independent, t))


@pytest.mark.slow
def test_a_hundred_wires(key):
    """No state vector: a step of the loss over 5,050 words, and the circuit as Qiskit's."""
    n = 100
    model = iqp(n, initializer=qdl.initializers.gaussian(0.01))
    params, words = model.init(key), np.asarray(MMD((10.0,)).words(n, 200, key))

    @jax.jit
    @jax.value_and_grad
    def loss(params, key):
        return jnp.mean((iqp_expectations(model, params, words, samples=1000, key=key) - 1) ** 2)

    value, slope = loss(params, key)
    assert np.isfinite(value) and slope[0].shape == (5050,) and np.isfinite(slope[0]).all()
    lone = iqp_expectations(model, params, np.eye(n, dtype=int)[:1], samples=20_000, key=key)
    pairs = [k for k, (_, _, where) in enumerate(model.layers.layers[0].terms) if 0 in where]
    exact = np.prod(
        np.cos(2 * np.asarray(params[0])[pairs])
    )  # Z on one wire turns its own words only
    assert abs(float(lone[0]) - exact) < 5 / np.sqrt(20_000)
    circuit, angles = model.to_qiskit()
    assert circuit.num_qubits == n and len(angles.sources) == 5050


# ---- the QGAN of the examples


def example():
    path = Path(__file__).parent.parent / "examples" / "qgan.py"
    spec = importlib.util.spec_from_file_location("qgan", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_qgan_converges_with_two_time_scales():
    qgan = example()
    worst = {
        rates: max(
            qgan.main(t, s, rates)[1] for t in (qgan.NORMAL, qgan.LOGNORMAL) for s in range(4)
        )
        for rates in (qgan.TWO, qgan.EQUAL)
    }
    assert worst[qgan.TWO] <= 0.02 < worst[qgan.EQUAL]


@pytest.mark.slow
def test_the_qgan_converges_from_shots():
    qgan = example()
    for target in (qgan.NORMAL, qgan.LOGNORMAL):
        assert max(qgan.main(target, seed, shots=512)[1] for seed in range(4)) <= 0.04


@pytest.mark.slow
def test_the_benchmark_gives_distributions_that_learn():
    from benchmarks import generative as benchmark

    train, patterns = benchmark.bars()
    assert len(patterns) == 14
    scores = {}
    names = [name for name in benchmark.SMALL if name.startswith(("independent", "Born", "IQP"))]
    for name in names:
        p = benchmark.SMALL[name](train, 1.0, 0)
        assert p.shape == (512,) and p.min() >= 0 and p.sum() == pytest.approx(1, abs=1e-6)
        scores[name] = benchmark.scored(p, patterns)
    alone, *circuits = scores.values()
    assert alone == pytest.approx(9 * np.log(2) - np.log(14)) and max(circuits) < alone
