"""A sweep of 64 models on a cluster of two workers: each compiles once, and reads what is compiled."""

import os
from collections import defaultdict

import jax
import numpy as np
import pytest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

MODEL = qdl.QNN(2, Repeat([AngleEncoding(), Rotation("y"), Entangler("cz")], 2), qdl.ExpZ([0]))
X = np.random.default_rng(0).uniform(0, 3, (24, 2))
COMPILED = []  # programs that this process has compiled, or read from the folder


def counted():
    """Count from the first call in a process."""
    if not COMPILED:
        COMPILED.append("")

        def listen(event, seconds, fun_name="", **_):
            if event == "/jax/core/compile/backend_compile_duration":
                COMPILED.append(fun_name.removeprefix("jit(").removesuffix(")"))

        jax.monitoring.register_event_duration_secs_listener(listen)


def train(seed):
    """One model of the sweep: its last loss, the process, its compilations of steps so far."""
    jax.config.update("jax_enable_x64", True)
    counted()
    result = qdl.fit(
        MODEL, X, (X[:, 0] > 1.5).astype(int), loss="cross_entropy", steps=5, batch_size=8,
        key=jax.random.key(seed),
    )  # fmt: skip
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    return result.history["loss"][-1], os.getpid(), COMPILED.count("train"), folder


def blocks(_):
    """How often this process has compiled the blocks of a variance."""
    return os.getpid(), COMPILED.count("_gradients")


@pytest.mark.slow
def test_a_sweep_of_64_models_compiles_once_a_worker_and_shares_the_folder(tmp_path):
    distributed = pytest.importorskip("distributed")
    here = [train(seed)[0] for seed in (0, 63)]
    variance = gradient_variance(MODEL, method="statevector", samples=2000, key=jax.random.key(0))
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        found = client.gather(client.map(train, range(64), pure=False))
        there = gradient_variance(
            MODEL, method="statevector", samples=2000, key=jax.random.key(0), executor=client
        )
        compiled = client.run(blocks, 0)
    np.testing.assert_allclose([found[0][0], found[63][0]], here, rtol=1e-9)
    np.testing.assert_allclose(there.variance, variance.variance, rtol=1e-9)
    counts = defaultdict(set)
    for _, process, count, folder in found:
        counts[process].add(count)
        assert folder == os.environ["JAX_COMPILATION_CACHE_DIR"]
    assert os.getpid() not in counts and len(counts) == 2
    assert all(seen == {1} for seen in counts.values()), counts
    assert all(count <= 1 for _, count in compiled.values()), compiled
