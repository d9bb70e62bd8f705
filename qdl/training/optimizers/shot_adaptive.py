"""Optimizers that say at every step how many shots each parameter's derivative is worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from ...arguments import check_number, check_whole
from .values import check_positive

RULES = ("gcans", "icans")
GROUPS = 4  # of shots, whose scatter is the variance: three degrees of freedom a step, averaged over many


class ShotState(NamedTuple):
    """Where a shot-adaptive training stands.

    Attributes:
        count: steps done.
        shots: of each shifted circuit of each parameter at the next step, a tree like the parameters.
        gradient: running average of the gradient, flat, not corrected for its start at 0.
        variance: of the variance of one shot, as ``gradient``.
        inner: state of the transformation that makes the step.
    """

    count: jax.Array  # pyright: ignore[reportIncompatibleMethodOverride]  # Optax's name
    shots: Any
    gradient: jax.Array
    variance: jax.Array
    inner: Any


class ShotAdaptive(optax.GradientTransformationExtraArgs):
    """An Optax transformation whose state has ``shots``, and which is told the ``variance`` of one of them.

    ``fit`` asks the model's place for that many; see ``shot_adaptive``.

    Example:
        >>> import qdl
        >>> isinstance(qdl.training.shot_adaptive(0.1), ShotAdaptive)
        True
    """


def shot_adaptive(
    learning_rate: float,
    *,
    rule: str = "gcans",
    lipschitz: float | None = None,
    min_shots: int = 8,
    max_shots: int = 100_000,
    decay: float = 0.99,
    bias: float = 1e-6,
    optimizer: optax.GradientTransformation | None = None,
) -> ShotAdaptive:
    r"""Gradient descent that takes as many shots as its gradient is worth, step by step.

    Of each parameter it follows the derivative $\chi_i$ and the variance $\xi_i = \sigma_i^2$ that one shot
    leaves in it, as averages over the last steps. "gcans" takes for the circuits of parameter i the shots
    that gain most for what is spent on the whole gradient, "icans" on its derivative alone:

    $$s_i = \frac{2 L \alpha}{2 - L \alpha} \, \frac{\sigma_i \sum_j \sigma_j}{\lVert\chi\rVert^2 + b \mu^k},
    \qquad s_i = \frac{2 L \alpha}{2 - L \alpha} \, \frac{\xi_i}{\chi_i^2 + b \mu^k} ,$$

    with the rate $\alpha$, a Lipschitz constant L of the gradient, the decay $\mu$ and a bias b that keeps
    the first steps cheap. Where the gradient is large a few shots show the way down; near the minimum there
    are many.

    In ``fit`` the model is a QNN on a place with shots that can be changed: ``statevector(shots=...)``, Aer,
    fake and IBM's machines, or a ``RowPlace`` of your own; how many it had is of no matter. The derivative is
    that of the parameter-shift rule. The history has ``shots``, the executions (circuits times shots, those
    of the loss among them) of each step, and ``total_shots``. The native place draws exactly these numbers,
    and shares those of a circuit among its bases in proportion to their coefficients, as Rosalin does; a
    machine has one number for all bases of a circuit, a power of two in each of four groups, and a job for
    each such number. A loss that is not linear in the values (cross entropy, squares) has a bias of the order
    of 1/shots in its gradient, as with any fixed number.

    Args:
        learning_rate: $\alpha$.
        rule: "gcans" or "icans".
        lipschitz: L; None for $1/\alpha$. $L \alpha$ must be below 2. For an expectation value of
            $\sum_j c_j P_j$ and Pauli rotations $\sum_j |c_j|$ is one.
        min_shots: the fewest for a circuit, at least 4; also those of the first step.
        max_shots: the most.
        decay: $\mu$, of the running averages.
        bias: b.
        optimizer: what makes a step of the gradient, as ``optax.adam(0.05)``; None for gradient descent.

    Raises:
        ValueError: numbers that make no sense; no ``variance`` at the update, as inside ``optax.chain``.

    Example:
        >>> import jax, qdl
        >>> model = qdl.QNN(2, [qdl.layers.Rotation("y"), qdl.layers.Entangler("cz")], qdl.ExpZ([0]))
        >>> result = qdl.fit(model.on(qdl.backends.statevector(shots=1)), loss=lambda z: z[0], steps=60,
        ...                  optimizer=qdl.training.shot_adaptive(0.3), key=jax.random.key(0))
        >>> bool(model.apply(result.params)[0] < -0.9), result.history["total_shots"] > 1000
        (True, True)

    Reference: iCANS: Kuebler, Arrasmith, Cincio, Coles, Quantum 4, 263 (2020); gCANS: Gu, Lowe, Dub, Coles,
    Arrasmith, arXiv 2108.10434 (2021); Rosalin: Arrasmith et al., arXiv 2004.06252 (2020).
    """
    check_positive("shot_adaptive", learning_rate=learning_rate, bias=bias)
    check_number("learning_rate", learning_rate, "shot_adaptive(0.1)", positive=True)
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}.")
    if not 0 <= decay < 1:
        raise ValueError(
            f"decay must be at least 0 and below 1, got {decay!r}. Example: decay=0.99."
        )
    check_whole("min_shots", min_shots, owner="shot_adaptive", least=GROUPS)
    check_whole("max_shots", max_shots, owner="shot_adaptive", least=min_shots)
    product = 1.0 if lipschitz is None else lipschitz * learning_rate
    if not 0 < product < 2:
        raise ValueError(
            f"lipschitz * learning_rate must be above 0 and below 2, got {lipschitz} * {learning_rate}: "
            "longer steps may climb however many shots they take. Lower learning_rate."
        )
    factor = 2 * product / (2 - product)
    inner = optax.with_extra_args_support(optimizer or optax.sgd(learning_rate))

    def init(params: Any) -> ShotState:
        flat, _ = ravel_pytree(params)
        shots = jax.tree.map(lambda leaf: jnp.full(jnp.shape(leaf), float(min_shots)), params)
        zeros = jnp.zeros(flat.shape, jnp.result_type(float))
        return ShotState(jnp.int32(0), shots, zeros, zeros, inner.init(params))

    def update(
        updates: Any, state: Any, params: Any = None, *, variance: Any = None, **extra: Any
    ) -> tuple[Any, ShotState]:
        if variance is None:
            raise ValueError(
                "shot_adaptive needs the variance that one shot leaves in each derivative, which "
                "qdl.fit measures. It must be the outermost transformation: give others as optimizer=..."
            )
        now, _ = ravel_pytree(updates)
        spread, unravel = ravel_pytree(variance)
        count = state.count + 1
        gradient = decay * state.gradient + (1 - decay) * now
        single = decay * state.variance + (1 - decay) * spread
        corrected = 1 - decay**count
        chi, xi = gradient / corrected, jnp.maximum(single / corrected, 0)
        floor = bias * decay**count
        if rule == "gcans":
            sigma = jnp.sqrt(xi)
            wanted = factor * sigma * sigma.sum() / ((chi**2).sum() + floor)
        else:
            wanted = factor * xi / (chi**2 + floor)
        shots = unravel(jnp.ceil(wanted).clip(min_shots, max_shots))
        moves, inner_state = inner.update(updates, state.inner, params, **extra)
        return moves, ShotState(count, shots, gradient, single, inner_state)

    return ShotAdaptive(init, update)
