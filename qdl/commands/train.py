"""``qdl train``: one model on one data set, from a TOML file, options, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import tabular
from ..files import Checkpoints
from . import pictures, runs
from .bill import announced, free, priced, taken
from .configuration import FEATURES, TrainConfig, saved_config
from .models import WIDTH_FREE, build_model, with_outputs
from .places import place_named
from .problem import Problem, prepare
from .start import start_line
from .trained import Trained, figures, nobody, predict, summary

SHOTS = 1000  # of a place that draws


def train(
    name: str,
    model: Any,
    problem: Problem,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    class_weight: str | None = None,
    decay: bool = False,
    weight_decay: float = 0.0,
    checkpoint: Path | None = None,
) -> Trained:
    """Train a model by Adam on cross entropy, or on squared errors, and evaluate it on the test part.

    The test part is also evaluated along the way, for the picture; nothing is selected by it.
    With ``decay`` the learning rate falls to 0, as that of the default classifier does, and there may be a
    ``weight_decay``.
    With ``checkpoint``, a folder, a run that was stopped goes on.
    """
    import jax
    import optax

    from ..estimators import decaying_adam
    from ..training import fit

    data = problem.data
    falling = decaying_adam(learning_rate, steps, weight_decay)
    result = fit(
        model,
        data.X_train,
        data.y_train,
        loss=_loss(problem, class_weight),
        optimizer=falling if decay else optax.adam(learning_rate),
        steps=steps,
        batch_size=batch_size,
        validation=(data.X_test, data.y_test),
        key=jax.random.key(seed),
        checkpoint=checkpoint,
        checkpoint_every=100 if free(model) else 1,  # a step that is paid for is never done again
    )
    return _trained(name, model, problem, result, seed)


def train_several(
    name: str, model: Any, problems: Sequence[Problem], config: TrainConfig
) -> list[Trained]:
    """Train a model on each of several splits, with seeds that follow one another, all at once."""
    import jax
    import optax

    from ..estimators import decaying_adam
    from ..training.several import fit_several

    seeds = range(config.seed, config.seed + len(problems))
    rate, steps = config.learning_rate, config.steps
    optimizers = [optax.adam(rate)] * len(problems)
    if config.model in WIDTH_FREE:
        decays = [_weight_decay(config, model, p, s) for p, s in zip(problems, seeds, strict=True)]
        optimizers = [decaying_adam(rate, steps, decay) for decay in decays]
    fits = fit_several(
        model,
        [(p.data.X_train, p.data.y_train) for p in problems],
        loss=_loss(problems[0], config.class_weight),
        optimizer=optimizers,
        steps=steps,
        batch_size=config.batch_size,
        validation=[(p.data.X_test, p.data.y_test) for p in problems],
        keys=[jax.random.key(seed) for seed in seeds],
    )
    return [_trained(name, model, p, f, s) for p, f, s in zip(problems, fits, seeds, strict=True)]


def _weight_decay(config: TrainConfig, model: Any, problem: Problem, seed: int) -> float:
    """That of the configuration, else the one that the training part asks for, as of ``QNNClassifier``."""
    from sklearn.utils.class_weight import compute_sample_weight

    from ..estimators.chosen import chosen_decay

    if config.weight_decay is not None or problem.classes is None or config.place is not None:
        return config.weight_decay or 0.0
    X, y = np.asarray(problem.data.X_train), np.asarray(problem.data.y_train)
    return chosen_decay(
        model, X, y, compute_sample_weight(config.class_weight, y),
        learning_rate=config.learning_rate, steps=config.steps, batch_size=config.batch_size, seed=seed,
    )  # fmt: skip


def _loss(problem: Problem, class_weight: str | None) -> Any:
    from ..training import CrossEntropy

    return "mse" if problem.classes is None else CrossEntropy(weight=class_weight)


def _trained(name: str, model: Any, problem: Problem, result: Any, seed: int) -> Trained:
    data = problem.data
    predicted = predict(model, result.params, data.X_test, problem.target, seed)
    found = figures(data.y_test, predicted, problem.target)
    target = None if problem.preparation is None else problem.target
    return Trained(name, model, result, predicted, found, target)


def run(
    config: TrainConfig, out: Path | None = None, say: Callable[[str], Any] | None = None
) -> tuple[Path, Trained]:
    """Train what a configuration says and leave a run folder; ``say`` is told about the start first."""
    folder, every = run_several(config, out, say)
    return folder, every[0]


def run_several(
    config: TrainConfig, out: Path | None = None, say: Callable[[str], Any] | None = None
) -> tuple[Path, list[Trained]]:
    """As ``run``, with what was trained for each of the seeds."""
    problems, model = _prepare(config, say or nobody)
    _price(config, problems, model, say or nobody)
    with runs.fresh(run_name(config), out) as folder:
        if say is not None and config.place is None and config.dataset in FEATURES:
            say(start_line(model, problems[0].data, config.seed))
        if config.model in WIDTH_FREE and len(problems) == 1:
            decay = _weight_decay(config, model, problems[0], config.seed)
            if decay and config.weight_decay is None and say is not None:
                say(
                    f"weight decay {decay:g}: rows held out of the training part were predicted best with it"
                )
            config = replace(config, weight_decay=decay)
        return folder, _run(config, problems, model, folder)


def run_name(config: TrainConfig) -> str:
    """What the folder of a run is called: the data, and the model."""
    return f"{data_name(config)}-{_last(config.model)}"


def data_name(config: TrainConfig) -> str:
    """What data are called in the name of a folder."""
    return _last(config.dataset)


def _last(name: str) -> str:
    return Path(name.rpartition(":")[2]).stem or "own"


def resume(folder: Path, options: Mapping[str, Any], say: Callable[[str], Any] = nobody) -> Trained:
    """Go on with a run that was stopped or killed, or train a finished one for more steps.

    Args:
        folder: of the run.
        options: as on the command line; only ``steps`` and the budget may differ from the run's own.
        say: is told what is asked of a machine.

    Raises:
        FileNotFoundError: no run of ``qdl train`` there.
        ValueError: an option that differs.
    """
    saved = runs.read_config(folder)
    if saved.get("command") != "train":
        raise FileNotFoundError(
            f"{folder} holds no run of qdl train, so there is nothing to resume. qdl runs lists "
            "those there are."
        )
    config = saved_config(folder, saved)
    if config.seeds > 1:
        raise ValueError(
            f"{folder} trained {config.seeds} seeds in one go, of which there are no checkpoints. Start a "
            "new run."
        )
    for name, value in options.items():
        if (
            name not in ("steps", "max_qpu_seconds")
            and value is not None
            and _tuple(value) != getattr(config, name)
        ):
            raise ValueError(
                f"{folder} was trained with {name} = {getattr(config, name)!r}, got {value!r}. "
                "Leave it out to resume, or start a new run."
            )
    steps = config.steps if options.get("steps") is None else options["steps"]
    if steps < config.steps:
        raise ValueError(
            f"{folder} was meant for {config.steps} steps, got steps = {steps}. Ask for "
            f"{config.steps} or more, or start a new run."
        )
    budget = options.get("max_qpu_seconds")
    budget = config.max_qpu_seconds if budget is None else budget
    # A run says its weight decay where it has one: none is chosen anew.
    decay = config.weight_decay or 0.0
    config = replace(config, steps=steps, max_qpu_seconds=budget, weight_decay=decay)
    problems, model = _prepare(config)
    done = Checkpoints(folder / "checkpoints").steps()
    _price(config, problems, model, say, max(done, default=0))
    return _run(config, problems, model, folder)[0]


def _price(
    config: TrainConfig,
    problems: list[Problem],
    model: Any,
    say: Callable[[str], Any],
    done: int = 0,
) -> None:
    problem = problems[0]
    found = priced(_of_rows(config, problem), model, len(problem.data.y_test), done)
    if found is not None:
        say(announced(found))


def _of_rows(config: TrainConfig, problem: Problem) -> TrainConfig:
    """With the batch that ``fit`` takes: at most all rows."""
    return replace(config, batch_size=min(config.batch_size, len(problem.data.X_train)))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _prepare(config: TrainConfig, say: Callable[[str], Any] = nobody) -> tuple[list[Problem], Any]:
    problems = prepare(config, say)
    width, classes = problems[0].data.X_train.shape[1], problems[0].classes
    if classes is None:
        if config.class_weight is not None:
            raise ValueError(
                "class_weight weighs classes, but numbers are predicted. Leave it out."
            )
        model = with_outputs(config.model, width, len(problems[0].target.names), config.depth)
    else:
        model = build_model(config.model, width, len(classes), config.depth)
    if config.place is None:
        return problems, model
    shots = config.shots or SHOTS
    place = place_named(config.place, shots, config.gradient, config.max_qpu_seconds)
    return problems, model.on(place)


def _run(config: TrainConfig, problems: list[Problem], model: Any, folder: Path) -> list[Trained]:
    from ..saving import save

    runs.write_config(folder, {"command": "train", **asdict(config), "circuit": str(model)})
    problem, name = problems[0], config.model
    if len(problems) == 1:
        first = train(
            name, model, problem,
            steps=config.steps, batch_size=config.batch_size, learning_rate=config.learning_rate,
            seed=config.seed, class_weight=config.class_weight,
            decay=name in WIDTH_FREE, weight_decay=config.weight_decay or 0.0, checkpoint=folder,
        )  # fmt: skip
        looks = len(first.fit.history["val_step"])
        billed = _of_rows(config, problem)
        spent = taken(billed, model, len(problem.data.y_test), first.fit.step, looks)
        first = replace(first, qpu_seconds=None if spent is None else spent.qpu_seconds)
        trained = [first]
        runs.write_summary(folder, [summary(first)])
        pictures.curves_of(first, problem, folder / "training.png")
    else:
        trained = train_several(name, model, problems, config)
        first = trained[0]
        labels = [f"{name}, seed {config.seed + i}" for i in range(len(trained))]
        for label, each in zip(labels, trained, strict=True):
            runs.write_metrics(folder, runs.history_rows(each.fit.history, model=label))
        found = zip(labels, trained, strict=True)
        runs.write_summary(folder, [{**summary(t), "model": label} for label, t in found])
        pictures.spread_of(trained, problem, folder / "training.png")
    save(folder, model, first.fit.params)
    if problem.preparation is not None:
        tabular.save(folder, tabular.Saved(problem.preparation, problem.target))
        pictures.figures_of(first, problem, folder / "figures.png")
    return trained
