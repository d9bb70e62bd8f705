"""Save a model with its parameters, and load it again without trusting the files."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .circuit import Circuit
from .describe import build, describe, differences, opaque, own_classes
from .files import read, write
from .hybrid import Hybrid
from .layers.base import is_shape
from .training.trees import from_arrays, to_arrays

MODEL, PARAMS = "model.json", "params.safetensors"
MACHINES = ("Aer", "Fake", "HashedNoise", "IBM")  # imported on first use


def save(path: str | os.PathLike[str], model: Any, params: Any) -> None:
    """Save a model and its parameters in a folder: ``model.json`` and ``params.safetensors``.

    The JSON file holds the architecture, field by field, and a sha256 of every byte of both files.
    Saving again replaces both. Functions (of a ``Template``, or an initialiser of your own) are
    saved by name only: ``load`` then needs ``model=``.

    Args:
        path: a folder; made when needed.
        model: a QNN, a Hybrid, a Dense, or anything with ``init(key)`` and ``apply``.
        params: its parameters, a tree as ``model.init`` gives.

    Raises:
        ValueError: the parameters are not of this model: the leaf is named.
        OSError: disk full, no permission; what was saved before is intact.

    Example:
        >>> import tempfile, qdl
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
    description = describe(model, inner)
    arrays = to_arrays(params, "params")
    from_arrays(_shapes(model), arrays, "params")
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / MODEL, inner | arrays, {"model": description}, "model", folder / PARAMS)


def load(
    path: str | os.PathLike[str], layers: Iterable[type] = (), model: Any = None
) -> tuple[Any, Any]:
    """A model and its parameters as ``save`` left them.

    Nothing in the files is executed or imported: they name classes of qdl, and those in
    ``layers``. Damaged files, files of a newer format and files that are something else are
    refused. A place comes back as it was saved: of a machine the name and the options; budget and
    account are those of ``qdl.backends.ibm()``.

    Args:
        path: the folder given to ``save``, or its ``model.json``.
        layers: your own layer classes that the model uses.
        model: the model itself, for one that holds functions; it is compared with the file: every
            field, of functions the name.

    Returns:
        ``model, params``; parameters of float64 become float32 where JAX runs in float32, with a
        warning.

    Raises:
        FileNotFoundError: no saved model there.
        ValueError: damaged; newer; another model than ``model``; parameters that do not fit.

    Example:
        >>> import tempfile, qdl
        >>> model = qdl.models.hardware_efficient(2, depth=1)
        >>> folder = tempfile.mkdtemp()
        >>> save(folder, model, model.init(jax.random.key(0)))
        >>> load(folder)[0] == model
        True
    """
    folder = Path(path)
    folder = folder.parent if folder.name == MODEL else folder
    if folder.is_file():
        raise NotADirectoryError(
            f"{folder} is a file, expected the folder that qdl.save made, with {MODEL} inside."
        )
    arrays, notes = read(folder / MODEL, "model", folder / PARAMS)
    description = notes.get("model")
    if model is None:
        model = _build_whole(description, arrays, layers, folder)
    else:
        _compare(description, arrays, model, folder)
    try:
        shapes = _shapes(model)
    except Exception as error:  # numbers beyond all bounds in a file of somebody's own making
        raise ValueError(f"the model in {folder / MODEL} cannot be started: {error}") from error
    params = from_arrays(shapes, arrays, "params")
    narrowed = [n for n, a in arrays.items() if n.startswith("params") and a.dtype == np.float64]
    if narrowed and not jax.config.jax_enable_x64:
        warnings.warn(
            f"{folder / PARAMS} holds float64, but JAX runs in float32 here, so the numbers were "
            "rounded. Set jax_enable_x64 to have all digits.",
            RuntimeWarning,
            stacklevel=2,
        )
    return model, params


def _shapes(model: Any) -> Any:
    """The tree of parameters that a model needs, without drawing them."""
    if isinstance(model, Circuit):
        kind = partial(jax.ShapeDtypeStruct, dtype=jax.numpy.result_type(float))
        return jax.tree.map(kind, model.shape, is_leaf=is_shape)
    if isinstance(model, Hybrid):
        return [None if isinstance(stage, str) else _shapes(stage) for stage in model.stages]
    return jax.eval_shape(model.init, jax.random.key(0))


def _compare(description: Any, arrays: Mapping[str, np.ndarray], model: Any, folder: Path) -> None:
    """Refuse a model that is not the saved one, with the entries that differ."""
    inner: dict[str, np.ndarray] = {}
    found = list(differences(description, describe(model, inner), "model"))
    for name, array in inner.items():
        if not np.array_equal(arrays.get(name, np.empty(0)), array):
            found.append((name, "another matrix", "this one"))
    if found:
        lines = "".join(f"\n  {where}: {a!r} there, {b!r} here" for where, a, b in found[:5])
        raise ValueError(
            f"{folder} holds another model than model=:{lines}\nPass the model that was saved."
        )


def _build_whole(
    description: Any, arrays: Mapping[str, np.ndarray], layers: Iterable[type], folder: Path
) -> Any:
    """The model that a description means; anything else than a description is refused."""
    where = folder / MODEL
    unknown = list(opaque(description))
    if unknown:
        raise ValueError(
            f"{where} holds {unknown[0][0]} = {unknown[0][1]}, of which a file can only say the "
            "name. Pass the model itself: qdl.load(path, model=model)."
        )
    own = {cls.__name__: cls for cls in layers}
    missing = sorted(own_classes(description) - own.keys())
    if missing:
        classes = f"class {missing[0]}" if len(missing) == 1 else f"classes {', '.join(missing)}"
        names = [*own, *missing]
        all_of_them = ", ".join(names) + ("," if len(names) == 1 else "")
        raise ValueError(f"{where} needs your {classes}: qdl.load(path, layers=({all_of_them})).")
    try:
        model = build(description, arrays, _class, own)
        again: dict[str, np.ndarray] = {}
        same = not list(differences(description, describe(model, again), ""))
    except Exception as error:  # whatever a class says to fields it does not take
        raise ValueError(f"{where} does not describe a model of this qdl: {error}") from error
    if not (same and hasattr(model, "init") and hasattr(model, "apply")):
        raise ValueError(f"{where} does not describe a model of this qdl.")
    return model


def _class(name: str) -> type:
    """The class of qdl that a file names; a machine's, which brings Qiskit with it, only then."""
    from . import backends, hybrid, initializers, layers, model, photonic, readout

    if name in MACHINES:
        return getattr(backends, name)
    for room in (model, backends, hybrid, initializers, layers, readout, photonic):
        cls = vars(room).get(name)
        if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__[:4] == "qdl.":
            return cls
    raise ValueError(f"qdl has no {name}.")
