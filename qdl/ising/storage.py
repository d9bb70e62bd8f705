"""A trained classifier as two files: its arguments as JSON, its weights as safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..files import read, write
from .block import BlockSampler
from .samplers import ExactSampler

DESCRIPTION, PARAMS = "classifier.json", "params.safetensors"
SAMPLERS: dict[str, type] = {"BlockSampler": BlockSampler, "ExactSampler": ExactSampler}


def save(path: Path, classifier: Any) -> None:
    """Write ``classifier.json`` and ``params.safetensors`` into a folder."""
    arguments = classifier.get_params(deep=False)
    sampler = arguments.pop("sampler")
    name = type(sampler).__name__
    notes = {
        "arguments": _plain(arguments),
        "sampler": [name, _plain(asdict(sampler)) if _is_ours(sampler) else None],
        "classes": [classifier.classes_.dtype.str, classifier.classes_.tolist()],
        "history": {name: list(column) for name, column in classifier.history_.items()},
        "feature_names": getattr(classifier, "feature_names_in_", np.array([])).tolist(),
    }
    path.mkdir(parents=True, exist_ok=True)
    arrays = classifier.network_.arrays()
    write(path / DESCRIPTION, arrays, notes, type(classifier).__name__, path / PARAMS)


def load(path: Path, kind: type, sampler: Any) -> Any:
    """The classifier of class ``kind`` that ``save`` wrote.

    Raises:
        ValueError: damaged files, or a sampler that must be given.
        FileNotFoundError: no such files.
    """
    arrays, notes = read(path / DESCRIPTION, kind.__name__, path / PARAMS)
    name, options = notes["sampler"]
    if sampler is None:
        if options is None:
            raise ValueError(
                f"{path} was saved with a {name}, which is not written to files: it may hold a "
                f"connection. Pass {kind.__name__}.load(path, sampler=...)."
            )
        sampler = SAMPLERS[name](**options)
    arguments = {name: _frozen(value) for name, value in notes["arguments"].items()}
    classifier = kind(**arguments, sampler=sampler)
    classifier.n_features_in_ = arrays["W"].shape[1]
    dtype, labels = notes["classes"]
    classifier.classes_ = np.array(labels, dtype=dtype)
    classifier.network_ = classifier._start()[1].rebuilt(arrays)
    classifier.history_ = {name: np.array(column) for name, column in notes["history"].items()}
    if notes["feature_names"]:
        classifier.feature_names_in_ = np.array(notes["feature_names"], dtype=object)
    return classifier


def _is_ours(sampler: Any) -> bool:
    return SAMPLERS.get(type(sampler).__name__) is type(sampler)


def _plain(value: Any) -> Any:
    """As JSON gives it back: NumPy's scalars as Python's, also inside of tuples and dicts."""
    return json.loads(json.dumps(value, default=np.generic.item))


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(value) if isinstance(value, list) else value
