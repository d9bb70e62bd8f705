"""The folder of a run: what is saved of it, and whether a call of ``fit`` may go on with it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..describe import describe, differences
from ..files import Checkpoints, Saved, checked, fingerprint, lock
from .history import METRIC_STEP, OF_STEPS, STEP, VALIDATION, Record
from .log import METRICS, Log
from .step import Data, Plan, State
from .trees import from_arrays, to_arrays

ORDER = "state/order"  # in the files of earlier versions; it follows from the key
HISTORY = (*OF_STEPS, *VALIDATION)


class BestNotes(TypedDict):
    """Of the best step: its validation loss, and its number."""

    value: float
    step: int


class Notes(TypedDict):
    """What a checkpoint says beside its arrays."""

    step: int
    configuration: dict[str, Any]
    platform: dict[Literal["jax", "device"], str]
    best: BestNotes | None


class Best(NamedTuple):
    """The lowest validation loss so far, and the parameters that gave it."""

    value: float
    step: int
    params: Any


class Progressed(NamedTuple):
    """How far a run has come: all that the next step depends on."""

    state: State
    record: Record
    best: Best | None


class RunFolder:
    """Checkpoints and metrics of one run.

    Args:
        path: the folder.
        configuration: what must be equal for a run to go on, as ``configuration`` gives it.
        matrices: that the model holds, by the names in its description.
    """

    def __init__(
        self, path: Path, configuration: Mapping[str, Any], matrices: Mapping[str, np.ndarray]
    ):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(
                f"checkpoint={str(path)!r} is a file, expected a folder. Choose another."
            )
        self.path, self.configuration = path, json.loads(json.dumps(configuration))
        self.matrices = matrices
        self.checkpoints = Checkpoints(path / "checkpoints")
        self.log: Log | None = None
        self.lock: Any = None  # held while the run goes on
        self.seen: list[int] = []  # the steps that were there when the folder was read
        self.saved = -1  # the step of the newest checkpoint of this process

    def restore(self, start: State, steps: int) -> Progressed:
        """Where the folder's run stands; the start for a folder without one."""
        self.seen = self.checkpoints.steps()
        saved = self.checkpoints.newest()
        if saved is None:
            self._refuse_foreign()
            return Progressed(start, Record(), None)
        file = self.checkpoints.path(saved.step)
        notes: dict[str, Any] = checked(saved.notes, Notes, file, "checkpoint")
        self._refuse_another(notes["configuration"])
        if saved.step > steps:
            raise ValueError(
                f"{self.path} holds a run of {saved.step} steps, but steps={steps} asks for fewer. "
                f"Ask for {saved.step} or more, or choose another folder for checkpoint=."
            )
        for name, here in _platform().items():
            if (there := notes["platform"].get(name)) != here:
                warnings.warn(
                    f"{self.path} was begun with {name} {there} and goes on with {here}: the last "
                    "digits may differ from those of a run that was never stopped.",
                    RuntimeWarning,
                    stacklevel=4,
                )
        self.saved = saved.step
        arrays = {name: array for name, array in saved.arrays.items() if name != ORDER}
        try:
            state = from_arrays(start, arrays, "state")
            best = notes["best"]
            if best is not None:
                best = Best(**best, params=from_arrays(start.params, saved.arrays, "best"))
            return Progressed(state._replace(finite=jnp.bool_(True)), _recorded(saved, state), best)
        except ValueError as error:
            raise ValueError(f"{file} does not fit this run: {error}") from None

    def begin(self, run: Progressed) -> None:
        """Make the folder say where the run stands, before it goes on."""
        try:
            self.lock = lock(self.checkpoints.folder)
        except TimeoutError:
            raise self._taken("is training") from None
        try:
            if self.checkpoints.steps() != self.seen:
                raise self._taken("has trained")
            self.save(run)
            self.log = Log(self.path, _history(run))
        except BaseException:
            self.lock.release()
            raise

    def add(self, run: Progressed) -> None:
        """Write the metrics of new steps."""
        if self.log is not None:
            self.log.add(_history(run))

    def save(self, run: Progressed) -> None:
        """Write a checkpoint, unless that of this step is there."""
        step = int(run.state.step)
        if step == self.saved:
            return
        history = _history(run)
        arrays = to_arrays(run.state, "state") | dict(self.matrices)
        there = [name for name in history if name != "compile_time"]
        arrays |= {f"history/{name}": np.asarray(history[name]) for name in there}
        best = None
        if run.best is not None:
            arrays |= to_arrays(run.best.params, "best")
            best = {"value": run.best.value, "step": run.best.step}
        notes = {"configuration": self.configuration, "platform": _platform(), "best": best}
        self.checkpoints.save(step, arrays, notes)
        self.saved = step

    def close(self, run: Progressed) -> None:
        """The last metrics and the last checkpoint."""
        if self.log is not None:
            try:
                try:
                    self.log.add(_history(run))
                finally:
                    self.log.close(_history(run))
                self.save(run)
            finally:
                self.lock.release()

    def _taken(self, what: str) -> FileExistsError:
        return FileExistsError(
            f"{self.path}: another process {what} here. Wait for it or stop it, then run the same again, or "
            "choose another folder for checkpoint=."
        )

    def _refuse_foreign(self) -> None:
        """A run always has a checkpoint before it has metrics: these are of something else."""
        if (self.path / METRICS).exists():
            raise FileExistsError(
                f"{self.path} holds a {METRICS} but no checkpoint, so fit cannot go on with it and "
                "will not overwrite it. Choose another folder for checkpoint=."
            )

    def _refuse_another(self, saved: Mapping[str, Any]) -> None:
        found = list(differences(saved, self.configuration, ""))
        if not found:
            return
        lines = "".join(f"\n  {where[1:]}: {_short(a, b)}" for where, a, b in found[:5])
        raise ValueError(
            f"{self.path} holds a run with another configuration, so it cannot go on:{lines}\n"
            "Pass what that run was started with, or choose another folder for checkpoint=."
        )


def checkpointed(folder: Path) -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
    """The newest whole checkpoint of a run: its file, arrays and notes.

    Raises:
        FileNotFoundError: no run there.
    """
    checkpoints = Checkpoints(folder / "checkpoints")
    saved = checkpoints.newest()
    if saved is None:
        raise FileNotFoundError(
            f"{folder} holds no training: expected the folder of fit(checkpoint=). Leave which out for what "
            "qdl.save wrote."
        )
    file = checkpoints.path(saved.step)
    return file, saved.arrays, checked(saved.notes, Notes, file, "checkpoint")


def _recorded(saved: Saved, state: State) -> Record:
    """The history of a checkpoint: a number for each of its steps, and the validations."""
    table = {n[8:]: array for n, array in saved.arrays.items() if n.startswith("history/")}
    missing = sorted({*STEP, *VALIDATION} - table.keys())
    sizes = {column.shape for name, column in table.items() if name in VALIDATION}
    wrong = [n for n in OF_STEPS if n in table and table[n].shape != (saved.step,)]
    own = [n for n in table if n not in HISTORY]
    if own and (
        METRIC_STEP not in own or {table[n].shape for n in own} != {table[own[0]].shape[:1]}
    ):
        wrong += own
    if missing or wrong or len(sizes) != 1 or len(sizes.pop()) != 1:
        told = ", ".join(missing or wrong or VALIDATION)
        raise ValueError(
            f"its history of {saved.step} steps is damaged ({told}). Use a whole copy."
        )
    if int(state.step) != saved.step:
        raise ValueError(f"its state is of step {int(state.step)}. Use a whole copy.")
    return Record(table)


def configuration(
    model: Any, plan: Plan, state: State, data: Data, held: Data | None, start: Any, went_on: Any,
    matrices: dict[str, np.ndarray],
) -> dict[str, Any]:  # fmt: skip
    """What must be equal for a run to go on, as JSON.

    Args:
        model: as the user gave it.
        plan: loss, optimizer, batch size.
        state: the first one; of the optimizer only the tree of its state is known.
        data: for training; compared by a hash.
        held: for validation.
        start: the parameters given to start from; None if they were drawn from the key.
        went_on: the optimizer's state given to start from; None for a new one.
        matrices: those of the model are put here.
    """
    described = describe(model, matrices)
    return {
        "model": described,
        "matrices": fingerprint(*matrices.values()) if matrices else None,
        "loss": describe(plan.loss, {}),
        "optimizer": {
            "tree": str(jax.tree.structure(state.opt_state)),
            "leaves": [_leaf(leaf) for leaf in jax.tree.leaves(state.opt_state)],
        },
        "batch_size": plan.batch_size,
        "key": jax.random.key_data(data.key).tolist(),
        "params": None if start is None else fingerprint(*jax.tree.leaves(start)),
        "data": _data(data),
        "validation": None if held is None else _data(held),
    } | ({} if went_on is None else {"state": fingerprint(*jax.tree.leaves(went_on))})


def _platform() -> dict[str, str]:
    """What the last digits depend on, beside the configuration."""
    return {"jax": jax.__version__, "device": jax.devices()[0].device_kind}


def _data(data: Data) -> dict[str, Any]:
    parts = (("X", data.X), ("y", data.y), ("weight", data.weight))
    there = {name: array for name, array in parts if array is not None}
    shapes = {name: _leaf(array) for name, array in there.items()}
    return shapes | {"sha256": fingerprint(*there.values())}


def _leaf(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"


def _history(run: Progressed) -> dict[str, Any]:
    return run.record.table(int(run.state.step), accuracy=True)


def _short(one: Any, two: Any) -> str:
    """Both values, cut to where they begin to differ when they are long."""
    a, b = (json.dumps(value) for value in (one, two))
    if max(len(a), len(b)) > 120:
        first = next((i for i, (p, q) in enumerate(zip(a, b, strict=False)) if p != q), 0)
        a, b = (_cut(text, max(first - 20, 0), first + 60) for text in (a, b))
    return f"{a} there, {b} here"


def _cut(text: str, start: int, end: int) -> str:
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
