"""The geometry of states: what is behind Fisher informations and natural gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def root_of(psi: jax.Array, slopes: jax.Array) -> jax.Array:
    r"""A real matrix B with $g = B^T B$ for the Fubini-Study metric $g$, ``(2 rows size, d)``.

    $g_{ij} = \mathrm{Re} [ \langle \partial_i \psi | \partial_j \psi \rangle
    - \langle \partial_i \psi | \psi \rangle \langle \psi | \partial_j \psi \rangle ]$, a quarter of the
    quantum Fisher information; for a batch its mean over the rows. The singular values of B are the roots of
    the metric's eigenvalues, with twice as many digits as the metric has.

    Args:
        psi: normalised states ``(..., size)``.
        slopes: their derivatives by d parameters, ``(d, ..., size)``.
    """
    psi = psi.reshape(-1, psi.shape[-1])  # (rows, size)
    slopes = slopes.reshape(len(slopes), *psi.shape)
    along = jnp.einsum("rk,irk->ir", psi.conj(), slopes)
    across = (slopes - along[..., None] * psi).reshape(len(slopes), -1)
    return jnp.concatenate([across.real, across.imag], axis=1).T / len(psi) ** 0.5
