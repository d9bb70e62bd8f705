"""A trained estimator as two files: its arguments and sampler as JSON, its weights as safetensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired

import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..arguments import check_whole
from ..describe import Missing, build, describe, opaque
from ..files import checked, read, write
from .block import BlockSampler
from .gibbs import GibbsSampler
from .samplers import ExactSampler

CLASSIFIER, MACHINE, PARAMS = "classifier.json", "machine.json", "params.safetensors"
SAMPLERS: dict[str, type] = {
    each.__name__: each for each in (BlockSampler, ExactSampler, GibbsSampler)
}

Number = bool | int | float
Label = Number | str


class Notes(TypedDict):
    """What stands beside the arrays of any estimator, and of either family."""

    arguments: dict[str, Any]
    sampler: None | str | list[Any] | dict[str, Any]
    history: dict[str, list[Number | None]]
    feature_names: list[str]
    classes: NotRequired[tuple[str, list[Label]]]  # of a classifier: their dtype, and the labels
    scale: NotRequired[Number]  # of a machine
    updates: NotRequired[int]
    features: NotRequired[int]


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
    with whole(path / CLASSIFIER):
        classifier.classes_ = _labels(*notes["classes"])
        if (W := arrays["W"]).ndim != 2:
            raise ValueError(f"W has shape {W.shape}")
        classifier.n_features_in_ = W.shape[1]
        check_whole("redundancy", classifier.redundancy)
        outputs = len(classifier.classes_) * classifier.redundancy
        network, shapes = classifier._layout(outputs)
        classifier.network_ = network.rebuilt(shaped(arrays, shapes, "f"))
        classifier._trainer(classifier._codes())  # its arguments
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
    arrays, content = read(path / file, kind.__name__, path / PARAMS)
    if isinstance(found := content.get("classes"), list):
        content["classes"] = tuple(found)
    notes: dict[str, Any] = checked(content, Notes, path / file, kind.__name__)
    if sampler is None:
        own = {cls.__name__: cls for cls in samplers}
        sampler = _sampler(notes["sampler"], arrays, own, path, kind.__name__)
    with whole(path / file):
        arguments = notes["arguments"].items()
        words = {name: build(value, arrays, SAMPLERS.__getitem__, {}) for name, value in arguments}
        fitted = kind(**words, sampler=sampler)
        fitted.history_ = {k: np.array(column) for k, column in notes["history"].items()}
        if notes["feature_names"]:
            fitted.feature_names_in_ = np.array(notes["feature_names"], dtype=object)
            features = arrays["base" if "base" in arrays else "W"].shape[-1]
            if len(fitted.feature_names_in_) != features:
                raise ValueError(f"{len(fitted.feature_names_in_)} names for {features} features")
    return fitted, arrays, notes


@contextmanager
def whole(file: Path) -> Iterator[None]:
    """Whatever the content of a file leads to is said of the file."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        said = f"there is no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ValueError(f"{file} is damaged: {said}. Use a whole copy.") from error


def shaped(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], kinds: str
) -> dict[str, np.ndarray]:
    """The arrays of these names, of these shapes and kinds of numbers, and finite."""
    for name, shape in shapes.items():
        if (array := arrays[name]).shape != shape or array.dtype.kind not in kinds:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity")
    return {name: arrays[name].copy() for name in shapes}


def _labels(dtype: str, labels: list[Any]) -> np.ndarray:
    """At least two classes, each once and in order, as numbers or text of this type."""
    plain = np.array(labels, dtype=object)
    text = f"U{max(len(str(label)) for label in labels)}" if labels else "U1"
    short = dtype.lstrip("<>=|")
    kind = np.dtype(text if short[:1] == "U" else short)
    made = plain.astype(kind)
    if len(made) < 2 or made.tolist() != labels or sorted(set(labels)) != labels:
        raise ValueError(f"the classes are {labels} of type {dtype}")
    return made


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
    if not saved or (isinstance(saved, list) and len(saved) != 2):
        raise ValueError(f"{path} describes no sampler: {saved!r}. Use a whole copy.")
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
        found = build(saved, arrays, ours.__getitem__, own)
        if isinstance(found, type) or not callable(getattr(found, "sample", None)):
            raise TypeError(f"a {type(found).__name__} has no sample(h, J, ...)")
        return found
    except Missing as missing:
        raise ValueError(
            f"{path} needs your class {missing}: {kind}.load(path, samplers=({missing},))."
        ) from None
    except Exception as error:  # whatever a class says to fields it does not take
        raise ValueError(
            f"{path} describes a {name} that cannot be made: {error}. Pass the sampler itself: "
            f"{kind}.load(path, sampler=...)."
        ) from error
