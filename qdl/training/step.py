"""The compiled part of training: steps in a loop that never returns to Python, and validation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from ..hybrid import applied, trained
from ..refused import Refused
from .by_value import by_value
from .losses import CrossEntropy, Loss
from .optimizers import ShotAdaptive, ValuesOnly
from .optimizers.foreign import updated
from .optimizers.shot_adaptive import GROUPS

CHUNK = 256  # the most steps between two looks by Python; the length of the buffers for their rows


@dataclass(frozen=True)
class Plan:
    """What the compiled program depends on: equal plans share one compilation."""

    model: Any
    loss: Loss
    optimizer: optax.GradientTransformation = field(compare=False)
    batch_size: int
    skips: int = 0  # how many steps that are not finite may be passed over
    _updates: Any = field(init=False, repr=False)  # what the program knows of the optimizer

    def __post_init__(self) -> None:
        updates = (type(self.optimizer), by_value(self.optimizer.update))
        object.__setattr__(self, "_updates", updates)

    def outputs(self, params: Any, x: Any, key: jax.Array) -> jax.Array:
        """The model's outputs."""
        return applied(self.model, params, x, key)

    def loss_of(
        self, params: Any, x: Any, y: Any, key: jax.Array, weight: Any = None
    ) -> tuple[jax.Array, dict[str, Any]]:
        """The loss of one batch, the penalty of the model's places in it; and what they truncate."""
        outputs, found = trained(self.model, params, x, key)
        loss = self.loss_given(outputs, y, weight)
        return (loss + found["penalty"] if "penalty" in found else loss), found

    def loss_given(self, outputs: jax.Array, y: Any, weight: Any) -> jax.Array:
        """The loss of outputs."""
        given = [each for each in (y, weight) if each is not None]
        loss = self.loss(outputs, *given)
        if jnp.shape(loss) != ():
            raise ValueError(
                f"the loss of a batch must be one number, got shape {jnp.shape(loss)} for outputs of shape "
                f"{jnp.shape(outputs)}. Return the mean of what the function gives, its .mean()."
            )
        return loss


class State(NamedTuple):
    """Everything one step hands to the next."""

    params: Any
    opt_state: Any
    step: jax.Array  # steps done
    finite: jax.Array  # False: the step after these parameters gave NaN or Inf
    skipped: jax.Array  # steps passed over so far, for the same reason


class Data(NamedTuple):
    """Rows and the key of everything random."""

    X: Any  # None for a model without data
    y: Any  # None for a loss of the outputs alone
    key: jax.Array
    weight: Any = None  # of each row; None for 1 each

    def at(self, rows: Any) -> Data:
        """These rows."""
        parts = {"X": self.X, "y": self.y, "weight": self.weight}
        return self._replace(**{name: None if a is None else a[rows] for name, a in parts.items()})


@partial(jax.jit, static_argnums=0)
def train(
    plan: Plan, state: State, data: Data, rows: jax.Array | None, stop: jax.Array
) -> tuple[State, dict[str, Any]]:
    """Steps up to ``stop``, at most CHUNK of them; fewer when too many are not finite.

    Small circuits are bound by dispatch (a Python loop adds 50-100 us to each step), hence a loop
    inside the program. It runs any number of steps, so that there is one compilation.

    Args:
        plan: what is compiled.
        state: where training stands.
        data: all rows, and more at the end that none of ``rows`` names.
        rows: those of each step from here, ``(CHUNK, batch_size)``; None if every step takes them all.
        stop: the number of steps to stop at.

    Returns:
        The state, and by name the numbers of each step, ``(CHUNK,)``: ``loss``, ``grad_norm``, and
        ``penalty`` and ``dropped`` where a place has them. A step that is not finite changes nothing. If it
        may be passed over it counts as a step; else it ends training, and its numbers stand behind those of
        the last one.
    """
    start = state.step

    def step(state: State) -> tuple[State, dict[str, jax.Array]]:
        if rows is None:
            return _step(plan, state, data)
        return _step(plan, state, data.at(rows[state.step - start]))

    names = jax.eval_shape(step, state)[1]

    def goes_on(carry: Any) -> jax.Array:
        return (carry[0].step < stop) & carry[0].finite

    def one(carry: Any) -> Any:
        state, columns = carry
        i = state.step - start
        state, numbers = step(state)
        return state, {name: column.at[i].set(numbers[name]) for name, column in columns.items()}

    return lax.while_loop(goes_on, one, (state, {name: jnp.zeros(CHUNK) for name in names}))


def _step(plan: Plan, state: State, batch: Data) -> tuple[State, dict[str, jax.Array]]:
    """One gradient step. Its randomness follows from key and step alone: no state to restore."""
    x, y, weight = batch.X, batch.y, batch.weight
    key = jax.random.fold_in(jax.random.fold_in(batch.key, 1), state.step)

    def both(params: Any) -> Any:
        return plan.loss_of(params, x, y, key, weight)

    def objective(params: Any, x: Any = x) -> jax.Array:  # a line search hands its `x` on
        return plan.loss_of(params, x, y, key, weight)[0]

    measured: dict[str, Any] = {}
    if isinstance(plan.optimizer, ShotAdaptive):
        loss, gradient, measured, truncated = measured_gradient(plan, state, batch, key)
        norm = optax.tree.norm(gradient)
    elif isinstance(plan.optimizer, ValuesOnly):  # no gradient is traced, let alone computed
        (loss, truncated), gradient = both(state.params), optax.tree.zeros_like(state.params)
        norm = jnp.asarray(jnp.nan)
    else:
        (loss, truncated), gradient = jax.value_and_grad(both, has_aux=True)(state.params)
        norm = optax.tree.norm(gradient)
    # `x` for optimizers that look at the states of this batch: the metric of qdl.training.
    more = {"value": loss, "grad": gradient, "value_fn": objective, "x": x}
    more["grad_fn"] = lambda params, _: jax.grad(objective)(params)
    more |= measured
    updates, opt_state = updated(plan.optimizer, gradient, state.opt_state, state.params, more)
    params = optax.apply_updates(state.params, updates)
    finite = jnp.isfinite(loss + optax.tree.norm(gradient) + optax.tree.norm(params))
    new = State(params, opt_state, state.step + 1, finite, state.skipped)
    skip = ~finite & (state.skipped < plan.skips)
    old = State(state.params, state.opt_state, state.step + skip, skip, state.skipped + skip)
    state = jax.tree.map(lambda after, before: jnp.where(finite, after, before), new, old)
    return state, {"loss": loss, "grad_norm": norm, **truncated}


def measured_gradient(plan: Plan, state: State, batch: Data, key: jax.Array) -> tuple[Any, ...]:
    """Loss, gradient, its variance, and the executions, from the shots that the optimizer asks for."""
    model, x = plan.model, model_features(plan.model, batch.X)

    def ask(values: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.value_and_grad(lambda v: plan.loss_given(v, batch.y, batch.weight))(values)

    found = model.place.measured_slopes(
        model.circuit, state.params, x, ask, state.opt_state.shots, key, GROUPS
    )
    gradient = jax.tree.map(lambda leaf: leaf.mean(0), found.gradients)
    variance = jax.tree.map(
        lambda leaf, shots: leaf.var(0, ddof=1) * shots / GROUPS, found.gradients, found.shots
    )
    return found.asked, gradient, {"variance": variance}, {"shots": found.spent}


def model_features(model: Any, x: Any) -> Any:
    """The features of a QNN; another model is refused."""
    if not hasattr(model, "circuit"):
        raise Refused(
            f"shot_adaptive trains a QNN, whose parameters are angles; got {type(model).__name__}. Take a "
            "fixed number of shots for models with classical stages."
        )
    return model.check_features(x)


@partial(jax.jit, static_argnums=0)
def evaluate(plan: Plan, params: Any, data: Data) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Loss, accuracy (NaN without labels) and outputs of all rows, in blocks that bound the memory."""
    n = len(data.X)
    size = min(n, 4 * plan.batch_size)
    count = -(-n // size)
    rows = jnp.arange(count * size).reshape(count, size) % n  # the last block is filled up
    keys = jax.random.split(data.key, count)
    blocks = lax.map(lambda b: plan.outputs(params, data.X[b[0]], b[1]), (rows, keys))
    outputs = jax.tree.map(lambda leaf: leaf.reshape(count * size, *leaf.shape[2:])[:n], blocks)
    is_labelled = isinstance(plan.loss, CrossEntropy)
    accuracy = plan.loss.accuracy(outputs, data.y) if is_labelled else jnp.nan  # type: ignore
    loss = plan.loss(outputs) if data.y is None else plan.loss(outputs, data.y)
    return loss, jnp.asarray(accuracy), outputs
