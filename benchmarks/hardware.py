"""One gradient on the road to hardware: one job of qdl against one job a circuit of pennylane-qiskit.

``python -m benchmarks.hardware``: 4 wires, 16 parameters, 16 samples, 1024 shots, <Z0>; both in one process,
one after the other, on the same AerSimulator. It prints jobs, seconds, and how far each gradient is from the
exact one. pennylane-qiskit needs minutes; ``--samples 2`` is quicker.
"""

import argparse
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from qiskit_aer import AerSimulator

import qdl
from qdl.backends import Fake, estimate
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

SHOTS = 1024
BLOCK = [Rotation("yz"), Entangler("cz", "ring")]
MODEL = qdl.QNN(4, [AngleEncoding(), Repeat(BLOCK, 2)], qdl.ExpZ([0]))


def jacobian_of(model, key):
    return jax.jacrev(lambda params, x: model.apply(params, x, key=key))


def of_qdl(place, params, x, key):
    return jacobian_of(MODEL.on(place), key)(params, x)


def of_pennylane_qiskit(params, x):
    """The same through the plugin's primitives device: PennyLane's parameter shift, tape by tape."""
    device = qp.device("qiskit.remote", wires=4, backend=AerSimulator())
    circuit = qp.set_shots(
        qp.QNode(
            lambda p, row: ([qp.apply(o) for o in MODEL.operators(p, row)], qp.expval(qp.Z(0)))[1],
            device,
            interface="jax",
            diff_method="parameter-shift",
        ),
        SHOTS,
    )
    rows = [jax.jacrev(circuit)(params, row) for row in x]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves)[:, None], *rows)


def distance(found, exact):
    """Root mean square over all entries."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
    return float(np.sqrt(np.mean(np.concatenate([np.ravel(a - b) ** 2 for a, b in pairs]))))


class Jobs:
    """Counts the jobs of both libraries: each is one ``run`` of a primitive."""

    def __init__(self):
        from qiskit_ibm_runtime import EstimatorV2

        self.count, run = 0, EstimatorV2.run

        def counted(*args, **kwargs):
            self.count += 1
            return run(*args, **kwargs)

        EstimatorV2.run = counted

    def measure(self, call, *args):
        self.count, start = 0, time.perf_counter()
        result = jax.block_until_ready(call(*args))
        return result, time.perf_counter() - start, self.count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--machine", default="manila", help="a fake machine, for qdl alone")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(0), 4)
    params = MODEL.init(keys[0])
    x = jax.random.uniform(keys[1], (options.samples, 4), minval=-np.pi, maxval=np.pi)
    exact = jacobian_of(MODEL, None)(params, x)
    MODEL.on(qdl.backends.aer()).apply(params, x[:1])  # imports are not measured
    local = Fake(SHOTS, name=options.machine)
    places = {
        "qdl, Aer exact": (qdl.backends.aer(), 1),
        "qdl, Aer": (qdl.backends.aer(shots=SHOTS), 1),
        "qdl, Runtime primitives on AerSimulator": (ideal(), None),
        f"qdl, Runtime primitives on {local.backend.name}": (local, None),
    }
    jobs, rows = Jobs(), []
    for name, (place, known) in places.items():
        found, seconds, count = jobs.measure(of_qdl, place, params, x, keys[2])
        rows.append((name, known or count, seconds, distance(found, exact)))
    found, theirs, count = jobs.measure(of_pennylane_qiskit, params, x)
    rows.append(("pennylane-qiskit, AerSimulator", count, theirs, distance(found, exact)))
    circuits = estimate(MODEL, local, batch_size=options.samples).circuits
    print(
        f"{circuits} circuits of {SHOTS} shots; seconds of the first call, transpiling included\n"
    )
    print(f"{'':44}{'jobs':>6}{'seconds':>10}{'ratio':>8}{'RMS error':>11}")
    for name, count, seconds, error in rows:
        print(f"{name:44}{count:6}{seconds:10.2f}{theirs / seconds:8.1f}{error:11.4f}")


def ideal():
    """The place of ``fake``, on a machine without noise: what pennylane-qiskit runs on below."""

    class Ideal(Fake):
        @property
        def backend(self):
            return AerSimulator()

    return Ideal(SHOTS, name="manila")


if __name__ == "__main__":
    main()
