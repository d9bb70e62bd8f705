"""What a training returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .history import columns, rows


@dataclass(frozen=True, repr=False)
class Fit:
    """What ``fit`` returns.

    Attributes:
        params: the trained parameters.
        history: arrays ``loss``, ``grad_norm`` (NaN where an optimizer needs values only),
            ``step_time`` (seconds), and where the model's place truncates ``penalty`` (if it has one) and
            ``dropped``, how much it leaves out, an entry per step;
            ``val_step``, ``val_loss`` and, for cross entropy, ``val_accuracy``, one per validation;
            ``metric_step`` and your metrics by their names;
            and the number ``compile_time`` (seconds). Where a place draws shots also the number
            ``loss_noise``, the standard deviation of a single ``loss`` by shots and batches: a change that
            is not larger says nothing. With ``shot_adaptive`` also ``shots``, the executions of each step,
            and the number ``total_shots``.
        stopped: ``"finished"``, ``"patience"``, ``"interrupted"``, ``"budget"`` (of QPU
            seconds), ``"nan"``, ``"callback"``, or ``"data"`` where a generator of batches has ended.
        step: the step after which ``params`` were taken.
        state: of the optimizer after the last step, for ``fit(..., state=)``.

    Example:
        >>> import qdl
        >>> model, X = qdl.Hybrid([qdl.Dense(1, 1)]), np.linspace(0.0, 1.0, 32)[:, None]
        >>> result = qdl.fit(model, X, X[:, 0], loss="mse", steps=40, validation=(X, X[:, 0]),
        ...                  key=jax.random.key(0))
        >>> frame = result.to_frame()
        >>> frame.shape, frame["val_loss"].count()
        ((40, 4), 20)
    """

    params: Any
    history: dict[str, Any]
    stopped: str
    step: int
    state: Any = None

    def __str__(self) -> str:
        """The figures of the step that ``params`` are of, in one line."""
        taken, losses = len(self.history["loss"]), self.history["loss"][: self.step]
        at = np.flatnonzero(self.history["val_step"] <= self.step)
        shown = {"loss": losses[-1]} if len(losses) else {}
        names = ("val_loss", "val_accuracy") if len(at) else ()
        shown |= {name: self.history[name][at[-1]] for name in names if name in self.history}
        last = "".join(f", {name} {value:.4g}" for name, value in shown.items())
        if "loss_noise" in self.history:
            change, noise = losses[-1] - losses[0], self.history["loss_noise"]
            last += (
                f"; the loss changed by {change:.2g}, and scatters by {noise:.2g} from step to step"
            )
        of = f" of {taken}, the best" if taken > self.step else ""
        return f"{self.stopped} at step {self.step}{of}{last}"

    def __repr__(self) -> str:
        return f"<Fit {self}>"

    def to_frame(self) -> Any:
        """The history as a ``pandas.DataFrame``: a row a step, counted from 1, a column a number.

        Validations and your metrics stand in the rows of their steps, NaN in the others.
        """
        import pandas as pd

        found = list(rows(self.history))
        return pd.DataFrame(found, columns=columns(self.history), dtype=float).set_index(
            pd.RangeIndex(1, len(found) + 1, name="step")
        )

    def plot(self, axes: Any = None) -> Any:
        """Draw the loss of every step thin, its running mean thick, and validations as points.

        A line marks the step of ``params`` where it is not the last.

        Args:
            axes: matplotlib axes; None for a new figure.

        Returns:
            The axes; ``axes.figure.savefig("fit.pdf")`` writes the picture.
        """
        from .picture import draw_fit

        return draw_fit(self, axes)
