"""The reference: a perceptron of the same shape, trained by plain back-propagation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_X_y

from ..arguments import check_number, check_whole
from .fitting import check_finite
from .network import Network, winners


@dataclass(frozen=True)
class Backprop:
    """What ``backpropagation`` returns.

    Attributes:
        network: the weights, in the arrays of an Ising network.
        online_error: per epoch, the fraction of images misclassified just before their update.
        n_classes: how many classes.
    """

    network: Network
    online_error: np.ndarray
    n_classes: int

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class ``0 .. n_classes - 1`` of each row, by the means of its outputs."""
        net, X = self.network, np.asarray(X, np.float32)
        outputs = np.maximum(net.pull(X), 0) @ net.J + net.bias_output
        return winners(outputs, self.n_classes)


def backpropagation(
    X: np.ndarray,
    y: np.ndarray,
    *,
    hidden: int = 120,
    redundancy: int = 4,
    learning_rate: float = 1e-3,
    epochs: int = 13,
    seed: int = 0,
    stop_below: float = 0.0,
) -> Backprop:
    r"""Stochastic gradient descent, one image at a time, on the net of an ``IsingClassifier``.

    Hidden units are $\max(0, W x + b)$, the logit of a class is the mean of its ``redundancy``
    outputs, the loss is cross entropy; no momentum, no decay. First weights as for the classifier.

    Args:
        X: ``(n_samples, n_features)`` in [0, 1].
        y: labels ``0 .. k-1``.
        hidden: units of the hidden layer.
        redundancy: outputs per class.
        learning_rate: of all weights and biases.
        epochs: passes over the data.
        seed: of first weights and order.
        stop_below: stop after the first epoch with a smaller online error.

    Raises:
        ValueError: bad arguments or data, or weights that are no longer finite.

    Example:
        >>> X = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
        >>> net = backpropagation(X, np.arange(40) % 2, hidden=8, learning_rate=0.1)
        >>> float(np.mean(net.predict(X) == np.arange(40) % 2))
        1.0

    Reference: Rumelhart, Hinton, Williams, Nature 323, 533 (1986).
    """
    X, y = check_X_y(X, y, dtype="float32")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() < 1:
        raise ValueError(
            f"y must be whole numbers 0 .. k-1 of at least two classes, got {np.unique(y)[:5]}. "
            "np.unique(y, return_inverse=True)[1] are such."
        )
    for name, value in (("hidden", hidden), ("redundancy", redundancy), ("epochs", epochs)):
        check_whole(name, value, f"{name}=13")
    check_number("learning_rate", learning_rate, "learning_rate=1e-3")
    n_classes = int(y.max()) + 1
    rng, rate = np.random.default_rng([seed, 0]), np.float32(learning_rate)
    net = Network.init(X.shape[1], hidden, n_classes * redundancy, rng)
    targets = np.eye(n_classes, dtype=np.float32)
    errors: list[float] = []
    while len(errors) < epochs and not (errors and errors[-1] < stop_below):
        wrong = 0
        for row in rng.permutation(len(X)):
            x = X[row]
            active = np.maximum(net.pull(x), 0)
            outputs = active @ net.J + net.bias_output
            wrong += winners(outputs, n_classes) != y[row]
            logits = outputs.reshape(n_classes, redundancy).mean(axis=1)
            p = np.exp(logits - logits.max())
            by_class = p / p.sum() - targets[y[row]]
            by_output = np.repeat(by_class, redundancy) / np.float32(redundancy)
            by_hidden = (net.J @ by_output) * (active > 0)
            net.J[...] -= rate * np.outer(active, by_output)
            net.bias_output[...] -= rate * by_output
            net.W[...] -= np.outer(rate * by_hidden, x)
            net.bias_hidden[...] -= rate * by_hidden
        errors.append(wrong / len(X))
        check_finite(net, learning_rate)
    return Backprop(net, np.array(errors), n_classes)
