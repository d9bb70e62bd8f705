"""How often the 95% intervals of a gradient hold the exact numbers, over keys and six families.

Run as ``python -m benchmarks.coverage [keys]``; the table is in docs/trainability.md.
"""

import sys

import jax
import numpy as np
import pennylane as qp

import qdl
from qdl.diagnostics import gradient_variance
from qdl.layers import Entangler, Rotation

LAYERS = [Rotation("xy"), Entangler("cz")]
NUMBERS = ("squared norm", "Var C", "one component", "largest", "median")
METHODS = {"statevector": 500, "pauli_walk": 2000, "pauli_walk_rb": 2000}  # and their draws


def families():
    """Circuits on three and four wires whose numbers are exact by ``dense_moment``."""
    word = qp.prod(*[qp.Z(wire) for wire in range(3)])
    every = qp.sum(*[qp.Z(wire) for wire in range(4)])
    projector = qp.Projector([0] * 3, wires=range(3))
    start = qdl.initializers.gaussian(0.3)
    return {
        "product state": qdl.QNN(3, Rotation("x"), qdl.Expval(word)),
        "two layers, one Z": qdl.QNN(4, LAYERS * 2, qdl.ExpZ(1)),
        "three layers, Z on all": qdl.QNN(3, LAYERS * 3, qdl.Expval(word)),
        "two layers, sum of Z": qdl.QNN(4, LAYERS * 2, qdl.Expval(every)),
        "two layers, projector": qdl.QNN(3, LAYERS * 2, qdl.Expval(projector)),
        "gaussian starts": qdl.QNN(4, LAYERS * 2, qdl.ExpZ(1), initializer=start),
    }


def coverage(model, method, keys):
    """The share of keys whose interval holds the truth, by ``NUMBERS``, and the widths of two intervals.

    They are those of one component and of the largest, in units of 3.92 standard errors.
    """
    exact = gradient_variance(model, method="dense_moment", key=jax.random.key(0))
    top = int(np.argmax(exact.variance))
    truths = (
        exact.squared_norm, exact.cost_variance, exact.variance[top], exact.maximum, exact.median
    )  # fmt: skip
    held, widths = np.zeros(len(NUMBERS)), []
    for seed in range(keys):
        row = gradient_variance(
            model, method=method, samples=METHODS[method], key=jax.random.key(seed)
        )
        ends = (
            row.squared_norm_interval, row.cost_interval, (row.low[top], row.high[top]),
            row.maximum_interval, row.median_interval,
        )  # fmt: skip
        room = 1e-6  # of rounding, where a sample says it exactly
        held += [
            low * (1 - room) <= v <= high * (1 + room)
            for v, (low, high) in zip(truths, ends, strict=True)
        ]
        if row.standard_error[top] > 0:
            widths.append([(b - a) / (3.92 * row.standard_error[top]) for a, b in ends[2:4]])
    return held / keys, np.mean(widths or [[1.0, 1.0]], axis=0)


def main():
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| family | engine | " + " | ".join(NUMBERS) + " |")
    print("| --- " * (2 + len(NUMBERS)) + "|")
    for method in METHODS:
        for name, model in families().items():
            shares, _ = coverage(model, method, keys)
            print(
                f"| {name} | {method} | " + " | ".join(f"{s:.3f}" for s in shares) + " |",
                flush=True,
            )


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
