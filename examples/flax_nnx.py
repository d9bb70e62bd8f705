"""A QNN as a layer inside a Flax (nnx) model, trained with Optax."""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

BLOCK = [AngleEncoding(trainable=True), Rotation("zyz"), Entangler("cz", pattern="ring")]


class Quantum(nnx.Module):
    """Holds the parameters of a QNN; calling it calls ``model.apply``."""

    def __init__(self, model, rngs):
        self.model = model
        self.params = nnx.data(jax.tree.map(nnx.Param, model.init(rngs.params())))

    def __call__(self, x):
        def is_param(leaf):
            return isinstance(leaf, nnx.Param)

        params = jax.tree.map(lambda param: param[...], self.params, is_leaf=is_param)
        return self.model.apply(params, x)


class Classifier(nnx.Module):
    """Four columns to three angles, a circuit, three logits."""

    def __init__(self, rngs):
        self.first = nnx.Linear(4, 3, rngs=rngs)
        self.quantum = Quantum(qdl.QNN(3, Repeat(BLOCK, 2)), rngs)
        self.last = nnx.Linear(3, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(self.quantum(jnp.tanh(self.first(x))))


@nnx.jit
def step(model, optimizer, x, y):
    """One gradient step; changes the model and the optimizer in place, as nnx does."""

    def loss_of(model):
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, gradient = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, gradient)
    return loss


def main(steps=150):
    """Train on Fisher's irises; returns the trained model, the losses and the test accuracy."""
    data = qdl.datasets.iris()
    model = Classifier(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(0.05), wrt=nnx.Param)
    losses = [float(step(model, optimizer, data.X_train, data.y_train)) for _ in range(steps)]
    accuracy = float((model(data.X_test).argmax(axis=1) == data.y_test).mean())
    return model, losses, accuracy


if __name__ == "__main__":
    _, losses, accuracy = main()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, test accuracy {accuracy:.3f}")
