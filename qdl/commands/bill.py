"""What ``qdl train`` would ask of a machine: priced, and held against a budget, before anything is sent."""

from __future__ import annotations

from typing import Any

from ..backends import Place, places_of
from .configuration import TrainConfig


def free(model: Any) -> bool:
    """Whether nothing is sent for the values of a model."""
    return all(type(place).cost is Place.cost for place in places_of(model))


def priced(config: TrainConfig, model: Any, n_test: int, done: int = 0) -> Any:
    """The estimate of the steps that are left, of the validations and of the last look at the test part.

    Args:
        config: of the training.
        model: on its place.
        n_test: rows of the test part.
        done: steps that were taken before.

    Returns:
        An ``Estimate``; None where nothing is sent.

    Raises:
        BudgetError: a simulated machine would be asked for more than ``max_qpu_seconds``; of a real one the
            place itself says it, with what its ledger has.
    """
    from ..backends import BudgetError

    found, most = taken(config, model, n_test, max(config.steps - done, 0)), config.max_qpu_seconds
    if found is not None and most is not None and model.place.simulated:
        whole = taken(config, model, n_test, config.steps)  # as a ledger would count
        if whole.qpu_seconds > most:
            before = f", of which {done:,} of {config.steps:,} steps are done" if done else ""
            raise BudgetError(
                f"Training would take about {whole.qpu_seconds:,.1f} QPU seconds ({whole.qpu_hours:,.2f} "
                f"hours){before}, max_qpu_seconds is {most:g}. Nothing was run. Raise it, lower steps, shots "
                f"or batch_size, or use gradient = spsa ({whole.spsa_qpu_seconds:,.1f} s)."
            )
    return found


def taken(
    config: TrainConfig, model: Any, n_test: int, steps: int, validations: int | None = None
) -> Any:
    """The estimate of so many steps of a training, its validations and its last look; None where free.

    ``validations`` is how many there were: one resumed for more steps had more of them at first.
    """
    if free(model):
        return None
    from ..backends import estimate
    from ..training.loop import cadence

    if validations is None:
        validations = -(-steps // cadence(config.steps, None, True))
    looks = validations + 1
    return estimate(
        model,
        batch_size=config.batch_size,
        steps=steps * config.seeds,
        validations=looks * config.seeds,
        validation_size=n_test,
    )


def announced(found: Any, price_per_second: float | None = None) -> str:
    """The estimate in one line."""
    price = (
        ""
        if price_per_second is None
        else f", {price_per_second * found.qpu_seconds:,.2f} at {price_per_second:g} a second"
    )
    return (
        f"{found.place}: {found.jobs:,} jobs, {found.executions:,} executions; a QPU would take "
        f"{found.qpu_seconds:,.1f} s ({found.qpu_hours:,.2f} hours){price}; with gradient = spsa "
        f"{found.spsa_qpu_seconds:,.1f} s. Circuits without an error: {found.fidelity:.3f}"
    )
