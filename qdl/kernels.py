"""The fidelity kernel of a model's circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .model import QNN

ROWS = 64  # states per call: every call has this shape, so that there is one compilation


def kernel(model: QNN, params: Any = None, *, max_bytes: int = 2**28) -> Callable[..., np.ndarray]:
    r"""The fidelity kernel $K(x, x') = |\langle \psi(x) | \psi(x') \rangle|^2$ of a model's states.

    Layers after the last encoding do not change it: the same unitary acts on both states.

    Args:
        model: a QNN; its readout plays no part.
        params: its parameters; None for a model without any.
        max_bytes: memory for the states held at once; larger sets are worked off in blocks, whose
            states are computed again for every pair of blocks.

    Returns:
        A function ``K(X1, X2=None)`` giving a NumPy matrix ``(len(X1), len(X2))`` with values in
        [0, 1]; without ``X2`` the symmetric one of ``X1`` with itself. Ready for scikit-learn:
        ``SVC(kernel="precomputed").fit(K(X), y).predict(K(X_test, X))``, or ``SVC(kernel=K)``.

    Raises:
        ValueError: a model with parameters but no ``params``; one that encodes no data.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding
        >>> K = kernel(qdl.QNN(1, [AngleEncoding("y")]))
        >>> bool(np.allclose(K(np.array([[0.0], [1.0]]))[0, 1], np.cos(0.5) ** 2))
        True

    Reference: Havlicek et al., Nature 567, 209 (2019); Schuld, Killoran, Phys. Rev. Lett. 122,
    040504 (2019).
    """
    if params is None:
        params = _no_params(model)
    bytes_per_state = 2**model.n_wires * jnp.result_type(float).itemsize * 2
    panel = max(1, max_bytes // (2 * bytes_per_state))

    def fidelities(X1: Any, X2: Any = None) -> np.ndarray:
        first = _rows(X1, "X1")
        second = first if X2 is None else _rows(X2, "X2")
        matrix = np.empty((len(first), len(second)), dtype=jnp.result_type(float))
        for i in range(0, len(first), panel):
            left = _states(model, params, first[i : i + panel])
            for j in range(i if X2 is None else 0, len(second), panel):
                same = X2 is None and i == j
                right = left if same else _states(model, params, second[j : j + panel])
                block = np.asarray(_overlaps(left, right))
                matrix[i : i + panel, j : j + panel] = (block + block.T) / 2 if same else block
                if X2 is None and not same:
                    matrix[j : j + panel, i : i + panel] = block.T
        return matrix

    return fidelities


@jax.jit
def _overlaps(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.clip(jnp.abs(left.conj() @ right.T) ** 2, 0, 1)


def _states(model: QNN, params: Any, X: np.ndarray) -> jax.Array:
    """The states of all rows ``(n, 2**n_wires)``, a fixed number of rows per call."""
    rows = min(ROWS, len(X))
    blocks = []
    for start in range(0, len(X), rows):
        block = X[start : start + rows]
        filled = np.concatenate([block, np.repeat(block[:1], rows - len(block), axis=0)])
        blocks.append(model.state(params, filled)[: len(block)])
    return jnp.concatenate(blocks)


def _no_params(model: QNN) -> Any:
    if model.n_params:
        raise ValueError(
            f"the model has {model.n_params} parameters, so its kernel depends on them. Pass "
            "params: kernel(model, model.init(key)), or trained ones."
        )
    return model.init(jax.random.key(0))


def _rows(X: Any, name: str) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2 or len(X) == 0:
        raise ValueError(
            f"{name} must have shape (n_samples, n_features) with n_samples >= 1, got {X.shape}. "
            "For a single sample pass x[None]."
        )
    return X
