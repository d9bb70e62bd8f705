"""Kernels of a model's circuit: the fidelity of its states, and the projected kernel of single qubits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .backends.amplitudes import preparation
from .circuit import Circuit
from .layers.base import Layer, Shape, Wires, collect
from .layers.mps import MatrixProductState
from .model import QNN
from .readout import Expval, Probs
from .refused import Refused

ROWS = 64  # states per call: every call has this shape, so that there is one compilation
PAIRS = 4096  # pairs of samples per call, where they are circuits of their own
KINDS = ("fidelity", "projected")

Kernel = Callable[..., jax.Array]  # (X1, X2=None, key=None) -> (len(X1), len(X2))


def kernel(
    model: QNN,
    params: Any = None,
    *,
    kind: str = "fidelity",
    gamma: float | None = None,
    max_bytes: int = 2**28,
) -> Kernel:
    r"""A kernel between samples, from the states that a model's circuit makes of them.

    ``"fidelity"`` is $K(x, x') = |\langle \psi(x) | \psi(x') \rangle|^2$; layers after the last encoding do
    not change it. On a place with shots or errors it is what that place measures: the probability of all
    zeros after $U(x)$ and $U(x')^\dagger$, one circuit a pair.

    ``"projected"`` compares the states of single qubits, which may resolve what the fidelity of large
    states cannot, and needs one circuit a sample:
    $K(x, x') = \exp(-\gamma \sum_q \|\rho_q(x) - \rho_q(x')\|_F^2)
    = \exp(-\frac{\gamma}{2} \sum_{q, P \in XYZ} (\langle P_q \rangle - \langle P_q \rangle')^2)$, over the
    wires that are active at the end, with the expectation values that the model's place gives.

    Args:
        model: a QNN; its readout plays no part.
        params: its parameters; None for a model without any.
        kind: ``"fidelity"`` or ``"projected"``.
        gamma: of the projected kernel, no unit; None for 1.
        max_bytes: memory for the states held at once; larger sets are worked off in blocks, whose
            states are computed again for every pair of blocks.

    Returns:
        A function ``K(X1, X2=None, key=None)`` giving a matrix ``(len(X1), len(X2))`` with values in
        [0, 1]; without ``X2`` the symmetric one of ``X1`` with itself. Places that draw shots need the
        key. It can be jitted and differentiated, also in ``params``. Ready for scikit-learn:
        ``SVC(kernel="precomputed").fit(K(X), y).predict(K(X_test, X))``, or ``SVC(kernel=K)``.

    Raises:
        ValueError: a model with parameters but no ``params``; one that encodes no data; an unknown kind.
        Refused: a circuit with noise layers, which cannot be undone.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding
        >>> K = kernel(qdl.QNN(1, [AngleEncoding("y")]))
        >>> bool(np.allclose(K(np.array([[0.0], [1.0]]))[0, 1], np.cos(0.5) ** 2))
        True

    Reference: Havlicek et al., Nature 567, 209 (2019); Schuld, Killoran, Phys. Rev. Lett. 122,
    040504 (2019); projected: Huang et al., Nature Communications 12, 2631 (2021), eq. 9.
    """
    if kind not in KINDS or (gamma is not None and (kind == "fidelity" or not gamma > 0)):
        raise ValueError(
            f"kind must be 'fidelity', or 'projected' with gamma > 0; got kind={kind!r}, gamma={gamma!r}. "
            "Example: kernel(model, kind='projected', gamma=0.5)."
        )
    if params is None:
        params = _no_params(model)
    if not model.n_features:
        raise ValueError(
            "the model encodes no data, so all its states are the same; expected a layer such as "
            "AngleEncoding. Add one."
        )
    if kind == "projected":
        found: Any = partial(_projected, model, params, 1.0 if gamma is None else gamma)
    elif model.place.exact_for(model.circuit):
        found = partial(_fidelities, model, params, max_bytes)
    else:
        found = partial(_measured, model, params)

    def matrix(X1: Any, X2: Any = None, key: Any = None) -> jax.Array:
        first = _rows(model, X1, "X1")
        return found(first, None if X2 is None else _rows(model, X2, "X2"), key)

    return matrix


def kernel_alignment(K: Any, y: Any, centred: bool = True) -> jax.Array:
    r"""How well a kernel matrix agrees with labels: the cosine between it and the ideal one.

    $$A = \frac{\langle K, T \rangle_F}{\|K\|_F \|T\|_F}, \qquad
    T_{ij} = 1 \text{ where } y_i = y_j, \text{ else } -1$$

    so that $T = y y^T$ for labels $\pm 1$. Centred, both matrices are $H K H$ with
    $H = 1 - \frac{1}{m} \mathbf{1} \mathbf{1}^T$: a constant added to the kernel, and classes of unequal
    size, then do not change what is compared. It can be jitted and differentiated, so that a kernel can be
    trained by it.

    Args:
        K: ``(m, m)``, a kernel matrix.
        y: ``(m,)``, labels of any number of classes.
        centred: as above.

    Returns:
        A number in [-1, 1]; 0 where a matrix vanishes, as that of one class does once it is centred.

    Raises:
        ValueError: shapes that do not fit, or targets that are no labels.

    Example:
        >>> round(float(kernel_alignment(jnp.eye(4), jnp.array([0, 0, 1, 1]))), 4)  # 1 / sqrt(3)
        0.5774

    Reference: Cristianini et al., NIPS 14, 367 (2001); centred: Cortes, Mohri, Rostamizadeh, Journal of
        Machine
    Learning Research 13, 795 (2012).
    """
    shape = jnp.shape(K)
    if len(shape) != 2 or shape[0] != shape[1] or jnp.shape(y) != shape[:1] or not shape[0]:
        raise ValueError(
            f"kernel_alignment needs K (m, m) and one label a row, got {shape} and {jnp.shape(y)}. Pass K(X) "
            "of the rows that y belongs to."
        )
    if not isinstance(y, jax.core.Tracer):
        labels = np.asarray(y)
        if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
            bad = labels[labels != np.round(labels)][0]
            raise ValueError(
                f"kernel_alignment compares labels, got {bad:.4g} among y. Pass whole numbers, one for each "
                "class."
            )
        y = np.unique(labels, return_inverse=True)[1]
    K, y = jnp.asarray(K), jnp.asarray(y)
    T = jnp.where(y[:, None] == y[None], 1.0, -1.0).astype(K.dtype)
    if centred:
        K, T = _centred(K), _centred(T)
    squares = jnp.sum(K * K) * jnp.sum(T * T)
    least = (
        jnp.finfo(K.dtype).eps ** 2 * shape[0] ** 4
    )  # what rounding leaves of a matrix that vanishes
    cosine = jnp.sum(K * T) / jnp.sqrt(jnp.where(squares > least, squares, 1.0))
    return jnp.where(squares > least, cosine, 0.0)


def _centred(K: jax.Array) -> jax.Array:
    K = K - K.mean(0)
    return K - K.mean(1, keepdims=True)


def _fidelities(
    model: QNN, params: Any, max_bytes: int, first: jax.Array, second: jax.Array | None, key: Any
) -> jax.Array:
    """Those of the states of a place that makes pure ones."""
    bytes_per_state = 2**model.n_wires * jnp.result_type(float).itemsize * 2
    panel = max(1, max_bytes // (2 * bytes_per_state))
    columns, same = (first, True) if second is None else (second, False)
    blocks: dict[tuple[int, int], jax.Array] = {}
    rows = range(0, len(first), panel)
    for i in rows:
        left = _states(model, params, first[i : i + panel])
        for j in range(i if same else 0, len(columns), panel):
            alike = same and i == j
            right = left if alike else _states(model, params, columns[j : j + panel])
            block = _overlaps(left, right)
            blocks[i, j] = (block + block.T) / 2 if alike else block
            if same and not alike:
                blocks[j, i] = block.T
    across = range(0, len(columns), panel)
    return jnp.block([[blocks[i, j] for j in across] for i in rows])


def _states(model: QNN, params: Any, X: jax.Array) -> jax.Array:
    """The states of all rows ``(n, 2**n_wires)``, a fixed number of rows per call."""
    rows = min(ROWS, len(X))
    blocks = []
    for start in range(0, len(X), rows):
        block = X[start : start + rows]
        filled = jnp.concatenate([block, jnp.repeat(block[:1], rows - len(block), axis=0)])
        blocks.append(model.state(params, filled)[: len(block)])
    return jnp.concatenate(blocks)


@jax.jit
def _overlaps(left: jax.Array, right: jax.Array) -> jax.Array:
    inner = left.conj() @ right.T
    return jnp.clip(inner.real**2 + inner.imag**2, 0, 1)


def _projected(
    model: QNN, params: Any, gamma: float, first: jax.Array, second: jax.Array | None, key: Any
) -> jax.Array:
    """A Gaussian of the expectation values of X, Y and Z of single wires."""
    with qp.QueuingManager.stop_recording():
        words = [letter(w) for w in model.active for letter in (qp.X, qp.Y, qp.Z)]
    seen = replace(model, readout=Expval(words))
    keys = (None, None) if key is None else jax.random.split(key)
    left = seen.apply(params, first, keys[0])
    right = left if second is None else seen.apply(params, second, keys[1])
    apart = ((left[:, None] - right[None]) ** 2).sum(-1)
    return jnp.exp(-gamma / 2 * apart)


def _measured(
    model: QNN, params: Any, first: jax.Array, second: jax.Array | None, key: Any
) -> jax.Array:
    """The probability of all zeros after a circuit and the inverse of another."""
    columns = first if second is None else second
    n, m = len(first), len(columns)
    i, j = np.triu_indices(n) if second is None else np.indices((n, m)).reshape(2, -1)
    pairs = jnp.concatenate([first[i], columns[j]], 1)
    circuit = Circuit(model.n_wires, _ThereAndBack(model.layers, first.shape[1]), Probs())
    found = []
    for start in range(0, len(pairs), PAIRS):
        own = None if key is None else jax.random.fold_in(key, start)
        block = pairs[start : start + PAIRS]
        found.append(model.place.apply(circuit, [params], block, own)[:, 0])
    values = jnp.concatenate(found)
    matrix = jnp.zeros((n, m), values.dtype).at[i, j].set(values)
    return matrix if second is not None else matrix.at[j, i].set(values)


@dataclass(frozen=True)
class _ThereAndBack(Layer):
    """A block for the first half of the features, and its inverse for the second."""

    block: Layer
    half: int

    def shape(self, wires: Wires) -> Shape:
        return self.block.shape(wires)

    def n_features(self, wires: Wires) -> int:
        return 2 * self.half

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        yield from self._gates(params, x[..., : self.half], wires)
        for gate in reversed(list(self._gates(params, x[..., self.half :], wires))):
            yield qp.adjoint(gate, lazy=False)

    def _gates(self, params: Any, x: Any, wires: Wires) -> Iterator[Any]:
        for gate in collect(self.block, params, x, wires):
            if isinstance(gate, qp.operation.Channel):
                raise Refused(
                    f"the kernel undoes the circuit, and {gate.name} has no inverse. Leave Noise layers "
                    "out and choose a place with noise, as qdl.backends.aer(noise=...)."
                )
            prepares = isinstance(gate, qp.operation.StatePrepBase)
            if isinstance(gate, MatrixProductState):
                gate = gate.dense()
            yield from preparation(gate.data[0], list(gate.wires)) if prepares else [gate]


def _no_params(model: QNN) -> Any:
    if model.n_params:
        raise ValueError(
            f"the model has {model.n_params} parameters, so its kernel depends on them. Pass "
            "params: kernel(model, model.init(key)), or trained ones."
        )
    return model.init(jax.random.key(0))


def _rows(model: QNN, X: Any, name: str) -> jax.Array:
    if np.ndim(X) != 2 or len(X) == 0:
        raise ValueError(
            f"{name} must have shape (n_samples, n_features) with n_samples >= 1, got {np.shape(X)}. "
            "For a single sample pass x[None]."
        )
    return model.check_features(X)
