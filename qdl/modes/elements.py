r"""Matrix elements of photonic gates in the Fock basis: those of the infinite matrices, cut, and stable.

Displacements and squeezers follow their diagonals: at fixed distance k from the main diagonal the elements
are Laguerre and Legendre functions, whose three-term recurrence does not cancel. The usual recurrence along
columns does: at $|\alpha| = 4$ and 50 levels it is off by 0.3 to 16 in double precision.

Conventions are PennyLane's with hbar = 2. Every function takes parameters with leading axes ``(...)`` and
gives ``(..., D, D)``; its derivatives are finite everywhere, at zero too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..refused import Refused

MOST_CUBIC = 1.0  # |gamma| up to which the grid of cubic_phase resolves the phase
MOST_SQUEEZED = 40.0  # |r| from which on every element is below rounding
WIDEST = {"float32": 18.0, "float64": 50.0}  # |alpha| up to which exp(-|alpha|^2 / 4) is a number


def coherent(alpha: jax.Array, levels: int) -> jax.Array:
    r"""The amplitudes $\langle n | D(\alpha) | 0 \rangle$, ``(..., levels)``; NaN beyond ``WIDEST``."""
    quarter = _quarter(alpha)
    return quarter[..., None] * _powers(alpha, levels, quarter)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def displacement(alpha: jax.Array, levels: int) -> jax.Array:
    r"""$\langle m | e^{\alpha a^\dagger - \alpha^* a} | n \rangle$.

    With $k = m - n \ge 0$ it is $f_n \alpha^k / \sqrt{k!}$, where $f_0 = e^{-|\alpha|^2/2}$ and
    $\sqrt{(n+1)(n+1+k)} f_{n+1} = (2n+1+k-|\alpha|^2) f_n - \sqrt{n(n+k)} f_{n-1}$. Half of the exponent
    goes with the powers of alpha, so that neither factor underflows before ``WIDEST``; beyond it is NaN.
    """
    k = np.arange(levels)
    square, quarter = _square(alpha)[..., None], _quarter(alpha)
    first = quarter[..., None] * np.ones(levels)
    table = _three_term(first, lambda n: 2 * n + 1 + k - square, k, levels)
    powers = _powers(alpha, levels, quarter)
    sign = np.where(k % 2 == 1, -1.0, 1.0)
    sign[0] = 0  # the diagonal once
    other = powers.conj() * jnp.asarray(sign, table.dtype)  # the powers of -alpha^*
    return _lower(table * powers[..., None, :]) + _upper(table * other[..., None, :])


@displacement.defjvp
def _(levels: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    r"""$dD = d\alpha (a^\dagger - \alpha^*/2) D - d\alpha^* (a - \alpha/2) D$: no recurrence backwards."""
    (alpha,), (by,) = primals, tangents
    wide = displacement(alpha, levels + 1)[..., :levels]
    found = wide[..., :levels, :]
    alpha, by = alpha[..., None, None], by[..., None, None]
    turned = jnp.imag(alpha * by.conj()) * found  # (alpha da* - alpha* da) / 2 is i times this
    return found, by * _raised(found, 1) - by.conj() * _lowered(wide, 1) + 1j * turned


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def squeezing(r: jax.Array, levels: int) -> jax.Array:
    r"""$\langle m | e^{r (a^2 - a^{\dagger 2}) / 2} | n \rangle$, real.

    With $l = (m + n)/2$, $\mu = (m - n)/2 \ge 0$, $z = 1/\cosh r$, $t = \tanh r$ it is $f_l$, where
    $f_\mu = \sqrt{z} (-t/2)^\mu \sqrt{(2\mu)!} / \mu!$ and
    $\sqrt{(l+1)^2 - \mu^2} f_{l+1} = (2l+1) z f_l - \sqrt{l^2 - \mu^2} f_{l-1}$.
    """
    r = jnp.clip(r, -MOST_SQUEEZED, MOST_SQUEEZED)  # beyond, cosh overflows
    halves = (levels + 1) // 2
    mu = np.arange(halves)
    z, t = 1 / jnp.cosh(r)[..., None], jnp.tanh(r)
    # sqrt((2 mu)!) / (mu! 2**mu) as a product of sqrt((2 j - 1) / (2 j))
    steps = np.sqrt((2 * mu[1:] - 1) / (2 * mu[1:]))
    first = jnp.sqrt(z) * _running(-t, steps, jnp.ones_like(t))
    table = _three_term(first, lambda n: (2 * (n + mu) + 1) * z, 2 * mu, levels)
    spread = jnp.stack([table, jnp.zeros_like(table)], -1)
    table = spread.reshape(*table.shape[:-1], 2 * halves)[..., :levels]
    sign = np.where(np.arange(levels) % 4 == 2, -1.0, 1.0)
    sign[0] = 0  # the diagonal once
    return _lower(table) + _upper(table * jnp.asarray(sign, table.dtype))


@squeezing.defjvp
def _(levels: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    r"""$dS = dr (a^2 - a^{\dagger 2}) S / 2$."""
    (r,), (by,) = primals, tangents
    wide = squeezing(r, levels + 2)[..., :levels]
    found = wide[..., :levels, :]
    return found, by[..., None, None] * (_lowered(wide, 2) - _raised(found, 2)) / 2


def beamsplitter(theta: jax.Array, levels: int, totals: int | None = None) -> jax.Array:
    r"""Blocks ``(..., N, n', n)`` of $e^{\theta (a b^\dagger - a^\dagger b)}$ for N photons in all.

    ``n`` and ``n'`` are the photons of the first mode. Entries beyond the levels are zero.

    Args:
        theta: radians.
        levels: D, of each mode.
        totals: how many totals N there are, from 0; None for ``2 * levels - 1``.
    """
    totals = 2 * levels - 1 if totals is None else totals
    p, q, w = _rotations(levels, totals)
    p, q, angle = (jnp.asarray(a, theta.dtype) for a in (p, q, w))
    c = jnp.cos(theta[..., None] * angle)[..., None, None, :]
    s = jnp.sin(theta[..., None] * angle)[..., None, None, :]
    left = jnp.concatenate([p * c + q * s, q * c - p * s], -1)
    right = jnp.concatenate([p, q], -1)
    return jnp.einsum("...Nik,Njk->...Nij", left, right)


def cubic_phase(gamma: jax.Array, levels: int) -> jax.Array:
    r"""$\langle m | e^{i \gamma x^3 / 6} | n \rangle$, $x = a + a^\dagger$, as an integral over x.

    By the trapezoidal rule, whose error for these functions is that of rounding up to $|\gamma| = 1$;
    beyond, the grid does not resolve the phase and the elements are NaN.
    """
    x, psi = _grid(levels)
    x, psi = jnp.asarray(x, gamma.dtype), jnp.asarray(psi, gamma.dtype)
    phase = jnp.exp(1j * gamma[..., None] * x**3 / 6)
    found = jnp.einsum("mg,...g,ng->...mn", psi, phase, psi)
    return jnp.where((jnp.abs(gamma) <= MOST_CUBIC)[..., None, None], found, jnp.nan)


def wavefunctions(x: np.ndarray, levels: int) -> np.ndarray:
    r"""$\psi_n(x)$ of the Fock states, ``(levels, len(x))``; $\int \psi_m \psi_n dx = \delta_{mn}$."""
    rows = [np.exp(-(x**2) / 4) / (2 * np.pi) ** 0.25]
    for n in range(levels - 1):
        before = rows[n - 1] if n else 0.0
        rows.append((x * rows[n] - np.sqrt(n) * before) / np.sqrt(n + 1))
    return np.stack(rows)


def finite(found: Any) -> Any:
    """Refuse NaN, which is what the elements are beyond their range; traced values cannot be seen.

    Raises:
        Refused: values that are not finite.
    """
    if isinstance(found, jax.core.Tracer) or np.isfinite(found).all():
        return found
    widest = ", ".join(f"{most:g} in {name}" for name, most in WIDEST.items())
    raise Refused(
        f"values are not finite: matrix elements are resolved for displacements up to |alpha| = {widest}, "
        f"and for cubic phases up to |gamma| = {MOST_CUBIC:g}. Scale the features down, "
        "DisplacementEncoding(scale=...), or look for parameters that ran away."
    )


def _square(alpha: jax.Array) -> jax.Array:
    return alpha.real**2 + alpha.imag**2


def _quarter(alpha: jax.Array) -> jax.Array:
    r"""$e^{-|\alpha|^2 / 4}$."""
    square = _square(alpha)
    widest = WIDEST[square.dtype.name]
    return jnp.where(square <= widest**2, jnp.exp(-square / 4), jnp.nan)


def _powers(alpha: jax.Array, levels: int, first: jax.Array) -> jax.Array:
    r"""``first`` times $\alpha^k / \sqrt{k!}$, ``(..., levels)``: a product, so that nothing happens at 0."""
    return _running(alpha, 1 / np.sqrt(np.arange(1, levels)), first.astype(alpha.dtype))


def _running(base: jax.Array, steps: np.ndarray, first: jax.Array) -> jax.Array:
    """``first`` times 1, base * steps[0], base**2 * steps[0] * steps[1], ..."""

    def step(before: jax.Array, factor: jax.Array) -> tuple[jax.Array, jax.Array]:
        new = before * base * factor
        return new, new

    _, rest = jax.lax.scan(step, first, jnp.asarray(steps, base.real.dtype))
    return jnp.moveaxis(jnp.concatenate([first[None], rest]), 0, -1)


def _three_term(
    first: jax.Array, middle: Callable[[Any], Any], k: np.ndarray, levels: int
) -> jax.Array:
    """The recurrence in n for all k at once: ``(..., levels, len(k))``."""
    dtype = first.dtype

    def step(carry: tuple[jax.Array, jax.Array], n: jax.Array) -> tuple[tuple, jax.Array]:
        here, before = carry
        down = jnp.sqrt(n * (n + k)).astype(dtype)
        up = jnp.sqrt((n + 1) * (n + 1 + k)).astype(dtype)
        new = (middle(n).astype(dtype) * here - down * before) / up
        return (new, here), new

    n = jnp.arange(levels - 1).astype(dtype)
    _, rest = jax.lax.scan(step, (first, jnp.zeros_like(first)), n)
    return jnp.moveaxis(jnp.concatenate([first[None], rest]), 0, -2)


def _upper(table: jax.Array) -> jax.Array:
    """The matrix whose row n holds ``table[n, k]`` at column n + k: a shear, by padding and cutting."""
    levels = table.shape[-1]
    lead = table.shape[:-2]
    padded = jnp.pad(table, [(0, 0)] * len(lead) + [(0, 0), (0, levels)])
    flat = padded.reshape(*lead, 2 * levels * levels)[..., : levels * (2 * levels - 1)]
    return flat.reshape(*lead, levels, 2 * levels - 1)[..., :levels]


def _lower(table: jax.Array) -> jax.Array:
    return jnp.swapaxes(_upper(table), -1, -2)


def _raised(matrix: jax.Array, times: int) -> jax.Array:
    r"""Creation operators to the power ``times``, times a matrix ``(..., D, D)``."""
    root = _roots(matrix.shape[-2], times).astype(matrix.real.dtype)
    return jnp.zeros_like(matrix).at[..., times:, :].set(root * matrix[..., :-times, :])


def _lowered(matrix: jax.Array, times: int) -> jax.Array:
    """Annihilation operators; a matrix ``(..., D + times, D)`` gives one of D levels."""
    root = _roots(matrix.shape[-2], times).astype(matrix.real.dtype)
    return matrix[..., times:, :] * root


def _roots(levels: int, times: int) -> np.ndarray:
    """<n + times| of the creation operators' power |n>, a column."""
    n = np.arange(levels - times)[:, None]
    return np.sqrt(np.prod([n + i for i in range(1, times + 1)], axis=0))


@lru_cache(maxsize=32)
def _rotations(levels: int, totals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Real and imaginary parts of the generator's eigenvectors, ``(N, D, k)``, and frequencies ``(k,)``.

    The generator is real and antisymmetric, so that eigenvectors come in conjugate pairs: those of
    positive frequencies are enough.
    """
    most = totals - 1
    w = np.arange(0, most + 1)
    p, q = np.zeros((2, totals, levels, len(w)))
    for total in range(totals):
        n = np.arange(total)
        root = np.sqrt((n + 1) * (total - n))  # <n| a b+ |n + 1> and minus <n + 1| a+ b |n>
        generator = np.diag(root, 1) - np.diag(root, -1)
        values, vectors = np.linalg.eigh(1j * generator)
        first = max(0, total - levels + 1)
        last = min(total, levels - 1) + 1
        for value, vector in zip(np.rint(values).astype(int), vectors.T, strict=True):
            if value >= 0:
                weight = np.sqrt(2.0) if value else 1.0
                # exp(theta G) v = exp(-i theta value) v
                p[total, : last - first, value] = weight * vector[first:last].real
                q[total, : last - first, value] = weight * vector[first:last].imag
    return _placed(p, levels, totals), _placed(q, levels, totals), w


def _placed(table: np.ndarray, levels: int, totals: int) -> np.ndarray:
    """Rows at the photon number of the first mode."""
    placed = np.zeros_like(table)
    for total in range(totals):
        first = max(0, total - levels + 1)
        last = min(total, levels - 1) + 1
        placed[total, first:last] = table[total, : last - first]
    return placed


@lru_cache(maxsize=32)
def _grid(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the trapezoidal rule and the wavefunctions there, times the root of the weight."""
    most = 2 * np.sqrt(levels) + 9
    # Slope of the phase at the edge, and the momenta of two wavefunctions.
    slope = MOST_CUBIC * most**2 / 2 + 2 * np.sqrt(levels) + 9
    count = int(np.ceil(2 * most * slope / (2 * np.pi))) + 1
    x = np.linspace(-most, most, count)
    return x, wavefunctions(x, levels) * np.sqrt(x[1] - x[0])
