"""One training step in Piquasso's JAX, for ``benchmarks.photonic``; runs in an environment of its own.

Reads one JSON line (modes, cutoff, weights, features), compiles, answers one line with the first call, and
then, for each number of steps that it is sent, one line of milliseconds a step.
"""

import json
import sys
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import piquasso as pq
from piquasso import cvqnn


def main():
    warnings.simplefilter("ignore")  # of types, in Piquasso's own code
    task = json.loads(sys.stdin.readline())
    jax.config.update("jax_enable_x64", task["x64"])
    jax.config.update("jax_enable_compilation_cache", False)
    modes, weights, x = task["modes"], jnp.asarray(task["weights"]), jnp.asarray(task["features"])
    kind = np.float64 if task["x64"] else np.float32
    config = pq.Config(cutoff=task["cutoff"], dtype=kind)
    connector = pq.JaxConnector()

    def outputs(weights, row):
        simulator = pq.PureFockSimulator(d=modes, config=config, connector=connector)
        encoded = [pq.Displacement(row[i], 0.0).on_modes(i) for i in range(modes)]
        layers = cvqnn.create_program(weights).instructions[1:]
        state = simulator.execute(pq.Program([pq.Vacuum(), *encoded, *layers])).state
        return state.quadratures_mean_variance(modes=(0,))[0]

    def loss(weights):
        return jnp.mean(jax.vmap(lambda row: outputs(weights, row))(x) ** 2)

    step = jax.jit(jax.value_and_grad(loss))
    start, cpu = time.perf_counter(), time.process_time()
    value, gradient = jax.block_until_ready(step(weights))
    first, first_cpu = time.perf_counter() - start, time.process_time() - cpu
    answer = {
        "value": float(value),
        "gradient": np.asarray(gradient).tolist(),
        "version": pq.__version__,
    }
    print(json.dumps(answer | {"first": first, "first_cpu": first_cpu}), flush=True)
    for line in sys.stdin:
        steps, start = int(line), time.process_time()
        for _ in range(steps):
            jax.block_until_ready(step(weights))
        print(1e3 * (time.process_time() - start) / steps, flush=True)


if __name__ == "__main__":
    main()
