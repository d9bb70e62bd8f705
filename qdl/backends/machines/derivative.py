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

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from .lower import Lowered, Rule, table

METHODS = ("auto", "parameter_shift", "spsa", "stochastic")
SPREAD = 0.2  # radians; smaller is less biased and noisier: the noise grows as its inverse
RANDOM = ("spsa", "stochastic")

Run = Callable[[np.ndarray, Any], np.ndarray]  # (rows, n_parameters), key data -> (rows, k)


def differentiable(
    run: Run, size: int, lowered: Lowered, method: str, random_shifts: int, key: Any
) -> jax.Array:
    """The values ``(k,)`` or ``(batch, k)`` of ``run`` at the angles of a circuit, differentiable.

    Args:
        run: evaluates rows of angles, on plain arrays; called once, also for value and derivative.
        size: the number k of values.
        lowered: the circuit with its angles and rules.
        method: one of METHODS; "auto" is "parameter_shift".
        random_shifts: pairs of shifts for each sample in "stochastic".
        key: a JAX key, or None.
    """
    dtype = jnp.result_type(float)
    batched = any(jnp.ndim(angle) for angle in lowered.angles)

    def call(rows: jax.Array, key: Any) -> jax.Array:
        data = None if key is None else jax.random.key_data(key)
        if isinstance(rows, jax.core.Tracer) or isinstance(data, jax.core.Tracer):
            shape = jax.ShapeDtypeStruct((len(rows), size), dtype)

            def called(*args: Any) -> Any:
                return _called(run, dtype, *args)

            return jax.pure_callback(called, shape, rows, data, vmap_method="broadcast_all")
        return jnp.asarray(_called(run, dtype, rows, data))

    @jax.custom_vjp
    def values(angles: tuple[Any, ...], key: Any) -> jax.Array:
        return call(table(angles), key)

    def forward(angles: tuple[Any, ...], key: Any) -> Any:
        asked = [angle.perturbed for angle in angles]
        plain = tuple(angle.value for angle in angles)
        key = None if key is None else key.value
        rules = [rule for rule, wanted in zip(lowered.rules, asked, strict=True) if wanted]
        _refuse_without_rule(rules)
        base = table(plain)
        d, w = moves(method, rules, len(base), random_shifts, key)
        wide = jnp.zeros((*d.shape[:2], len(asked)), dtype).at[:, :, np.flatnonzero(asked)].add(d)
        rows = jnp.concatenate([base[None], base + wide]).reshape(-1, len(asked))
        found = call(rows, key).reshape(-1, len(base), size)
        slopes = jnp.einsum("rbp,rbk->pbk", w, found[1:])
        # What is differentiated must be known while tracing: the structure says it, not an array.
        return found[0], (slopes, plain, [() if wanted else None for wanted in asked])

    def backward(kept: Any, ct: Any) -> Any:
        slopes, plain, asked = kept
        gradients = [jnp.zeros_like(angle) for angle in plain]
        if not isinstance(ct, SymbolicZero):
            pulled = jnp.einsum("pbk,bk->pb", slopes, ct)
            where = [i for i, wanted in enumerate(asked) if wanted is not None]
            for i, gradient in zip(where, pulled, strict=True):
                gradients[i] = gradient if plain[i].ndim else gradient.sum()
        return tuple(gradients), None

    values.defvjp(forward, backward, symbolic_zeros=True)
    found = values(tuple(jnp.asarray(angle, dtype) for angle in lowered.angles), key)
    return found if batched else found[0]


def _called(run: Run, dtype: Any, rows: Any, data: Any) -> np.ndarray:
    """``run`` on plain arrays; leading axes, of a ``vmap``, are rows of the same job."""
    rows = np.asarray(rows, dtype=np.float64)
    flat = rows.reshape(int(np.prod(rows.shape[:-1])), rows.shape[-1])
    found = run(flat, None if data is None else np.asarray(data))
    return np.asarray(found, dtype).reshape(*rows.shape[:-1], -1)


def _refuse_without_rule(rules: Sequence[Rule | None]) -> None:
    if any(rule is None for rule in rules):
        raise ValueError(
            "There is no gradient through the features of AmplitudeEncoding, or any prepared state, on "
            "hardware: it has no angle to shift. Differentiate with respect to params only, or use "
            "AngleEncoding, or the exact simulator, qdl.backends.statevector()."
        )


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
) -> tuple[jax.Array, jax.Array]:
    """Moves and weights ``(r, batch, angles)`` of a method, for the angles of ``rules``."""
    dtype, table = jnp.result_type(float), pairs(rules)
    if not table:
        none = jnp.zeros((0, batch, len(rules)), dtype)
        return none, none
    angle = np.array([i for i, _, _ in table])
    chosen = jax.nn.one_hot(angle, len(rules), dtype=dtype)  # (pairs, angles)
    if method == "spsa":
        reaches = np.isin(np.arange(len(rules)), angle)
        signs = jax.random.rademacher(jax.random.fold_in(key, 1), (batch, len(rules)), dtype)
        step, weight = (SPREAD * signs * reaches)[None], (signs * reaches / (2 * SPREAD))[None]
    else:
        step = chosen * np.array([s for _, _, s in table])[:, None]
        weight = chosen * np.array([c for _, c, _ in table])[:, None]
        if method == "stochastic" and random_shifts < len(table):
            keys = jax.random.split(jax.random.fold_in(key, 1), batch)

            def draw(k: Any) -> Any:
                return jax.random.permutation(k, len(table))[:random_shifts]

            rows = jax.vmap(draw, out_axes=1)(keys)  # (random_shifts, batch)
            step, weight = step[rows], weight[rows] * (len(table) / random_shifts)
        else:
            step = jnp.broadcast_to(step[:, None], (len(table), batch, len(rules)))
            weight = jnp.broadcast_to(weight[:, None], step.shape)
    return jnp.concatenate([step, -step]), jnp.concatenate([weight, -weight])
