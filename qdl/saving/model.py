"""What a file says of a model, and the model that is meant; nothing in the file is trusted."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ..circuit import Circuit
from ..describe import build, describe, differences, opaque, own_classes
from ..hybrid import Hybrid
from ..layers.base import is_shape
from ..training.trees import from_arrays

MODEL, PARAMS = "model.json", "params.safetensors"
MACHINES = ("Aer", "Fake", "HashedNoise", "IBM")  # imported on first use


def params_of(model: Any, arrays: Mapping[str, np.ndarray], prefix: str, where: Path) -> Any:
    """The parameters of a model among arrays, with a warning where digits are lost."""
    try:
        wanted = shapes(model)
    except Exception as error:  # numbers beyond all bounds in a file of somebody's own making
        raise ValueError(f"the model in {where} cannot be started: {error}") from error
    params = from_arrays(wanted, arrays, prefix)
    narrowed = [n for n, a in arrays.items() if n.startswith(prefix) and a.dtype == np.float64]
    if narrowed and not jax.config.jax_enable_x64:
        warnings.warn(
            f"{where} holds float64, but JAX runs in float32 here, so the numbers were rounded. Set "
            "jax_enable_x64 to have all digits.",
            RuntimeWarning,
            stacklevel=4,
        )
    return params


def shapes(model: Any) -> Any:
    """The tree of parameters that a model needs, without drawing them."""
    if isinstance(model, Circuit):
        kind = partial(jax.ShapeDtypeStruct, dtype=jax.numpy.result_type(float))
        return jax.tree.map(kind, model.shape, is_leaf=is_shape)
    if isinstance(model, Hybrid):
        return [None if isinstance(stage, str) else shapes(stage) for stage in model.stages]
    return jax.eval_shape(model.init, jax.random.key(0))


def compare(description: Any, arrays: Mapping[str, np.ndarray], model: Any, folder: Path) -> None:
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


def build_whole(
    description: Any, arrays: Mapping[str, np.ndarray], layers: Iterable[type], where: Path
) -> Any:
    """The model that a description means; anything else than a description is refused."""
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
        model = build(description, arrays, class_named, own)
        again: dict[str, np.ndarray] = {}
        same = not list(differences(description, describe(model, again), ""))
    except Exception as error:  # whatever a class says to fields it does not take
        raise ValueError(f"{where} does not describe a model of this qdl: {error}") from error
    if not (same and hasattr(model, "init") and hasattr(model, "apply")):
        raise ValueError(f"{where} does not describe a model of this qdl.")
    return model


def class_named(name: str) -> type:
    """The class of qdl that a file names; a machine's, which brings Qiskit with it, only then."""
    from .. import backends, hybrid, initializers, layers, model, photonic, readout, training

    if name in MACHINES:
        return getattr(backends, name)
    for room in (model, backends, hybrid, initializers, layers, readout, photonic, training):
        cls = vars(room).get(name)
        if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__[:4] == "qdl.":
            return cls
    raise ValueError(f"qdl has no {name}.")
