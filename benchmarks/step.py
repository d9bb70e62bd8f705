"""One training step of qdl and of PennyLane's default.qubit in the same process.

``python benchmarks/step.py`` prints, for float32 and float64, the time to compile apart from the
time of a step, and how far values and gradients are from each other.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

import qdl


def main() -> None:
    """Compare in both precisions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    warnings.filterwarnings(
        "ignore", message="Explicitly requested dtype complex128"
    )  # PennyLane's
    print(f"hardware_efficient({args.n}, {args.depth}), batch {args.batch}, loss and gradient")
    for x64 in (False, True):
        with jax.enable_x64(x64):
            print(compare(args.n, args.depth, args.batch, args.rounds))


def compare(n: int, depth: int, batch: int, rounds: int) -> str:
    """The lines for the precision that is on."""
    model = qdl.models.hardware_efficient(n, depth)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(-1, 1, (batch, n)))
    y = jnp.asarray(rng.uniform(-1, 1, (batch, n)))
    args = (model.init(jax.random.key(0)), x, y)
    node = model.qnode(qp.device("default.qubit", wires=n), diff_method="backprop")

    def peer(params: Any, x: Any) -> Any:
        return jnp.stack(jax.vmap(node, in_axes=(None, 0))(params, x), axis=-1)

    steps = {"qdl": train_step(model.apply), "PennyLane": train_step(peer)}
    first, results = {}, {}
    for name, step in steps.items():
        first[name], results[name] = timed(step, *args)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):  # in turn, so that a busy moment hits both
        for name, step in steps.items():
            times[name].append(median(timed(step, *args)[0] for _ in range(20)))
    lines = [f"\n{x.dtype}: {'first call s':>22} {'step ms':>10}"]
    for name in steps:
        lines.append(f"{name:>16} {first[name]:14.2f} {1e3 * median(times[name]):10.3f}")
    ratios = [b / a for a, b in zip(times["qdl"], times["PennyLane"], strict=True)]
    lines.append(f"step ratio {median(ratios):.2f}")
    values, gradients = (largest_difference(*pair) for pair in zip(*results.values(), strict=True))
    lines.append(f"largest difference: loss and values {values:.1e}, gradients {gradients:.1e}")
    return "\n".join(lines)


def train_step(outputs: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Jitted ``step(params, x, y) -> ((loss, values), gradients)`` for a mean squared error."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        values = outputs(params, x)
        return jnp.mean((values - y) ** 2), values

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def timed(step: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Seconds of one call, and its result."""
    begin = time.perf_counter()
    result = jax.block_until_ready(step(*args))
    return time.perf_counter() - begin, result


def largest_difference(a: Any, b: Any) -> float:
    """Over all arrays of two trees."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(jnp.max(jnp.abs(p - q))) for p, q in pairs)


if __name__ == "__main__":
    main()
