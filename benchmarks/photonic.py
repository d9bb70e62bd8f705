"""Photonic networks: time of a step, and states prepared; ``python -m benchmarks.photonic``.

One step is the value and the gradient of a mean square over a batch. The first call traces and compiles.
Fidelities are measured at twice the cut-off of the training.
"""

from __future__ import annotations

import statistics
import sys
import time

import jax
import jax.numpy as jnp

import qdl

# modes, layers, cut-off, batch
NETWORKS = ((1, 6, 10, 50), (2, 4, 10, 32), (3, 2, 8, 16), (4, 2, 8, 16))
TURNS = 30


def step_of(modes, layers, cutoff, batch, total):
    place = qdl.backends.fock(cutoff, total=total)
    model = qdl.models.cvqnn(modes, layers, cutoff=cutoff).on(place)
    params = model.init(jax.random.key(0))
    x = 0.5 * jax.random.normal(jax.random.key(1), (batch, modes))
    step = jax.jit(jax.value_and_grad(lambda p: jnp.mean(model.apply(p, x) ** 2)))
    return step, params


def timed(step, params):
    start, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(step(params))
    first, first_cpu = time.perf_counter() - start, time.process_time() - cpu
    turns = []
    for _ in range(TURNS):
        start = time.perf_counter()
        jax.block_until_ready(step(params))
        turns.append(time.perf_counter() - start)
    return first, first_cpu, 1e3 * statistics.median(turns)


def main():
    print("modes layers cutoff batch basis   first call s (CPU)   step ms")
    for modes, layers, cutoff, batch in NETWORKS:
        for total in (False, True) if modes > 2 else (False,):
            first, cpu, step = timed(*step_of(modes, layers, cutoff, batch, total))
            basis = "total" if total else "full"
            print(
                f"{modes:>5} {layers:>6} {cutoff:>6} {batch:>5} {basis:>5} {first:>10.1f} ({cpu:.1f}) "
                f"{step:>12.3f}",
                flush=True,
            )


if __name__ == "__main__":
    if "--x64" in sys.argv:
        jax.config.update("jax_enable_x64", True)
    main()
