"""Several devices: the batch or the state is split, the numbers stay the same. With four CPU devices."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.backends import statevector
from qdl.layers import AmplitudeEncoding, Rotation

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


SLICES = """
import jax, jax.numpy as jnp, numpy as np
import pennylane as qp
import qdl
from jax.flatten_util import ravel_pytree
from qdl.backends import statevector
from qdl.layers import (AngleEncoding, Convolution, Entangler, IQPEncoding, Pooling, Repeat, Rotation,
                        Template)

jax.config.update("jax_enable_x64", True)
mesh = jax.make_mesh((2, 2), ("rack", "card"))


def same(model, x):
    params = model.init(jax.random.key(0))
    weight = jax.random.normal(jax.random.key(1), model.apply(params, x).shape)
    loss = lambda model: jax.jit(jax.value_and_grad(
        lambda p, x: jnp.sum(weight * model.apply(p, x) ** 2), argnums=(0, 1)))
    found = loss(model.on(statevector(mesh=mesh)))(params, x)
    wanted = loss(model)(params, x)
    np.testing.assert_allclose(ravel_pytree(found)[0], ravel_pytree(wanted)[0], atol=1e-10)


x = jax.random.normal(jax.random.key(2), (3, 9))
odd = Template(lambda p, x, w: [qp.Toffoli(w[:3]), qp.DoubleExcitation(p[0], w[4:8])], (1,))
observables = [qp.X(0) @ qp.Y(8) + 0.5 * qp.Z(3) - 2 * qp.I(0), qp.Y(2)]
same(qdl.QNN(9, [IQPEncoding(), Rotation("xy"), Entangler("crx", "all"), odd],
             qdl.Expval(observables)), x)
same(qdl.QNN(9, [AngleEncoding(), Convolution(), Pooling(), Convolution("u6"), Pooling()],
             qdl.Probs()), x)

# a device holds slices, never the state
deep = qdl.QNN(16, [AngleEncoding(), Repeat([Rotation("zyz"), Entangler("cnot", "ring")], 2)])
deep = deep.on(statevector(mesh=mesh))
run = jax.jit(jax.grad(lambda p, x: deep.apply(p, x).sum()))
run = run.lower(deep.init(jax.random.key(0)), jnp.ones((1, 16))).compile()
assert "all-to-all" in run.as_text() and "all-gather" not in run.as_text()
slice_size = 2**14 * 16
assert run.memory_analysis().temp_size_in_bytes < 9 * slice_size

try:
    qdl.QNN(7, [Rotation()]).on(statevector(mesh=mesh)).apply([jnp.ones((7, 3))])
except ValueError as error:
    assert "7 wires are too few for 4 slices: expected at least 8" in str(error)
    print("same numbers")
"""


@pytest.mark.parametrize("script", [SCRIPT, SLICES], ids=["batch", "state"])
def test_four_devices(script):
    flags = "--xla_force_host_platform_device_count=4"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "same numbers", done.stderr[-3000:]


def test_meshes_that_make_no_sense():
    with pytest.raises(TypeError, match="must be a jax.sharding.Mesh, got int"):
        statevector(mesh=4)
    mesh = jax.make_mesh((1,), ("state",))
    with pytest.raises(ValueError, match="exact values, got shots=10 with a mesh"):
        statevector(shots=10, mesh=mesh)
    prepared = qdl.QNN(5, [AmplitudeEncoding()]).on(statevector(mesh=mesh))
    with pytest.raises(ValueError, match="starts in .0...0>, got a state preparation"):
        prepared.apply([None], jnp.ones(32))


def test_a_matrix_is_read_in_slices_as_the_sum_of_words_that_it_is():
    mesh = jax.make_mesh((1,), ("state",))
    observable = qp.Hermitian(np.array([[1.0, 2j], [-2j, -0.5]]), 0) + qp.Projector([1, 0], [2, 1])
    model = qdl.QNN(5, [Rotation()], qdl.Expval(observable))
    params = model.init(jax.random.key(0))
    found = model.on(statevector(mesh=mesh)).apply(params)
    np.testing.assert_allclose(found, model.apply(params), atol=1e-10)
