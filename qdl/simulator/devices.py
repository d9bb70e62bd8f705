"""Several devices: every device runs the circuit for its share of the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec


def split_batch(run: Callable[..., jax.Array], params: Any, x: Any, key: Any = None) -> jax.Array:
    """``run(params, x, key)``, on several devices where ``x`` is sharded along its first axis.

    Nothing is exchanged between devices but the gradient of the parameters, once, as a sum. Only an axis
    of type Explicit, which is what ``jax.make_mesh`` makes, says inside ``jax.jit`` that it is sharded.
    With other meshes the numbers are the same, but the compiler alone decides what is exchanged. Gradients
    outside of ``jax.jit`` need ``jax.set_mesh(mesh)``, or JAX takes their first number to one device.
    """
    if x is None or x.ndim < 2 or not batch_axes(x):
        return run(params, x, key)
    axes = batch_axes(x)

    def local(params: Any, x: jax.Array, key: Any) -> jax.Array:
        if key is not None:  # or all devices would draw the same numbers
            key = jax.random.fold_in(key, jax.lax.axis_index(axes))
        return run(params, x, key)

    whole, share = PartitionSpec(), PartitionSpec(axes)
    return _on_mesh(local, x, (whole, share, whole), share)(params, x, key)


def split_map(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A batching rule ``(size, mapped, *arrays)``, on several devices where mapped axes are sharded."""

    def split(size: int, mapped: Any, *arrays: Any) -> Any:
        pairs = zip(jax.tree.leaves(arrays), jax.tree.leaves(mapped), strict=True)
        sharded = [array for array, m in pairs if m and batch_axes(array)]
        if not sharded:
            return rule(size, mapped, *arrays)
        axes, devices = batch_axes(sharded[0]), jax.typeof(sharded[0]).sharding.mesh.shape
        part = size // math.prod(devices[name] for name in axes)
        whole, share = PartitionSpec(), PartitionSpec(axes)
        specs = jax.tree.map(lambda m: share if m else whole, tuple(mapped))

        def local(*own: jax.Array) -> Any:
            return rule(part, mapped, *own)[0]

        found = _on_mesh(local, sharded[0], specs, share)(*arrays)
        return found, jax.tree.map(lambda _: True, found)

    return split


def _on_mesh(local: Callable[..., Any], sharded: jax.Array, specs: Any, out: Any) -> Any:
    mesh = jax.typeof(sharded).sharding.mesh
    return jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=out, check_vma=False)


def batch_axes(array: Any) -> tuple[str, ...]:
    """The names of the mesh axes that the first axis of an array is sharded over."""
    sharding = jax.typeof(array).sharding
    names = None if sharding.mesh.empty else sharding.spec[0]
    return () if names is None else names if isinstance(names, tuple) else (names,)
