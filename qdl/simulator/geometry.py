"""The geometry of a circuit's states: the metric behind Fisher informations and natural gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..circuit import Circuit
from .tangents import tangents


def metric_root(circuit: Circuit, params: Any, x: Any, entries: Any = None) -> jax.Array:
    r"""A real matrix B with $g = B^T B$ for the metric $g$ of ``metric``, ``(2 rows 2**n, d)``.

    Its singular values are the square roots of the metric's eigenvalues, with twice as many digits as the
    metric has. ``entries`` are those of the flattened parameters that are differentiated by; all if None.
    """
    psi, slopes = tangents(circuit, params, x, entries)
    psi = psi.reshape(-1, psi.shape[-1])  # (rows, 2**n)
    slopes = slopes.reshape(len(slopes), *psi.shape)
    along = jnp.einsum("rk,irk->ir", psi.conj(), slopes)
    across = (slopes - along[..., None] * psi).reshape(len(slopes), -1)
    return jnp.concatenate([across.real, across.imag], axis=1).T / len(psi) ** 0.5


def metric(circuit: Circuit, params: Any, x: Any, entries: Any = None) -> jax.Array:
    r"""The Fubini-Study metric ``(d, d)``, for a batch its mean over the rows.

    $g_{ij} = \mathrm{Re} [ \langle \partial_i \psi | \partial_j \psi \rangle
    - \langle \partial_i \psi | \psi \rangle \langle \psi | \partial_j \psi \rangle ]$, a quarter of the
    quantum Fisher information.
    """
    root = metric_root(circuit, params, x, entries)
    return root.T @ root
