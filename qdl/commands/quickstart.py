"""``qdl quickstart``: two quantum models on real digits, beside two classical ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import runs
from .problem import by_name
from .train import train
from .trained import Trained, summary

FAMILIES = {
    "QCNN": lambda n: _models().qcnn(n),
    "random circuit, 50 layers": lambda n: _models().mcclean(n, 50),
}  # whose gradients are measured: a circuit that stays trainable and one that does not
ADAM = {"batch_size": 32, "learning_rate": 0.02}


@dataclass(frozen=True)
class Quickstart:
    """What ``quickstart`` found.

    Attributes:
        folder: the run folder.
        data: the split that all four models share.
        quantum: the trained QNNs.
        classical: logistic regression and a perceptron.
        sweeps: gradient variances by the name of the circuit family.
    """

    folder: Path
    data: Any
    quantum: list[Trained]
    classical: list[Any]
    sweeps: dict[str, Any]

    def verdict(self) -> str:
        """Who won, in one sentence."""
        scores = {each.name: each.accuracy for each in [*self.quantum, *self.classical]}
        best = max(scores.values())
        winners = [name for name, score in scores.items() if score == best]
        n = len(self.data.y_test)
        names = " and ".join([", ".join(winners[:-1]), winners[-1]] if winners[1:] else winners)
        opening = "Best" if len(winners) == 1 else "Tied for the best"
        return f"{opening} on the {n} test digits: {names}, {round(best * n)} of {n} right."


def quickstart(
    out: Path | None = None,
    *,
    n_wires: int = 8,
    steps: int = 300,
    widths: Sequence[int] = (2, 4, 6, 8),
    samples: int = 200,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> Quickstart:
    """Train a QCNN and a data re-uploading model on the digits 0 and 1 and compare them.

    Writes ``config.json``, ``metrics.jsonl``, ``summary.jsonl``, ``params.safetensors`` and pictures.

    Args:
        out: the run folder; None for ``runs/quickstart``, or the next free name.
        n_wires: wires of the QCNN, and features of an image; an even number.
        steps: gradient steps of each model.
        widths: numbers of wires for the gradient variance.
        samples: random starts behind each variance.
        seed: of everything random.
        say: told in a line what happens next.
    """
    from .. import baselines, datasets

    data = datasets.digits((0, 1), features=n_wires, seed=seed)
    circuits = {"QCNN": _models().qcnn(n_wires), "re-uploading": reuploading(n_wires)}
    folder = runs.new_folder("quickstart", out)
    runs.write_config(
        folder,
        {
            "command": "quickstart", "dataset": "digits", "classes": [0, 1],
            "train_rows": len(data.y_train), "test_rows": len(data.y_test),
            "steps": steps, **ADAM, "widths": list(widths), "samples": samples, "seed": seed,
            "circuits": {name: str(model) for name, model in circuits.items()},
        },
    )  # fmt: skip
    quantum = []
    for name, model in circuits.items():
        say(f"training {name}: {model.n_wires} wires, {model.n_params} parameters, {steps} steps")
        quantum.append(train(name, model, by_name(data, (0, 1)), steps=steps, seed=seed, **ADAM))
        if quantum[-1].fit.stopped == "interrupted":
            raise KeyboardInterrupt
    say("training logistic regression and a perceptron on the same split")
    n_params = quantum[0].model.n_params
    classical = [baselines.logistic_regression(data), baselines.mlp(data, n_params, seed)]
    say(f"measuring the variance of the gradient on {', '.join(map(str, widths))} wires")
    sweeps = {name: _sweep(build, widths, samples, seed) for name, build in FAMILIES.items()}
    say("drawing")
    result = Quickstart(folder, data, quantum, classical, sweeps)
    _write(result)
    _pictures(result)
    return result


def reuploading(n_features: int) -> Any:
    """A data re-uploading QNN on half as many wires as features: each layer reads all of them."""
    from ..layers import AngleEncoding, Entangler, Repeat, Rotation
    from ..model import QNN
    from ..readout import ExpZ

    n = n_features // 2
    first, second = tuple(range(n)), tuple(range(n, 2 * n))
    block: Any = [
        AngleEncoding(features=first), Rotation("zyz"), Entangler("cz", "ring"),
        AngleEncoding(features=second), Rotation("zyz"), Entangler("cz", "ring"),
    ]  # fmt: skip
    return QNN(n, Repeat(block, 2), readout=ExpZ([0]))


def _models() -> Any:
    from .. import models  # PennyLane is imported here, not when the command line starts

    return models


def _sweep(build: Any, widths: Sequence[int], samples: int, seed: int) -> Any:
    import jax

    from ..diagnostics import gradient_variance

    # The same engine for both families, so that they can be compared.
    key = jax.random.key(seed)
    return gradient_variance(build, widths, method="statevector", samples=samples, key=key)


def _write(result: Quickstart) -> None:
    """``metrics.jsonl``, ``summary.jsonl`` and ``params.safetensors``."""
    for each in result.quantum:
        runs.write_metrics(result.folder, runs.history_rows(each.fit.history, model=each.name))
    results = [summary(each) for each in result.quantum]
    results += [
        {"model": b.name, "n_params": b.n_params, "test_accuracy": b.accuracy}
        for b in result.classical
    ]
    for family, sweep in result.sweeps.items():
        results += [
            {
                "family": family,
                "n_wires": row.n_wires,
                "gradient_squared_norm": row.squared_norm,
                "standard_error": row.squared_norm_error,
                "gradient_variance": row.maximum,
            }
            for row in sweep
        ]
    runs.write_summary(result.folder, results)
    runs.write_params(result.folder, {each.name: each.fit.params for each in result.quantum})


def _pictures(result: Quickstart) -> None:
    """The four pictures, and the one that has the most of them side by side."""
    from . import plots

    histories = {each.name: each.fit.history for each in result.quantum}
    figure, axes = plots.panels(1, 2, (10, 3.8))
    plots.losses(axes[0, 0], histories)
    plots.gradient_norms(axes[0, 1], histories)
    plots.save(figure, result.folder / "training_curves.png")

    figure, axes = plots.panels(2, 2, (9, 5.2), sharex=True, sharey=True)
    for ax, each in zip(axes.flat, [*result.quantum, *result.classical], strict=True):
        plots.decisions(ax, result.data.y_test, each.probabilities[:, 1], each.name)
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, **plots.KEY, loc="outside upper right", ncols=2)
    figure.supxlabel("predicted probability of digit 1", fontsize=10)
    figure.supylabel("test images", fontsize=10)
    plots.save(figure, result.folder / "decisions.png")

    figure, axes = plots.panels(1, 1, (5.4, 3.8))
    plots.variances(axes[0, 0], result.sweeps)
    plots.save(figure, result.folder / "gradient_variance.png")

    figure, axes = plots.panels(1, 3, (13, 3.6), width_ratios=(4, 3, 3))
    qcnn = result.quantum[0]
    plots.losses(axes[0, 0], histories)
    plots.decisions(axes[0, 1], result.data.y_test, qcnn.probabilities[:, 1], qcnn.name)
    axes[0, 1].set(xlabel="predicted probability of digit 1", ylabel="test images")
    axes[0, 1].legend(**plots.KEY, loc="upper center")
    plots.variances(axes[0, 2], result.sweeps)
    plots.save(figure, result.folder / "overview.png")

    plots.circuit(qcnn.model, qcnn.fit.params, result.data.X_test[0], result.folder / "circuit.png")
