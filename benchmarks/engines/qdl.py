"""qdl through its public API: layers anybody could have written, and ``model.apply``."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

import qdl
from qdl.layers import AngleEncoding, Convolution, Entangler, Pooling, Repeat, Rotation

from ..workloads import Workload, data
from ._jax import JaxJob, dtype, floats, training_step, variance_step

PACKAGES = ("qdl", "jax")
DTYPE = dtype()


def model(workload: Workload) -> qdl.QNN:
    """The workload's model."""
    if workload.kind == "A":
        block = Repeat([Rotation("zyz"), Entangler("cnot", pattern="ring")], workload.depth)
        return qdl.QNN(workload.n, [AngleEncoding(), block], readout=qdl.ExpZ(0))
    if workload.kind == "B":
        return qdl.models.mcclean(workload.n, workload.depth)
    levels = [Convolution("su4"), Pooling("zyz")] * workload.depth
    return qdl.QNN(workload.n, [AngleEncoding(), *levels])


def build(workload: Workload) -> JaxJob:
    """One training step of A and C, or all gradients of B's draws."""
    circuit, numbers = model(workload), data(workload)
    if workload.kind == "B":
        return _sweep(circuit, workload)
    leaves = [numbers.weights]
    if workload.kind == "C":
        leaves = [part for row in numbers.weights for part in (row[:15], row[15:])]
    tree = jax.tree.structure(circuit.init(jax.random.key(0)))
    params = jax.tree.unflatten(tree, floats(*leaves))
    step = training_step(lambda params, x: circuit.apply(params, x)[:, 0])
    return JaxJob(step, params, *_spread(*floats(numbers.x, numbers.y)))


def _sweep(circuit: qdl.QNN, workload: Workload) -> JaxJob:
    """Every draw brings its own angles and its own choice of gates: both are data here."""
    numbers = data(workload)
    paths, tree = jax.tree_util.tree_flatten_with_path(circuit.init(jax.random.key(0)))
    names = [getattr(path[-1], "key", None) for path, _ in paths]
    axes = np.broadcast_to(np.eye(3)[numbers.axes], (workload.batch, *workload.shape, 3))

    def output(angles: Any, axes: Any) -> Any:
        given = {"angle": angles, "axis": axes}
        leaves = [given.get(name, leaf) for name, (_, leaf) in zip(names, paths, strict=True)]
        return circuit.apply(jax.tree.unflatten(tree, leaves))[0]

    return JaxJob(variance_step(output), *_spread(*floats(numbers.weights, axes)))


def _spread(*arrays: jax.Array) -> Any:
    """The leading axis over all devices, where there are several and it divides."""
    count = len(jax.devices())
    if count == 1 or arrays[0].shape[0] % count:
        return arrays
    mesh = jax.make_mesh((count,), ("batch",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    return jax.device_put(arrays, sharding)
