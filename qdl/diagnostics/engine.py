"""The contract of an engine: how the variance of a gradient is measured, given a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..pauli.circuit import PauliCircuit, pauli_circuit
from ..pauli.observables import scale
from ..pauli.parameters import Parameters, parameters
from ..refused import Refused
from .data import DataLoss, outputs
from .result import intervals
from .result.variance import Certificate, GradientVariance

LONGER = 16  # times an engine's usual draws, at most, for an interval that is asked for


@dataclass(frozen=True)
class Task:
    """One model and how the gradient of its cost is to be measured: what an engine gets.

    Attributes:
        model: the QNN.
        key: a JAX key, for all that is random.
        cost: a function of the readout values, or None for the first of them.
        x: one sample of features, or None: uniform in [0, 2 pi) with each draw, where the model reads some;
            or the rows ``(rows, n_features)`` of data whose loss is the cost.
        samples: draws or walks, or None for the engine's own number.
        executor: see ``gradient_variance``; None for here.
        components: what a place that samples measures of the gradient: ``"all"``, one component
            ``"drawn"`` at each start, or the index of one. Other engines give them all.
        interval: half of the 95% interval of the squared norm, or of the one component, relative to it, at
            which drawing may end; None for a fixed number of draws.
    """

    model: Any
    key: jax.Array
    cost: Callable[[jax.Array], jax.Array] | None = None
    x: Any = None
    samples: int | None = None
    executor: Any = None
    components: str | int = "all"
    interval: float | None = None

    def most(self, usual: int) -> int:
        """Draws, or the most of them where an interval is asked for; ``usual`` if nobody says how many."""
        return self.samples or (usual if self.interval is None else LONGER * usual)

    def start(self, key: jax.Array) -> tuple[Any, Any]:
        """Parameters and features drawn at random, the features as they are where they are given."""
        return start(self.model, self.x, key)[:2]

    def value(self, params: Any, x: Any, key: Any = None) -> jax.Array:
        """The cost, a number."""
        return value_at(self.model, self.cost, params, x, key)

    @cached_property
    def parameters(self) -> Parameters:
        """What is known of each parameter: its layer, how it starts, whether it is reported."""
        return parameters(self.model)

    @cached_property
    def scale(self) -> float:
        """A bound on the values of the cost: what rounding is relative to."""
        if isinstance(self.cost, DataLoss):
            return self.cost.scale(self.model)
        return scale(self.model, self.cost)

    @cached_property
    def circuit(self) -> PauliCircuit:
        """The model as gates on Pauli words.

        Raises:
            Refused: its second moments are not those of independent angles.
        """
        return self._circuit(None)

    @cached_property
    def narrow_circuit(self) -> PauliCircuit:
        """The same, with rotations about words on more than two wires decomposed."""
        return self._circuit(2)

    def _circuit(self, widest: int | None) -> PauliCircuit:
        if np.ndim(self.x) > 1:
            raise Refused(
                "a loss on several rows of data is no observable of one circuit. Use method='statevector'."
            )
        return pauli_circuit(self.model, self.x, self.cost, widest)


class Engine(ABC):
    r"""A way to measure $v_k = \mathrm{Var}_\theta[\partial_k C]$ for all parameters of a model.

    One method is required, ``measure``. ``gradient_variance(..., method=engine)`` takes an instance, and
    ``qdl.testing.check_engine(engine)`` compares it with exact answers.

    Example:
        >>> import jax, qdl
        >>> from qdl.diagnostics import gradient_variance
        >>> from qdl.layers import Rotation
        >>> class Starts(Engine):
        ...     def measure(self, task):
        ...         starts = [task.start(key) for key in jax.random.split(task.key, 50)]
        ...         cost = jax.value_and_grad(task.value)
        ...         costs, slopes = zip(*[cost(*each) for each in starts])
        ...         return self.summarise(task, costs, [jax.flatten_util.ravel_pytree(g)[0] for g in slopes])
        >>> row = gradient_variance(qdl.QNN(1, Rotation("x")), method=Starts(), key=jax.random.key(0))
        >>> row.method, bool(row.low[0] < 0.5 < row.high[0])
        ('Starts', True)
    """

    @property
    def name(self) -> str:
        """What the result calls it."""
        return type(self).__name__

    def valid(self, task: Task) -> str | None:
        """None, or why the engine cannot measure this task and what can; quick.

        ``measure`` may still raise ``qdl.Refused`` where only trying tells.
        """
        return None

    @abstractmethod
    def measure(self, task: Task) -> GradientVariance:
        """The variance of each component of the gradient, and of the cost."""

    def summarise(
        self, task: Task, costs: Any, gradients: Any, statement: str = "gradients at random starts"
    ) -> GradientVariance:
        """A result from draws, with log-delta intervals.

        Args:
            task: what was asked.
            costs: ``(draws,)``.
            gradients: ``(draws, p)``, in the order of ``ravel_pytree(params)``.
            statement: what was done, in one sentence.
        """
        known, costs = task.parameters, np.asarray(costs, float)
        gradients, m = np.asarray(gradients, float)[:, known.reported], len(costs)
        variance, kappa = gradients.var(axis=0, ddof=1), intervals.kurtosis(gradients)
        # Rounding leaves about eps in a gradient that vanishes, and its square in the variance.
        eps = np.finfo(np.float64 if jax.config.jax_enable_x64 else np.float32).eps
        zero = variance <= (30 * eps * task.scale) ** 2
        low, high = intervals.log_delta(variance, kappa, m)
        alive = ~zero
        lowest, highest = intervals.log_delta(variance, kappa, m, intervals.at_once(alive.sum()))
        cost_variance, cost_kappa = float(costs.var(ddof=1)), float(intervals.kurtosis(costs))
        cost_low, cost_high = intervals.log_delta(cost_variance, cost_kappa, m)
        squares = (gradients**2).sum(axis=1)
        norm, norm_error = float(squares.mean()), float(squares.std(ddof=1) / m**0.5)
        return GradientVariance(
            task.model.n_wires, variance, low, high,
            standard_error=variance * np.sqrt(np.maximum(kappa - 1, 0) / m),
            certified_zero=zero,
            layers=known.names,
            cost_mean=float(costs.mean()),
            cost_variance=cost_variance,
            cost_interval=(float(cost_low), float(cost_high)),
            squared_norm=norm,
            squared_norm_interval=intervals.of_positive_mean(norm, norm_error),
            method=self.name,
            certificate=Certificate(statement),
            draws=m,
            warnings=_warnings(kappa[alive], m),
            median_interval=intervals.of_median(lowest[alive], highest[alive]),
            maximum_interval=intervals.of_largest(lowest[alive], high[alive]),
            squared_norm_error=norm_error,
            cost_error=cost_variance * max((cost_kappa - 1) / m, 0.0) ** 0.5,
        )  # fmt: skip


def start(model: Any, x: Any, key: jax.Array) -> tuple[Any, Any, jax.Array]:
    """Parameters, features, and a key for shots: one random start."""
    for_params, for_x, for_shots = jax.random.split(key, 3)
    if x is None and model.n_features:
        x = jax.random.uniform(for_x, (model.n_features,), maxval=2 * jnp.pi)
    return model.init(for_params), x, for_shots


def value_at(model: Any, cost: Any, params: Any, x: Any, key: Any) -> jax.Array:
    """The cost of a model at parameters and features; of a loss on data with the penalty of its place."""
    found = cost_of(outputs(model, params, x, key), cost)
    if not isinstance(cost, DataLoss):
        return found
    penalty = model.place.penalty(model.circuit, params, x)
    return found if penalty is None else found + penalty


def cost_of(values: jax.Array, cost: Callable[..., Any] | None) -> jax.Array:
    """The cost from the readout values."""
    return jnp.squeeze(jnp.asarray(values[..., 0] if cost is None else cost(values)))


def measured(engine: Engine, task: Task) -> GradientVariance:
    """What an engine measures.

    Raises:
        Refused: the engine is not valid for the task, with the reason.
    """
    reason = engine.valid(task)
    if reason is not None:
        raise Refused(reason)
    row = engine.measure(task)
    if not isinstance(row, GradientVariance):
        raise TypeError(
            f"{engine.name}.measure gave {type(row).__name__}, expected a GradientVariance. Return "
            "self.summarise(task, costs, gradients)."
        )
    return row


def refusal(attempt: Callable[[], Any]) -> str | None:
    """Why something is refused, or None."""
    try:
        attempt()
    except Refused as error:
        return str(error)
    return None


def noiseless(task: Task) -> str | None:
    """None, or that the model runs where only random starts show what is measured."""
    place = task.model.place
    if place.exact_for(task.model.circuit):
        return None
    sees = "statevector" if place.draws is None else "sampled"
    return (
        f"the model runs on {place!r}, whose shots or noise only method={sees!r} can see. Use that, or the "
        "model without .on(...)."
    )


def _warnings(kappa: np.ndarray, draws: int) -> tuple[str, ...]:
    heavy = kappa[kappa / draws > intervals.HEAVY]
    if not heavy.size:
        return ()
    wanted = f"{heavy.max() / intervals.HEAVY:.1g}"
    return (
        f"heavy tails: {heavy.size} of {kappa.size} components have a kurtosis up to {heavy.max():.0f} with "
        f"{draws} draws, so their intervals are too narrow; take samples={float(wanted):.0f} or more, or "
        "method='pauli_walk' or 'dense_moment' where it is valid",
    )
