# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A circuit between classical layers
#
# A QNN is two pure functions: `init(key)` draws a tree of arrays, `apply(params, x)` uses it. JAX can
# differentiate, batch and compile them, and that is all another library needs. Here is one network, 64
# pixels to 4 angles, a circuit, 10 classes, written three times: with `qdl.Hybrid`, in Flax, in Equinox.

# %%
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

data = qdl.datasets.digits(classes=None, features=None, scale=(0, 1))
train, test = (data.X_train, data.y_train), (data.X_test, data.y_test)
print(data.X_train.shape, data.X_test.shape)

block = [AngleEncoding(scale=np.pi / 2), Rotation("zyz"), Entangler("cz", pattern="ring")]
circuit = qdl.QNN(4, Repeat(block, 3))  # four features in, <Z> of four wires out

# %% [markdown]
# ## In qdl
#
# `Hybrid` chains stages that have `init` and `apply`. `tanh` keeps what enters the circuit between $-1$ and
# $1$, so that `scale=np.pi / 2` makes half a turn of it. `fit` sees a classical last stage and reads its
# values as logits.

# %%
network = qdl.Hybrid([qdl.Dense(64, 4), "tanh", circuit, qdl.Dense(4, 10)])
print(network)

# %%
settings = dict(loss="cross_entropy", optimizer=optax.adam(0.02), steps=600, key=jax.random.key(0))


def accuracy(outputs):
    return float(np.mean(np.argmax(outputs, axis=1) == data.y_test))


def report(name, score, n_params):
    print(f"{name + ':':<21}{score:.3f}, {n_params} parameters")


result = qdl.fit(network, *train, **settings)
report("with the circuit", accuracy(network.apply(result.params, data.X_test)), network.n_params)

# %% [markdown]
# Always ask what the circuit is good for. Take it out, and train the rest in the same way:

# %%
without = qdl.Hybrid([qdl.Dense(64, 4), "tanh", qdl.Dense(4, 10)])
plain = qdl.fit(without, *train, **settings)
report("without the circuit", accuracy(without.apply(plain.params, data.X_test)), without.n_params)
linear = qdl.baselines.logistic_regression(data)
report(linear.name, linear.accuracy, linear.n_params)

# %% [markdown]
# A linear model on all pixels beats both: the four numbers in the middle are the bottleneck, quantum or not.
# The network is here to show how the parts fit.

# %% [markdown]
# ## In Flax
#
# An `nnx.Module` holds its parameters. Ours draws them with `circuit.init` and turns each array into an
# `nnx.Param`; calling it calls `circuit.apply`. The optimizer and the training step are Flax as usual.


# %%
class Quantum(nnx.Module):
    def __init__(self, model, rngs):
        self.model = model
        self.params = nnx.data(jax.tree.map(nnx.Param, model.init(rngs.params())))

    def __call__(self, x):
        params = jax.tree.map(
            lambda p: p[...], self.params, is_leaf=lambda p: isinstance(p, nnx.Param)
        )
        return self.model.apply(params, x)


class FlaxNetwork(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(64, 4, rngs=rngs)
        self.quantum = Quantum(circuit, rngs)
        self.last = nnx.Linear(4, 10, rngs=rngs)

    def __call__(self, x):
        return self.last(self.quantum(jnp.tanh(self.first(x))))


@nnx.jit
def flax_step(network, optimizer, x, y):
    def loss_of(network):
        return optax.softmax_cross_entropy_with_integer_labels(network(x), y).mean()

    loss, gradient = nnx.value_and_grad(loss_of)(network)
    optimizer.update(network, gradient)
    return loss


# %%
def batches(steps, size=32):
    random = np.random.default_rng(0)
    for _ in range(steps):
        rows = random.integers(0, len(data.X_train), size)
        yield data.X_train[rows], data.y_train[rows]


in_flax = FlaxNetwork(nnx.Rngs(0))
optimizer = nnx.Optimizer(in_flax, optax.adam(0.02), wrt=nnx.Param)
for x, y in batches(600):
    loss = flax_step(in_flax, optimizer, x, y)
print(f"Flax: loss {float(loss):.3f}, test accuracy {accuracy(in_flax(data.X_test)):.3f}")

# %% [markdown]
# ## In Equinox
#
# An `eqx.Module` *is* a tree of arrays. The circuit itself has none: it is a static field. Modules take one
# row, and `jax.vmap` makes it a batch.


# %%
class EquinoxNetwork(eqx.Module):
    first: eqx.nn.Linear
    params: list
    last: eqx.nn.Linear
    model: qdl.QNN = eqx.field(static=True)

    def __init__(self, model, key):
        keys = jax.random.split(key, 3)
        self.first = eqx.nn.Linear(64, 4, key=keys[0])
        self.params = model.init(keys[1])
        self.last = eqx.nn.Linear(4, 10, key=keys[2])
        self.model = model

    def __call__(self, x):
        return self.last(self.model.apply(self.params, jnp.tanh(self.first(x))))


adam = optax.adam(0.02)


@eqx.filter_jit
def equinox_step(network, state, x, y):
    def loss_of(network):
        return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(network)(x), y).mean()

    loss, gradient = eqx.filter_value_and_grad(loss_of)(network)
    updates, state = adam.update(gradient, state)
    return eqx.apply_updates(network, updates), state, loss


# %%
in_equinox = EquinoxNetwork(circuit, jax.random.key(0))
state = adam.init(eqx.filter(in_equinox, eqx.is_array))
for x, y in batches(600):
    in_equinox, state, loss = equinox_step(in_equinox, state, x, y)
print(
    f"Equinox: loss {float(loss):.3f}, test accuracy {accuracy(jax.vmap(in_equinox)(data.X_test)):.3f}"
)

# %% [markdown]
# ## The same network
#
# Three spellings, one function: the parameters of one give the same outputs in the other.

# %%
first, last = in_equinox.first, in_equinox.last
moved = [
    {"weight": first.weight.T, "bias": first.bias},
    None,
    in_equinox.params,
    {"weight": last.weight.T, "bias": last.bias},
]
difference = network.apply(moved, data.X_test) - jax.vmap(in_equinox)(data.X_test)
print("largest difference:", float(jnp.abs(difference).max()))
