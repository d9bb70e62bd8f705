r"""Means of Z words after an IQP circuit, by classical sampling: no state vector, a hundred wires and more.

Rotations about words of X commute, and between Hadamards they are phases $\phi(z) = \sum_g \theta_g
(-1)^{g \cdot z}$. A word of Z turns z into $z \oplus a$ there, so that its mean is one of cosines of
$\phi(z) - \phi(z \oplus a)$ over uniform bits z.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..arguments import check_whole
from ..layers.base import check_key
from ..pauli.circuit import read_elements
from ..pauli.operators import PauliRotation
from ..pauli.words import NAMES
from ..refused import Refused

MOST = 20  # wires of which all bit strings are listed
BLOCK = 2**24  # numbers of the largest array: phases of samples and words


class _Phases(NamedTuple):
    """The words of X of a circuit, and the parameter and the factor of each one's angle."""

    bits: np.ndarray  # (G, n)
    entries: np.ndarray  # (G,)
    scales: np.ndarray  # (G,)


def iqp_expectations(
    model: Any, params: Any, words: Any, *, samples: int | None, key: Any = None
) -> jax.Array:
    r"""Means $\langle Z_a \rangle$ of words of Z after rotations about words of X, without a state vector.

    $$\langle Z_a \rangle = E_z \cos \Big( \sum_g \theta_g (-1)^{g \cdot z}
    \big(1 - (-1)^{g \cdot a}\big) \Big)$$

    for the state $\prod_g e^{-i \theta_g X_g} |0 \dots 0\rangle$ and uniform bits z. The estimate is without
    bias, with a standard error of at most $1/\sqrt{\mathrm{samples}}$ whatever the width, and it is
    differentiable and can be jitted. Samples of the outcomes themselves are believed to be hard to draw
    classically: train here, and sample with ``model.sample`` at any place.

    Args:
        model: a QNN of ``Evolution`` layers of X words, or of other rotations about them; its readout and
            place play no part.
        params: its parameters.
        words: ``(k, n_wires)`` of 0 and 1, 1 where a word has a Z; or a list of PennyLane's words of Z.
        samples: bit strings z; None for all of them, up to 20 wires, which is exact.
        key: a JAX key; not needed for all of them.

    Returns:
        ``(k,)``.

    Raises:
        Refused: a model with other gates, or with features.
        ValueError: words of another shape or with other letters; more than 20 wires without ``samples``.

    Example:
        >>> import qdl
        >>> from qdl.layers import Evolution
        >>> model = qdl.QNN(2, [Evolution([(1.0, "X", (0,)), (1.0, "XX", (0, 1))], shared=False)])
        >>> params = [jnp.array([0.3, 0.5])]
        >>> found = iqp_expectations(model, params, [[1, 0], [0, 1]], samples=None)
        >>> bool(jnp.allclose(found, jnp.array([jnp.cos(0.6) * jnp.cos(1.0), jnp.cos(1.0)]), atol=1e-6))
        True

    Reference: Van den Nest, "Simulating quantum computers with probabilistic methods", arXiv:0911.1624
        (2009);
    as a generative model Recio-Armengol, Ahmed, Bowles, arXiv:2503.02934 (2025).
    """
    phases = _phases(model)
    model.check_params(params)
    a = _bits(words, model.n_wires)
    n = model.n_wires
    if samples is None:
        if n > MOST:
            raise ValueError(
                f"samples=None lists all strings of {n} bits, for at most {MOST} wires. Pass samples=1000 "
                "and key=jax.random.key(0)."
            )
        z = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)
        z = jnp.asarray(z)
    else:
        check_whole("samples", samples, "samples=1000", owner="iqp_expectations")
        z = jax.random.bernoulli(check_key(key, "iqp_expectations"), 0.5, (int(samples), n))
    flat = jax.flatten_util.ravel_pytree(params)[0]
    return _means(phases.bits, a, z, flat[phases.entries] * phases.scales)


def _means(g: np.ndarray, a: np.ndarray, z: jax.Array, theta: jax.Array) -> jax.Array:
    """Of words a ``(k, n)`` after phases of words g ``(G, n)``, over the bit strings z ``(m, n)``."""
    kind = theta.dtype
    odd = jnp.asarray((g.astype(int) @ a.T.astype(int)) % 2, kind)  # (G, k)
    steps = 2 * theta[:, None] * odd

    def cosines(z: jax.Array) -> jax.Array:
        counts = z.astype(jnp.float32) @ jnp.asarray(g.T, jnp.float32)  # whole numbers: exact
        signs = (1 - 2 * (counts % 2)).astype(kind)
        return jnp.cos(signs @ steps)

    size = max(1, BLOCK // max(len(g), len(a), 1))
    if len(z) <= size:
        return cosines(z).mean(0)
    sums: Any = sum(cosines(z[i : i + size]).sum(0) for i in range(0, len(z), size))
    return sums / len(z)


@lru_cache(maxsize=16)
def _phases(model: Any) -> _Phases:
    """The rotations of a circuit, which all must be about words of X."""
    if model.n_features:
        raise Refused(
            f"iqp_expectations takes circuits without data, but the model reads {model.n_features} features. "
            "Leave the encoding out."
        )
    elements = read_elements(model.layers, model.wires, None, None)
    for element in elements:
        letters = getattr(element, "letters", ())
        if not isinstance(element, PauliRotation) or set(letters) != {NAMES.index("X")}:
            word = "".join(NAMES[k] for k in letters)
            what = f"a rotation about {word}" if word else f"a {element.label}"
            raise Refused(
                f"iqp_expectations takes rotations about words of X alone, which commute; the model has "
                f"{what} on wires {list(element.wires)}. Use Evolution of X words, or model.apply."
            )
    rotations: Any = elements
    bits = np.zeros((len(rotations), model.n_wires), bool)
    for row, element in zip(bits, rotations, strict=True):
        row[list(element.wires)] = True
    entries = np.array([element.angle.entry for element in rotations], int)
    scales = np.array(
        [element.angle.scale / 2 for element in rotations]
    )  # a gate's angle is 2 theta
    return _Phases(bits, entries, scales)


def _bits(words: Any, n: int) -> np.ndarray:
    """Words of Z as bits ``(k, n)``."""
    if isinstance(words, list | tuple) and words and isinstance(words[0], qp.operation.Operator):
        return np.array([_of_operator(word, n) for word in words])
    bits = np.asarray(words)
    if bits.ndim != 2 or bits.shape[1] != n or not np.isin(bits, (0, 1)).all():
        raise ValueError(
            f"words must be bits (k, {n}), 1 where a word has a Z, got shape {bits.shape}. Example: "
            f"numpy.eye({n}, dtype=int) for Z on each wire."
        )
    return bits.astype(bool)


def _of_operator(word: Any, n: int) -> np.ndarray:
    found = list((word.pauli_rep or {}).items())
    if len(found) != 1 or found[0][1] != 1 or not set(found[0][0].values()) <= {"Z"}:
        raise ValueError(f"words must be products of Z, got {word}. Example: qp.Z(0) @ qp.Z(3).")
    bits = np.zeros(n, bool)
    beyond = [wire for wire in found[0][0] if wire not in range(n)]
    if beyond:
        raise ValueError(
            f"{word} is on wires {beyond}, but the model has {n}. Use wires below {n}."
        )
    bits[list(found[0][0])] = True
    return bits
