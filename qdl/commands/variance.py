"""``qdl variance``: the gradient variance of a model, or of a family of models by width."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import own, runs
from .models import DEPTHS, check_model, with_outputs
from .places import place_named

WIDEST, DEEPEST = 1024, 10_000  # more would hang long before it is refused
ROWS = 200  # of a data set: those that the loss is taken on


def measure(
    target: str,
    widths: str | None = None,
    depth: str | None = None,
    *,
    method: str = "auto",
    samples: int | None = None,
    interval: float | None = None,
    parameter: str | None = None,
    place: str | None = None,
    shots: int = 1000,
    dataset: str | None = None,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> Any:
    """The sweep, or the row of one model.

    Args:
        target: a family of ``qdl.models``, or ``file.py:name`` of a QNN or of a function of the width, or
            a folder that ``qdl.save`` wrote.
        widths: as ``2-10``, ``4,8,16`` or both together; None for 2 to 10, or to the size of the machine.
        depth: a number, or a multiple of the width as ``2n``; None for 10n, deep enough for a
            plateau, where the family has a depth, and 2n on a machine.
        method: an engine.
        samples: of each width; the most of them with an interval.
        interval: at which drawing ends: half of it, relative to the value.
        parameter: an index, ``median`` or ``largest``.
        place: a machine, as ``fake_manila``; None for the exact simulator.
        shots: on it, of each circuit and basis.
        dataset: of ``qdl.datasets``: the cost is the cross entropy on its first rows.
        seed: of everything random.
        say: is told what will be asked of the machine.
    """
    import jax

    from ..diagnostics import gradient_variance

    options: dict[str, Any] = {"method": method, "samples": samples, "interval": interval}
    options["key"] = jax.random.key(seed)
    followed = int(parameter) if parameter is not None and parameter.isdigit() else parameter
    where = None if place is None else place_named(place, shots)
    if dataset is not None:
        model, data = _on_data(target, dataset, widths, depth, seed)
        model = model if where is None else model.on(where)
        return gradient_variance(
            model, data=data, loss="cross_entropy", parameter=followed, **options
        )
    found = find_circuit(target)
    if hasattr(found, "layers"):
        model = found if where is None else found.on(where)
        return gradient_variance(model, parameter=followed, **options)
    depth = chosen_depth(target, depth, "10n" if where is None else "2n")
    law = None if depth is None else depth_law(depth)
    if where is None:
        return gradient_variance(
            found, whole_numbers(widths or "2-10"), depth=law, parameter=followed, **options
        )
    most = where.backend.num_qubits or 10
    sizes = whole_numbers(widths or f"2-{min(10, most)}")

    def build(n: int, *deep: int) -> Any:
        return found(n, *deep).on(where)

    say(_price(build, sizes, law, options))
    return gradient_variance(build, sizes, depth=law, parameter=followed, **options)


def _price(build: Any, sizes: list[int], law: Any, options: dict[str, Any]) -> str:
    """What a sweep asks of a machine; a width that does not fit is refused here."""
    from ..diagnostics.engine import Task
    from ..diagnostics.engines.sampled import price

    models = [build(n) if law is None else build(n, law(n)) for n in sizes]
    given = {name: options[name] for name in ("key", "samples", "interval")}
    asked = [price(Task(m, components="drawn", **given)) for m in models]
    count, seconds = sum(a for a, _ in asked), sum(s for _, s in asked)
    most = "" if options["interval"] is None else "at most "
    return f"{most}{count:,} expectation values; a QPU would take {most}{seconds:,.0f} s"


def _on_data(target: str, dataset: str, widths: Any, depth: str | None, seed: int) -> Any:
    """A model for a data set and the first rows of it."""
    from .configuration import TrainConfig
    from .models import WITHOUT_FEATURES, build_model
    from .problem import load_data

    if widths is not None:
        raise ValueError(
            f"--dataset {dataset} says the width: one wire a feature. Leave --widths out."
        )
    if depth is not None and not depth.isdigit():
        raise ValueError(f"with --dataset the depth must be a number, got {depth!r}.")
    named = target in DEPTHS and target not in WITHOUT_FEATURES
    whole = None if named else find(target)
    if not named and not hasattr(whole, "layers"):
        able = ", ".join(name for name in DEPTHS if name not in WITHOUT_FEATURES)
        raise ValueError(
            f"--dataset needs a model that reads features: {able}, file.py:name of a QNN or a saved one; got "
            f"{target!r}."
        )
    size = None if whole is None else whole.n_features
    config = TrainConfig(
        dataset, target if named else "qcnn", features=size, seed=seed,
        depth=int(depth) if depth is not None and named else None,
    )  # fmt: skip
    data = load_data(config)
    if whole is None:
        classes = int(data.y_train.max()) + 1
        whole = build_model(target, data.X_train.shape[1], classes, config.depth)
    return whole, (data.X_train[:ROWS], data.y_train[:ROWS])


EXPECTED = (
    "Expected a QNN, or a function of the width (and the depth, with --depth) that returns one."
)


def load(target: str) -> Any:
    """A model of the list as a function of width and depth, or an object of a Python file."""
    if target in DEPTHS:
        from .. import models

        if target == "reuploading":
            return _narrow
        if target == "cvqnn":
            return lambda n, depth=DEPTHS[target]: with_outputs(target, n, 1, depth)
        return getattr(models, target)
    if ":" not in target:
        check_model(target)  # refuses it, with the list
    expected = "Expected file.py:name of a QNN, or of a function of the width that returns one."
    found = own.from_file(target, expected)
    return found if hasattr(found, "layers") else _builder(target, found)


def _narrow(n: int) -> Any:
    """The default model of the estimators with a wire a feature, as long as it has one."""
    from ..estimators import reuploading
    from ..estimators.default import MOST_WIRES

    if n > MOST_WIRES:
        raise ValueError(
            f"reuploading has at most {MOST_WIRES} wires, got {n}. Use --widths 2-{MOST_WIRES}, or "
            "data_reuploading."
        )
    return reuploading(n)


def _builder(target: str, found: Any) -> Callable[..., Any]:
    """A function of the width, and of the depth where one is given, that gives models and nothing else."""

    def build(*sizes: int) -> Any:
        model = own.called(target, found, *sizes, expected=EXPECTED)
        if not hasattr(model, "layers"):
            raise ValueError(f"{target} gave {type(model).__name__} for {sizes}. {EXPECTED}")
        return model

    if not callable(found):
        raise ValueError(f"{target} is {type(found).__name__}. {EXPECTED}")
    return build


def find(target: str) -> Any:
    """A saved model by its folder, or what ``load`` understands."""
    if Path(target).is_dir():
        from ..saving import load as load_saved

        return load_saved(target)[0]
    return load(target)


def find_circuit(target: str) -> Any:
    """As ``find``; of stages, as those of the default model of a table, the one that is a circuit.

    Raises:
        ValueError: several circuits, or none.
    """
    found = find(target)
    if not hasattr(found, "stages"):
        return found
    circuits = [stage for stage in found.stages if hasattr(stage, "layers")]
    if len(circuits) != 1:
        raise ValueError(
            f"{target} holds a Hybrid with {len(circuits)} circuits, expected one. Save the circuit that is "
            "meant, qdl.save(folder, model.stages[i], params[i]), and name its folder."
        )
    return circuits[0]


def whole_numbers(text: str) -> list[int]:
    """``2-4,8`` as [2, 3, 4, 8]."""
    out: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if not ends:
            raise ValueError(f"widths must be as 2-10 or 4,8,16; got {text!r}.")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not 1 <= first <= last <= WIDEST:
            raise ValueError(
                f"widths must lie between 1 and {WIDEST} and rise, got {part.strip()!r}."
            )
        out += range(first, last + 1)
    return out


def chosen_depth(target: str, depth: str | None, usual: str) -> str | None:
    """The depth asked for, or the usual one of a model that has any."""
    if target in DEPTHS and DEPTHS[target] is None:
        if depth is not None:
            check_model(target, depth)
        return None
    return usual if depth is None and target in DEPTHS else depth


def depth_law(text: str) -> Callable[[int], int]:
    """``50`` as a constant, ``2n`` as a multiple of the width."""
    ends = re.fullmatch(r"(\d*)(n?)", text)
    if not ends or not text:
        raise ValueError(f"depth must be a number, or a multiple of the width as 2n; got {text!r}.")
    factor = int(ends[1] or 1)
    if not 1 <= factor <= DEEPEST:
        raise ValueError(f"depth must lie between 1 and {DEEPEST}, got {text!r}.")
    return (lambda n: factor * n) if ends[2] else (lambda n: factor)


def save(
    result: Any,
    asked: dict[str, Any],
    *,
    out: Path | None = None,
    plot: Path | None = None,
    json: Path | None = None,
) -> Path:
    """Leave a run folder: ``config.json``, ``variance.json`` and, of a sweep, ``variance.png``.

    Args:
        result: what ``measure`` gave.
        asked: for it, by name.
        out: the run folder; None for ``runs/variance-MODEL``, or the next free name.
        plot: where the picture is wanted too.
        json: where the numbers are wanted too.
    """
    sweep = hasattr(result, "plot")
    if plot is not None and not sweep:
        raise ValueError("one model has no picture: --plot draws a sweep over widths.")
    folder = runs.new_folder(runs.name_of("variance", asked["target"]), out)
    runs.write_config(folder, {"command": "variance", **asked})
    for path in (folder / "variance.json", json):
        if path is not None:
            path.write_text(result.to_json() + "\n")
    for path in (folder / "variance.png", plot) if sweep else ():
        if path is not None:
            _draw(result, path)
    return folder


def _draw(sweep: Any, path: Path) -> None:
    from . import plots

    figure, axes = plots.panels(1, 1, (5.4, 3.8))
    sweep.plot(axes[0, 0])
    plots.save(figure, path)
