"""A QNN as a layer inside an Equinox model, trained with Optax."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

BLOCK = [AngleEncoding(trainable=True), Rotation("zyz"), Entangler("cz", pattern="ring")]


class Quantum(eqx.Module):
    """Holds the parameters of a QNN; calling it calls ``model.apply``."""

    model: qdl.QNN = eqx.field(static=True)
    params: list

    def __init__(self, model, key):
        self.model = model
        self.params = model.init(key)

    def __call__(self, x):
        return self.model.apply(self.params, x)


class Classifier(eqx.Module):
    """Four columns to three angles, a circuit, three logits, for one row."""

    first: eqx.nn.Linear
    quantum: Quantum
    last: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key, 3)
        self.first = eqx.nn.Linear(4, 3, key=keys[0])
        self.quantum = Quantum(qdl.QNN(3, Repeat(BLOCK, 2)), keys[1])
        self.last = eqx.nn.Linear(3, 3, key=keys[2])

    def __call__(self, x):
        return self.last(self.quantum(jnp.tanh(self.first(x))))


def main(steps=150):
    """Train on Fisher's irises; returns the trained model, the losses and the test accuracy."""
    data = qdl.datasets.iris()
    model = Classifier(jax.random.key(0))
    optimizer = optax.adam(0.05)

    @eqx.filter_jit
    def step(model, state):
        def loss_of(model):
            logits = jax.vmap(model)(data.X_train)
            return optax.softmax_cross_entropy_with_integer_labels(logits, data.y_train).mean()

        loss, gradient = eqx.filter_value_and_grad(loss_of)(model)
        updates, state = optimizer.update(gradient, state)
        return eqx.apply_updates(model, updates), state, loss

    state, losses = optimizer.init(eqx.filter(model, eqx.is_array)), []
    for _ in range(steps):
        model, state, loss = step(model, state)
        losses.append(float(loss))
    accuracy = float((jax.vmap(model)(data.X_test).argmax(axis=1) == data.y_test).mean())
    return model, losses, accuracy


if __name__ == "__main__":
    _, losses, accuracy = main()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, test accuracy {accuracy:.3f}")
