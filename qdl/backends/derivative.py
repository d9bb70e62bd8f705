r"""Values from a machine, differentiable in JAX: one job for the values and all their derivatives.

An angle of a gate enters an expectation value with few frequencies, so its derivative is a combination of
values at shifted angles. The forward pass under differentiation asks for the values and for everything the
derivative needs at once; the backward pass multiplies. Only angles that are differentiated are moved: data
are not. The derivative of a batch of values $f_k$ in the angles is

$$\frac{\partial f_k}{\partial a_p} \approx \sum_r w_{rp}\, f_k(a + d_r),$$

with moves $d_r$ and weights $w_r$ that depend on the method. "parameter_shift": each angle moves alone, by
the shifts of its rule, exact. "stochastic": the same for k random pairs of shifts of each sample, unbiased.
"spsa": all angles move together, up and down by ``SPREAD`` with random signs, right up to its square.

Reference: Wierichs et al., Quantum 6, 677 (2022); Spall, IEEE Transactions on Automatic Control 37, 332
(1992); random shifts: Harrow, Napp, Physical Review Letters 126, 140502 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from ..refused import Refused
from ..reverse_mode import first_derivatives, reverse_only
from .floats import subnormals
from .program import Program

METHODS = ("auto", "parameter_shift", "spsa", "stochastic")
SPREAD = 0.2  # radians; smaller is less biased and noisier: the noise grows as its inverse
RANDOM = ("spsa", "stochastic")

Run = Callable[[np.ndarray, Any], np.ndarray]  # (rows, n_parameters), key data -> (rows, k)


def check_method(method: str) -> None:
    """Refuse a gradient that is none of METHODS."""
    if method not in METHODS:
        raise ValueError(
            f"gradient={method!r} is not a method of this place: gradient must be one of "
            f"{', '.join(METHODS)}. Example: gradient='spsa', two evaluations whatever the number "
            "of parameters."
        )


def differentiable(
    run: Run, program: Program, numbers: Sequence[Any], method: str, random_shifts: int, key: Any
) -> jax.Array:
    """The values ``(k,)`` or ``(batch, k)`` of ``run`` at the angles of a circuit, differentiable.

    Args:
        run: evaluates rows of angles, on plain arrays; called once, also for value and derivative.
        program: the circuit.
        numbers: its angles, as ``program.numbers`` gives them.
        method: one of METHODS; "auto" is "parameter_shift".
        random_shifts: pairs of shifts for each sample in "stochastic".
        key: a JAX key, or None.
    """
    dtype, size = jnp.result_type(float), program.size

    @jax.custom_vjp
    def values(numbers: list[Any], key: Any) -> jax.Array:
        base = program.table(numbers)

        def host(base: np.ndarray, data: Any) -> np.ndarray:
            return _run_flat(run, size, base, data).astype(dtype)

        return on_host(host, jax.ShapeDtypeStruct((len(base), size), dtype), base, _data(key))

    def forward(numbers: list[Any], key: Any) -> Any:
        asked = [number.perturbed for number in numbers]
        plain = [number.value for number in numbers]
        key = None if key is None else key.value
        columns, rules = program.rules_of(asked)
        base = program.table(plain)
        moved = moves(method, rules, len(base), random_shifts, key)
        drawn = isinstance(moved[0], jax.Array)

        def host(base: np.ndarray, data: Any, *drawn: np.ndarray) -> Any:
            d, w = drawn or moved
            rows = np.repeat(np.asarray(base, float)[..., None, :, :], 1 + d.shape[-3], axis=-3)
            rows[..., 1:, :, columns] += d
            found = _run_flat(run, size, rows, data)
            slopes = np.einsum("...rbp,...rbk->...pbk", w, found[..., 1:, :, :])
            return found[..., 0, :, :].astype(dtype), slopes.astype(dtype)

        shape = (len(base), size)
        shapes = [jax.ShapeDtypeStruct(s, dtype) for s in (shape, (len(columns), *shape))]
        found, slopes = on_host(host, shapes, base, _data(key), *(moved if drawn else ()))
        # What is differentiated must be known while tracing: the structure says it, not an array.
        return found, (slopes, plain, [() if wanted else None for wanted in asked])

    def backward(kept: Any, ct: Any) -> Any:
        slopes, plain, asked = kept
        asked = [wanted is not None for wanted in asked]
        gradients = [np.zeros(number.shape, number.dtype) for number in plain]
        if not isinstance(ct, SymbolicZero):
            columns, _ = program.rules_of(asked)
            xp: Any = jnp if _traced((slopes, ct)) else np
            pulled = xp.einsum("pbk,bk->pb", slopes, ct)
            for i, piece in enumerate(program.pieces):
                if asked[i]:
                    gradient = pulled[np.searchsorted(columns, piece.columns)]
                    gradients[i] = gradient if plain[i].ndim > 1 else gradient.sum(1)
        return gradients, None

    values.defvjp(forward, backward, symbolic_zeros=True)
    found = values(reverse_only(list(numbers)), key)
    return found if any(number.ndim > 1 for number in numbers) else found[0]


def _data(key: Any) -> Any:
    return None if key is None else jax.random.key_data(key)


def _traced(tree: Any) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def on_host(host: Callable[..., Any], shapes: Any, *args: Any) -> Any:
    """A function of NumPy arrays, at once where nothing is traced: no program is compiled for it."""
    if _traced(args):
        doubled = bool(jax.config.jax_enable_x64)

        def called(*args: Any) -> Any:
            if (
                doubled and not jax.config.jax_enable_x64
            ):  # JAX would round, and not know the result
                raise Refused(
                    "a place outside of JAX is called from JAX's threads, in which float64 is off: a 'with "
                    "jax.enable_x64(True)' holds in its own thread alone. Set it for the process, "
                    "jax.config.update('jax_enable_x64', True) or JAX_ENABLE_X64=1."
                )
            with subnormals():
                return host(*args)

        return jax.pure_callback(
            called, shapes, *first_derivatives(args), vmap_method="broadcast_all"
        )
    plain = (None if arg is None else np.asarray(arg) for arg in args)
    return jax.tree.map(jnp.asarray, host(*plain))


def _run_flat(run: Run, size: int, rows: np.ndarray, data: Any) -> np.ndarray:
    """``run`` at rows with leading axes, those of shifts and of a ``vmap``: all in one call."""
    flat = np.asarray(rows, dtype=np.float64).reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    found = np.asarray(run(flat, None if data is None else np.asarray(data)), float)
    if found.shape != (len(flat), size):
        raise ValueError(
            f"run_rows gave values of shape {found.shape}, expected {(len(flat), size)}: {size} values for "
            "each row of angles."
        )
    return found.reshape(*rows.shape[:-1], size)


def pairs(rules: Sequence[Any]) -> list[tuple[int, float, float]]:
    """``(angle, c, s)`` such that the derivative is the sum of ``c * (f(a + s) - f(a - s))``."""
    return [(i, c, s) for i, rule in enumerate(rules) for c, s in rule if s > 0]


def evaluations(method: str, rules: Sequence[Any], random_shifts: int) -> int:
    """How many shifted circuits a gradient runs for each sample, beside the value itself."""
    found = len(pairs(rules))
    if method == "spsa":
        return 2 if found else 0
    return 2 * (min(random_shifts, found) if method == "stochastic" else found)


def moves(
    method: str, rules: Sequence[Any], batch: int, random_shifts: int, key: Any
) -> tuple[Any, Any]:
    """Moves and weights ``(r, batch, angles)`` of a method, for the angles of ``rules``.

    JAX arrays where they are drawn; for "parameter_shift" NumPy arrays ``(r, 1, angles)``.
    """
    table, dtype = pairs(rules), jnp.result_type(float)
    if not table:
        none = np.zeros((0, 1, len(rules)))
        return none, none
    angle, weight, step = (np.array(column) for column in zip(*table, strict=True))
    if method == "spsa":
        reaches = np.isin(np.arange(len(rules)), angle)
        signs = jax.random.rademacher(jax.random.fold_in(key, 1), (batch, len(rules)), dtype)
        both = jnp.stack([signs, -signs]) * reaches
        return SPREAD * both, both / (2 * SPREAD)
    chosen = np.eye(len(rules))[angle]  # (pairs, angles)
    d, w = ((chosen * column[:, None])[:, None] for column in (step, weight))
    if method == "stochastic" and random_shifts < len(table):
        keys = jax.random.split(jax.random.fold_in(key, 1), batch)

        def draw(k: Any) -> Any:
            return jax.random.permutation(k, len(table))[:random_shifts]

        rows = jax.vmap(draw, out_axes=1)(keys)  # (random_shifts, batch)
        scale = len(table) / random_shifts
        d, w = (jnp.asarray(array[:, 0], dtype)[rows] for array in (d, w * scale))
        return jnp.concatenate([d, -d]), jnp.concatenate([w, -w])
    return np.concatenate([d, -d]), np.concatenate([w, -w])
