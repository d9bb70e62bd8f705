"""Speed of the gradient-variance engines on one core: ``python -m benchmarks.variance``."""

from __future__ import annotations

import time

import jax
import pennylane as qp

import qdl
from qdl.diagnostics import gradient_variance
from qdl.layers import Entangler, Repeat, Rotation


def circuit(n: int, depth: int) -> qdl.QNN:
    """A global observable, so that no gate is outside of the light cone."""
    block = [Rotation("yz"), Entangler("cz", "chain")]
    observable = qp.prod(*[qp.Z(i) for i in range(n)])
    return qdl.QNN(n, Repeat(block, depth), readout=qdl.Expval(observable))


ROWS = (
    ("pauli_walk", circuit(100, 8), {"samples": 2**20}, "3 s"),
    ("pauli_walk", circuit(1000, 4), {"samples": 2**16}, "2 s"),
    ("pauli_walk_rb", circuit(20, 40), {"samples": 2**18}, ""),
    ("dense_moment", qdl.models.mcclean(8, 100), {}, ""),
    ("dense_moment", qdl.models.mcclean(10, 100), {}, ""),
    ("statevector", qdl.models.mcclean(8, 50), {"samples": 200}, ""),
)


def main() -> None:
    """Print one table: wall and processor seconds of a second call, everything included."""
    print(
        f"{'engine':<14} {'wires':>5} {'params':>6} {'samples':>8} {'wall s':>7} {'cpu s':>7} {'bar':>5}"
    )
    for method, model, options, bar in ROWS:
        for repeat in range(2):  # the first call compiles and fills caches
            wall, cpu = time.perf_counter(), time.process_time()
            row = gradient_variance(model, method=method, key=jax.random.key(repeat), **options)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        count = len(row.variance)
        print(
            f"{method:<14} {model.n_wires:>5} {count:>6} {row.draws:>8} {wall:>7.2f} {cpu:>7.2f} {bar:>5}"
        )


if __name__ == "__main__":
    main()
