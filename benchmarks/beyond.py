"""``python -m benchmarks.beyond``: the places above the state vector, value and gradient, one process.

Times are CPU time of the process, so that only ratios between rows of one run count on a busy machine.
``--peers`` puts other libraries beside them, each in an environment of its own: one sample of the circuit of
100 wires. Where a library has no derivative, its gradient is the time of a value times the values that shifts
of all angles in the light cone would take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
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


PEERS: dict[str, tuple[str, str, tuple[str, ...]]] = {  # name in beyond_peer, environment, packages
    "qiskit-aer, matrix product states": ("aer", "qdl-aer", ("qiskit", "qiskit-aer")),
    "PennyLane default.tensor, quimb": (
        "default_tensor",
        "qdl-quimb",
        (f"pennylane=={qp.__version__}", "quimb"),
    ),
    "qiskit pauli-prop": ("pauli_prop", "qdl-pauliprop", ("pauli-prop",)),
    "TensorCircuit-NG, Pauli words of weight 2": (
        "tensorcircuit",
        "qdl-tensorcircuit",
        ("tensorcircuit-ng", f"jax=={jax.__version__}"),
    ),
}


def python_of(folder: str, packages: tuple[str, ...]) -> Path:
    """The Python of an environment with these packages, made if it is not there."""
    home = Path(tempfile.gettempdir()) / folder
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(command, check=True, capture_output=True)
    return python


def beside(names: list[str], n: int, most: float) -> None:
    """Print one line for this library's cone, and one for each of the others."""
    model = local(n).on(cone())
    draw = np.random.default_rng(0).uniform
    params = jax.tree.map(
        lambda s: jnp.asarray(draw(0, 2 * np.pi, s)),
        model.shape,
        is_leaf=lambda s: isinstance(s, tuple),
    )
    x = np.random.default_rng(1).uniform(0, np.pi, n)
    gates = [
        (o.name, [int(w) for w in o.wires], float(o.data[0]) if o.data else None)
        for o in model.circuit.operators(params, x)
    ]
    both = jax.jit(jax.value_and_grad(lambda p: model.apply(p, x)[0]))
    start = time.process_time()
    value, slopes = jax.block_until_ready(both(params))
    first, start = time.process_time() - start, time.process_time()
    for _ in range(100):
        jax.block_until_ready(both(params))
    later = (time.process_time() - start) / 100
    flat, angles = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])
        for tree in (slopes, params)
    )
    largest = np.argsort(-np.abs(flat))[:2]
    places = [
        next(i for i, g in enumerate(gates) if g[2] is not None and abs(g[2] - angles[k]) < 1e-5)
        for k in largest
    ]
    task = {"wires": n, "gates": gates, "measured": [n // 2 - 1, n // 2], "asked": places}
    print("\n| library | first, s | value, s | gradient, s | value | off by | slopes off by |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(f"| qdl, cone | {first:.1f} | | {later:.4f} | {value:+.6f} | | |", flush=True)
    shifts = 2 * int((np.abs(flat) > 0).sum()) + 1
    for name in names:
        key, folder, packages = PEERS[name]
        try:
            script = Path(__file__).with_name("beyond_peer.py")
            command = [python_of(folder, packages), script, key]
            given = {"input": json.dumps(task), "capture_output": True, "text": True}
            done = subprocess.run(command, check=True, timeout=most, **given)
        except subprocess.CalledProcessError as error:
            last = str(error.stderr).strip().splitlines()[-1:]
            print(f"| {name} | does not run here: {' '.join(last)} | | | | | |", flush=True)
            continue
        except subprocess.TimeoutExpired:
            print(f"| {name} | no value within {most:.0f} s | | | | | |", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        whole = found["whole"]
        slow = (
            f"{whole:.3f}"
            if whole is not None
            else f"{shifts} values: {shifts * found['later']:.1f}"
        )
        off = abs(found["value"] - float(value))
        wrong = np.abs(np.array(found["slopes"]) - flat[largest]).max()
        print(
            f"| {name} {found['version']} | {found['first']:.2f} | {found['later']:.4f} | {slow} | "
            f"{found['value']:+.6f} | {off:.1e} | {wrong:.1e} |",
            flush=True,
        )


def main() -> None:
    """Measure the rows that are asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beyond", description=__doc__)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), help="none named: all of them")
    parser.add_argument("--wires", type=int, default=100, help="of the peers' circuit")
    parser.add_argument("--most", type=float, default=600.0, help="seconds that a peer may take")
    asked = parser.parse_args()
    if asked.rows:
        print("| circuit | batch | first gradient, s | gradient, ms |\n| --- | --- | --- | --- |")
    for name in asked.rows:
        make, batch = ROWS[name]
        first, step = measure(make(), batch)
        print(f"| {name} | {batch} | {first:.1f} | {1e3 * step:.2f} |", flush=True)
    if asked.peers is not None:
        beside(asked.peers or list(PEERS), asked.wires, asked.most)


if __name__ == "__main__":
    main()
