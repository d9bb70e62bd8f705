"""``python -m benchmarks.beyond``: the places above the state vector, value and gradient, one process.

Times are CPU time of this process, so that only ratios between rows of one run count on a busy machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

import qdl
from qdl.backends import cone, pauli_propagation, statevector, tensor_network
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

BATCH = 32


def local(n: int) -> qdl.QNN:
    """Four layers, and a readout of the two wires in the middle."""
    layers = [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cz", "chain")], 4)]
    return qdl.QNN(n, layers, qdl.Expval(qp.Z(n // 2 - 1) @ qp.Z(n // 2)))


def qcnn(n: int, pattern: str) -> qdl.QNN:
    """A QCNN of 17 parameters a pair."""
    return qdl.models.qcnn(n, pattern=pattern, shared=False, head=False)


ROWS: dict[str, tuple[Callable[[], Any], int]] = {
    "ten native wires": (lambda: local(10).on(statevector()), BATCH),
    "100 wires, cone": (lambda: local(100).on(cone()), BATCH),
    "tree, 64 wires": (lambda: qcnn(64, "pairs").on(tensor_network()), BATCH),
    "tree, 1024 wires": (lambda: qcnn(1024, "pairs").on(tensor_network()), BATCH),
    "chain, 32 wires": (lambda: qcnn(32, "chain").on(tensor_network()), BATCH),
    "ring, 32 wires, one sample": (lambda: qcnn(32, "ring").on(tensor_network()), 1),
    "ring, 64 wires, weight 2": (lambda: qcnn(64, "ring").on(pauli_propagation(weight=2)), BATCH),
}


def measure(model: Any, batch: int, seconds: float = 2.0) -> tuple[float, float]:
    """CPU seconds of the first gradient, all that is found and compiled included, and of a later one."""
    draw = np.random.default_rng(0).normal
    params = jax.tree.map(
        lambda shape: jnp.asarray(0.1 * draw(size=shape)),
        model.shape,
        is_leaf=lambda s: isinstance(s, tuple),
    )
    x = jnp.asarray(np.random.default_rng(1).uniform(0, np.pi, (batch, model.n_features)))
    start = time.process_time()
    gradient = jax.jit(jax.value_and_grad(lambda p, x: (model.apply(p, x) ** 2).mean()))
    jax.block_until_ready(gradient(params, x))
    first, start, count = time.process_time() - start, time.process_time(), 0
    while time.process_time() - start < seconds:
        jax.block_until_ready(gradient(params, x))
        count += 1
    return first, (time.process_time() - start) / count


def main() -> None:
    """Measure the rows that are asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beyond", description=__doc__)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    print(
        "| circuit | batch | first gradient, s | gradient, ms |\n| --- | --- | --- | --- |",
        flush=True,
    )
    for name in parser.parse_args().rows:
        make, batch = ROWS[name]
        first, step = measure(make(), batch)
        print(f"| {name} | {batch} | {first:.1f} | {1e3 * step:.2f} |", flush=True)


if __name__ == "__main__":
    main()
