"""A trained estimator as two files: its arguments and sampler as JSON, its weights as safetensors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..describe import Missing, build, describe, opaque
from ..files import read, write
from .block import BlockSampler
from .gibbs import GibbsSampler
from .samplers import ExactSampler

CLASSIFIER, MACHINE, PARAMS = "classifier.json", "machine.json", "params.safetensors"
SAMPLERS: dict[str, type] = {
    each.__name__: each for each in (BlockSampler, ExactSampler, GibbsSampler)
}


def save(path: Path, classifier: Any) -> None:
    """Write ``classifier.json`` and ``params.safetensors`` into a folder."""
    classes = [classifier.classes_.dtype.str, classifier.classes_.tolist()]
    write_fitted(path, CLASSIFIER, classifier, classifier.network_.arrays(), {"classes": classes})


def load(path: Path, kind: type, sampler: Any, samplers: Iterable[type]) -> Any:
    """The classifier of class ``kind`` that ``save`` wrote.

    Raises:
        ValueError: damaged files, or a sampler or its class that must be given.
        FileNotFoundError: no such files.
    """
    classifier, arrays, notes = read_fitted(path, CLASSIFIER, kind, sampler, samplers)
    classifier.n_features_in_ = arrays["W"].shape[1]
    dtype, labels = notes["classes"]
    classifier.classes_ = np.array(labels, dtype=dtype)
    network = classifier._start()[1]
    classifier.network_ = network.rebuilt({name: arrays[name] for name in network.arrays()})
    return classifier


def write_fitted(
    path: Path, file: str, fitted: Any, learned: dict[str, np.ndarray], more: dict[str, Any]
) -> None:
    """Write an estimator: its arguments, sampler and history, what it has learned, and more notes."""
    arrays: dict[str, np.ndarray] = {}
    arguments = fitted.get_params(deep=False)
    sampler = _described(arguments.pop("sampler"), arrays)
    notes = {
        "arguments": {name: describe(value, arrays) for name, value in arguments.items()},
        "sampler": sampler,
        **more,
        "history": {name: list(column) for name, column in fitted.history_.items()},
        "feature_names": getattr(fitted, "feature_names_in_", np.array([])).tolist(),
    }
    path.mkdir(parents=True, exist_ok=True)
    write(path / file, arrays | learned, notes, type(fitted).__name__, path / PARAMS)


def read_fitted(
    path: Path, file: str, kind: type, sampler: Any, samplers: Iterable[type]
) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
    """An estimator with arguments, sampler and history; the arrays; the notes."""
    arrays, notes = read(path / file, kind.__name__, path / PARAMS)
    if sampler is None:
        own = {cls.__name__: cls for cls in samplers}
        sampler = _sampler(notes["sampler"], arrays, own, path, kind.__name__)
    arguments = notes["arguments"].items()
    words = {name: build(value, arrays, SAMPLERS.__getitem__, {}) for name, value in arguments}
    fitted = kind(**words, sampler=sampler)
    fitted.history_ = {name: np.array(column) for name, column in notes["history"].items()}
    if notes["feature_names"]:
        fitted.feature_names_in_ = np.array(notes["feature_names"], dtype=object)
    return fitted, arrays, notes


def _described(sampler: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A dataclass by its fields, as everywhere; another one by scikit-learn's ``get_params``."""
    if not hasattr(sampler, "get_params"):
        return describe(sampler, arrays)
    fields = {name: describe(v, arrays) for name, v in sampler.get_params(deep=False).items()}
    return {"own class": type(sampler).__name__, "fields": fields}


def _sampler(
    saved: Any, arrays: dict[str, np.ndarray], own: dict[str, type], path: Path, kind: str
) -> Any:
    """The sampler that a file describes, of qdl or of the user's own classes."""
    if saved is None or isinstance(saved, str):  # none of its own: a Boltzmann machine's default
        return saved
    if isinstance(saved, list):  # before a sampler of a user's own could be written
        name, fields = saved
        saved = {"object": name} if fields is None else {"class": name, "fields": fields}
    name = next(iter(saved.values()))
    for where, what in opaque(saved, "sampler"):
        raise ValueError(
            f"{path} was saved with a {name}, which is not written to files: it may hold a connection "
            f"({where} = {what}). Pass {kind}.load(path, sampler=...)."
        )
    ours = own | SAMPLERS  # one of qdl that stands above this room is given by hand
    try:
        return build(saved, arrays, ours.__getitem__, own)
    except Missing as missing:
        raise ValueError(
            f"{path} needs your class {missing}: {kind}.load(path, samplers=({missing},))."
        ) from None
    except Exception as error:  # whatever a class says to fields it does not take
        raise ValueError(
            f"{path} describes a {name} that cannot be made: {error}. Pass the sampler itself: "
            f"{kind}.load(path, sampler=...)."
        ) from error
