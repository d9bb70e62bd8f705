"""Small matrices: how they are built from angles, embedded and multiplied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp


@dataclass(frozen=True)
class Form:
    """How to build a matrix from angles ``(..., m)``; equal keys give equal matrices."""

    key: Any
    real: bool
    build: Callable[[jax.Array], jax.Array] = field(compare=False)
    matrix: np.ndarray | None = field(default=None, compare=False)  # where no angle enters


def _ry(angles: jax.Array) -> jax.Array:
    cos, sin = jnp.cos(angles[..., 0] / 2), jnp.sin(angles[..., 0] / 2)
    return jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], -2)


RY = Form("RY", True, _ry)


def constant_form(matrix: np.ndarray) -> Form:
    """The form of a matrix that no angle enters."""
    real = bool(np.abs(matrix.imag).max() < 1e-15)
    matrix = np.ascontiguousarray(matrix.real if real else matrix)

    def build(angles: jax.Array) -> jax.Array:
        dtype = jnp.result_type(float if real else complex)  # of the user's setting at that time
        return jnp.asarray(matrix.astype(dtype))

    return Form((matrix.tobytes(), real), real, build, matrix)


def rotation_form(generator: np.ndarray, real: bool, key: Any) -> Form:
    """exp(i theta G) from the eigenvectors of G: two small products instead of a traced matrix."""
    values, vectors = np.linalg.eigh(generator)

    def build(angles: jax.Array) -> jax.Array:
        turn = angles[..., :1] * values.astype(angles.dtype)
        phase = jax.lax.complex(jnp.cos(turn), jnp.sin(turn))
        v = jnp.asarray(vectors.astype(phase.dtype))
        matrix = (v * phase[..., None, :]) @ v.conj().T
        return matrix.real if real else matrix

    return Form(key, real, build)


def operator_matrix(operator: Any, real: bool) -> Callable[[jax.Array], jax.Array]:
    """Any PennyLane operator's matrix as a function of stacked angles."""

    def one(angles: jax.Array) -> jax.Array:
        with qp.QueuingManager.stop_recording():
            bound = qp.ops.functions.bind_new_parameters(operator, list(angles))
        matrix = jnp.asarray(qp.matrix(bound, wire_order=range(len(operator.wires))))
        return matrix.real if real else matrix

    def build(angles: jax.Array) -> jax.Array:
        flat = jax.vmap(one)(angles.reshape(-1, angles.shape[-1]))
        return flat.reshape(*angles.shape[:-1], *flat.shape[1:])

    return build


def product(matrices: list[tuple[Any, tuple[int, ...]]], k: int) -> Any:
    """The product of matrices ``(..., d, d)`` on some of k bits each, in time order: ``(..., 2^k, 2^k)``."""
    out, queue = None, list(matrices)
    while queue:
        matrix, bits = queue.pop(0)
        while queue and not set(bits) & set(queue[0][1]) and _ascending((*bits, *queue[0][1])):
            other, more = queue.pop(0)
            matrix, bits = kron(matrix, other), (*bits, *more)
        matrix = _embed(matrix, bits, k)
        out = matrix if out is None else matrix @ out
    return out


def _ascending(bits: tuple[int, ...]) -> bool:
    return bits == tuple(range(bits[0], bits[0] + len(bits)))


def kron(a: Any, b: Any) -> Any:
    """The Kronecker product over the last two axes."""
    out = a[..., :, None, :, None] * b[..., None, :, None, :]
    return out.reshape(*out.shape[:-4], a.shape[-2] * b.shape[-2], -1)


def _embed(matrix: Any, bits: tuple[int, ...], k: int) -> Any:
    """A matrix on some of k bits as a matrix on all of them."""
    if bits == tuple(range(k)):
        return matrix
    xp = np if isinstance(matrix, np.ndarray) else jnp
    others = tuple(b for b in range(k) if b not in bits)
    eye = np.eye(2 ** len(others), dtype=matrix.dtype)
    wide = matrix[..., :, None, :, None] * eye[:, None, :]
    lead, wide = matrix.shape[:-2], wide.reshape(*matrix.shape[:-2], *(2,) * 2 * k)
    order = [(*bits, *others).index(b) for b in range(k)]
    at = len(lead)
    wide = xp.transpose(wide, (*range(at), *(at + i for i in order), *(at + k + i for i in order)))
    return wide.reshape(*lead, 2**k, 2**k)
