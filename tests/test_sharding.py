"""Several devices: the batch is split, the numbers stay the same. In a process with four CPU devices."""

import os
import subprocess
import sys

SCRIPT = """
import jax, jax.numpy as jnp, numpy as np
import qdl
from jax.flatten_util import ravel_pytree
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from qdl.backends import density_matrix, trajectories
from qdl.layers import AngleEncoding, Entangler, Noise, Rotation

jax.config.update("jax_enable_x64", True)
assert len(jax.devices()) == 4
mesh = jax.make_mesh((4,), ("batch",))
LAYERS = [AngleEncoding(), Rotation("zy"), Entangler("cnot", "ring")]


def on(mesh, tree, axis="batch"):
    place = lambda leaf: jax.device_put(leaf, NamedSharding(mesh, P(axis)))
    return jax.tree.map(place, tree)


def same(found, wanted):
    np.testing.assert_allclose(ravel_pytree(found)[0], ravel_pytree(wanted)[0], atol=1e-10)


def loss_of(model):
    return jax.jit(jax.value_and_grad(lambda p, x, y: jnp.mean((model.apply(p, x) - y) ** 2)))


def a_batch(n, batch):
    x = jax.random.normal(jax.random.key(1), (batch, n))
    return x, jnp.sin(x)


# value and gradient of a batch, samples far apart in memory and next to each other
model = qdl.QNN(6, LAYERS)
params = model.init(jax.random.key(0))
for batch in (8, 256):
    data, loss = a_batch(6, batch), loss_of(model)
    alone = loss.lower(params, *data).compile()
    split = loss.lower(on(mesh, params, None), *on(mesh, data)).compile()
    same(split(on(mesh, params, None), *on(mesh, data)), alone(params, *data))
    text = split.as_text()
    assert "all-reduce" in text and not any(w in text for w in ("all-gather", "all-to-all", "permute"))
    temporary = [c.memory_analysis().temp_size_in_bytes for c in (split, alone)]
    assert temporary[0] < 0.4 * temporary[1], temporary

# outside of jit: every device holds its quarter of the values
out = model.apply(params, on(mesh, data[0]))
assert {shard.data.shape for shard in out.addressable_shards} == {(64, 6)}
same(np.asarray(out), model.apply(params, data[0]))

# two axes; and a mesh of Auto axes, where the compiler decides
grid = jax.make_mesh((2, 2), ("a", "b"))
found = loss_of(model)(on(grid, params, None), *on(grid, data, ("a", "b")))
same(found, alone(params, *data))
auto = jax.make_mesh((4,), ("batch",), axis_types=(AxisType.Auto,))
same(loss_of(model)(on(auto, params, None), *on(auto, data)), alone(params, *data))

# a sweep over draws, the draws split
draws = jax.vmap(model.init)(jax.random.split(jax.random.key(3), 8))
sweep = jax.jit(jax.vmap(jax.grad(lambda p: jnp.sum(model.apply(p, data[0][0]) ** 2))))
wanted = sweep(draws)
compiled = sweep.lower(on(mesh, draws)).compile()
same(compiled(on(mesh, draws)), wanted)
assert not any(w in compiled.as_text() for w in ("all-gather", "all-to-all", "all-reduce"))

# mixed states; trajectories, whose errors differ from device to device
noisy = qdl.QNN(2, [*LAYERS, Noise("bit_flip", 0.2), Rotation("x")])
params, data = noisy.init(jax.random.key(0)), a_batch(2, 8)
loss = loss_of(noisy.on(density_matrix()))
same(loss(on(mesh, params, None), *on(mesh, data)), loss(params, *data))
x, key = jnp.zeros((4, 2)), jax.random.key(5)
found = noisy.on(trajectories(samples=5)).apply(params, on(mesh, x), key)
assert len({tuple(row) for row in np.asarray(found).round(9).tolist()}) > 1
print("same numbers")
"""


def test_a_batch_over_four_devices():
    flags = "--xla_force_host_platform_device_count=4"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    run = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "same numbers", done.stderr[-3000:]
