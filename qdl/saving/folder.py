"""Save a model with its parameters, or an estimator, and load it again without trusting the files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..describe import describe
from ..files import read, write
from ..training.trees import from_arrays, to_arrays
from .model import MODEL, PARAMS, build_whole, compare, params_of, shapes
from .run import PARTS, load_run


def save(path: str | os.PathLike[str], model: Any, params: Any = None) -> None:
    """Save a model and its parameters in a folder: ``model.json`` and ``params.safetensors``.

    An estimator that was fitted is saved whole: its arguments, parameters, classes and optimizer state.

    The JSON file holds the architecture, field by field, and a sha256 of every byte of both files.
    Saving again replaces both. Functions (of a ``Template``, or an initialiser of your own) are
    saved by name only: ``load`` then needs ``model=``.

    Args:
        path: a folder; made when needed.
        model: a QNN, a Hybrid, a Dense, or anything with ``init(key)`` and ``apply``; or a fitted
            ``QNNClassifier`` or ``QNNRegressor``.
        params: its parameters, a tree as ``model.init`` gives; None for an estimator, which has them.

    Raises:
        ValueError: the parameters are not of this model: the leaf is named; an estimator that is not fitted.
        TypeError: a model without parameters, or a pipeline.
        OSError: disk full, no permission; what was saved before is intact.

    Example:
        >>> import jax, tempfile, qdl
        >>> folder, model = tempfile.mkdtemp(), qdl.Hybrid([qdl.Dense(4, 2), "tanh"])
        >>> save(folder, model, model.init(jax.random.key(0)))
        >>> again, params = load(folder)
        >>> again == model, params[0]["weight"].shape
        (True, (4, 2))
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, expected a folder. Choose another path.")
    inner: dict[str, np.ndarray] = {}
    if hasattr(model, "get_params"):
        from .estimator import contents

        arrays, notes = contents(model, params)
    elif params is None:
        raise TypeError(
            f"qdl.save needs the parameters of {type(model).__name__} too: qdl.save(path, model, params)."
        )
    else:
        notes = {"model": describe(model, inner)}
        arrays = to_arrays(params, "params")
        from_arrays(shapes(model), arrays, "params")
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / MODEL, inner | arrays, notes, "model", folder / PARAMS)


def load(
    path: str | os.PathLike[str],
    layers: Iterable[type] = (),
    model: Any = None,
    which: str | None = None,
) -> Any:
    """A model and its parameters as ``save`` left them, or as a training did that has a folder.

    Nothing in the files is executed or imported: they name classes of qdl, and those in
    ``layers``. Damaged files, files of a newer format and files that are something else are
    refused. A place comes back as it was saved: of a machine the name and the options; budget and
    account are those of ``qdl.backends.ibm()``.

    Args:
        path: the folder given to ``save``, its ``model.json``, or that of ``fit(checkpoint=)``.
        layers: your own layer classes that the model uses.
        model: the model itself, or the estimator before ``fit``, for one that holds functions; it is
            compared with the file: every field, of functions the name.
        which: parameters of a training's folder: ``"last"``, those after the last step, or ``"best"``,
            those of the lowest validation loss. None for what ``save`` wrote, and the last where it did not.

    Returns:
        ``model, params``; parameters of float64 become float32 where JAX runs in float32, with a
        warning. Of an estimator the estimator alone.

    Raises:
        FileNotFoundError: no saved model there, or no training.
        ValueError: damaged; newer; another model than ``model``; parameters that do not fit; a best step of
            a training without validation.

    Example:
        >>> import jax, tempfile, qdl
        >>> model = qdl.models.hardware_efficient(2, depth=1)
        >>> folder = tempfile.mkdtemp()
        >>> save(folder, model, model.init(jax.random.key(0)))
        >>> load(folder)[0] == model
        True
    """
    if which not in (None, *PARTS):
        raise ValueError(f"which must be 'best', 'last' or None, got {which!r}.")
    folder = Path(path)
    folder = folder.parent if folder.name == MODEL else folder
    if folder.is_file():
        raise NotADirectoryError(
            f"{folder} is a file, expected the folder that qdl.save made, with {MODEL} inside."
        )
    if which is None and not (folder / MODEL).exists() and (folder / "checkpoints").is_dir():
        which = "last"
    if which is not None:
        return load_run(folder, which, layers, model)
    arrays, notes = read(folder / MODEL, "model", folder / PARAMS)
    if "estimator" in notes:
        from .estimator import restored

        return restored(arrays, notes, layers, model, folder)
    if model is None:
        model = build_whole(notes.get("model"), arrays, layers, folder / MODEL)
    else:
        compare(notes.get("model"), arrays, model, folder)
    return model, params_of(model, arrays, "params", folder / PARAMS)
