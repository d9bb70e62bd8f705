r"""The bipartite network: pixels act as fields on hidden spins, which couple to output spins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .energy import Bipartite, Ising


@dataclass(frozen=True, eq=False)
class Network:
    r"""Weights of $E(s; x) = -(W x + b^h) \cdot s^h - b^o \cdot s^o - s^h \cdot J s^o$.

    Positive weights pull spins together: the paper's sign. ``ising`` gives dimod's. Training
    changes the arrays in place.

    Args:
        W: ``(hidden, features)``.
        J: ``(hidden, outputs)``.
        bias_hidden: ``(hidden,)``.
        bias_output: ``(outputs,)``.

    Example:
        >>> network = Network.init(3, hidden=2, outputs=4, rng=np.random.default_rng(0))
        >>> network.ising(np.ones(3)).h.shape
        (6,)

    Reference: Zhang, Kamenev, Communications Physics 8, 478 (2025), Eqs. 1-3.
    """

    W: np.ndarray
    J: np.ndarray
    bias_hidden: np.ndarray
    bias_output: np.ndarray

    @staticmethod
    def shapes(features: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """Of the arrays by name."""
        biases = {"bias_hidden": (hidden,), "bias_output": (outputs,)}
        return {"W": (hidden, features), "J": (hidden, outputs), **biases}

    @classmethod
    def init(cls, features: int, hidden: int, outputs: int, rng: np.random.Generator) -> Network:
        """First weights, biases 0."""
        return cls(
            W=first_weights(rng, (hidden, features), inputs=features),
            J=first_weights(rng, (hidden, outputs), inputs=hidden),
            bias_hidden=np.zeros(hidden, np.float32),
            bias_output=np.zeros(outputs, np.float32),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The four arrays by name."""
        return dict(vars(self))

    @classmethod
    def rebuilt(cls, arrays: dict[str, np.ndarray]) -> Network:
        """A network of these arrays."""
        return cls(**arrays)

    def pull(self, x: np.ndarray) -> np.ndarray:
        """What features ``(..., features)`` say to the hidden spins: $W x + b^h$."""
        return x @ self.W.T + self.bias_hidden

    def ising(self, x: np.ndarray) -> Ising:
        """The problem of an image, or of many ``(..., features)``: hidden spins, then outputs."""
        return self.problem(self.pull(np.asarray(x, np.float32)))

    def problem(self, pull: np.ndarray) -> Ising:
        """The same from ``pull(x)``."""
        outputs = np.broadcast_to(self.bias_output, (*pull.shape[:-1], len(self.bias_output)))
        return Ising(-np.concatenate([pull, outputs], axis=-1), Bipartite(-self.J))

    def clamped(self, pull: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Hidden spins of lowest energy when the outputs are held at ``code``."""
        return along(pull + code @ self.J.T)

    def clamped_energies(self, pull: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """The lowest energy over the hidden spins for each row of ``codes``: ``(..., codes)``."""
        strength = [np.abs(pull + said).sum(axis=-1) for said in codes @ self.J.T]
        return -np.stack(strength, axis=-1) - codes @ self.bias_output


def first_weights(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> np.ndarray:
    """Uniform within one over the root of the number of inputs, float32."""
    return (rng.uniform(-1, 1, shape) / np.sqrt(inputs)).astype(np.float32)


def along(field: np.ndarray) -> np.ndarray:
    """Spins that follow a field, +1 where there is none; float32."""
    return np.where(field >= 0, np.float32(1), np.float32(-1))


def class_codes(n_classes: int, redundancy: int) -> np.ndarray:
    """Output spins of each class, ``(classes, classes * redundancy)``: +1 on its own, else -1.

    Example:
        >>> class_codes(2, 2).tolist()
        [[1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]]
    """
    return (2 * np.repeat(np.eye(n_classes), redundancy, axis=1) - 1).astype(np.float32)


def winners(outputs: np.ndarray, n_classes: int) -> np.ndarray:
    """The class with the largest sum of its outputs; -1 where two classes tie.

    Example:
        >>> winners(np.array([[1, 1, -1, -1], [1, -1, 1, -1]]), 2).tolist()
        [0, -1]
    """
    votes = outputs.reshape(*outputs.shape[:-1], n_classes, -1).sum(axis=-1)
    best = votes.max(axis=-1, keepdims=True)
    unique = (votes == best).sum(axis=-1) == 1
    return np.where(unique, votes.argmax(axis=-1), -1)
