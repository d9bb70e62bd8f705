"""Files that are whole or not there: arrays as safetensors, what they mean as JSON, all hashed.

Nothing here knows about models: ``fit``, ``qdl.save`` and other trainers write through it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

VERSION = 1  # of the format; older ones stay readable
LARGEST = 2**24  # bytes of a JSON file or of a safetensors header: far beyond any honest one
# What safetensors and NumPy both know; other dtypes are stored as their bytes.
PLAIN = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64",
}  # fmt: skip
AS_BYTES = {"complex128", "bfloat16"}


class Saved(NamedTuple):
    """One checkpoint: the step it was taken after, its arrays, and its notes (JSON values)."""

    step: int
    arrays: dict[str, np.ndarray]
    notes: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run: ``step-00000100.json`` and ``.safetensors`` in a folder.

    The JSON file, renamed into place last, makes a checkpoint exist. A process that dies at any
    moment, also inside a write, leaves the checkpoints before it untouched.

    Args:
        folder: of these files only; made when needed.
        keep: how many of the newest stay.

    Example:
        >>> import tempfile
        >>> place = Checkpoints(Path(tempfile.mkdtemp()), keep=2)
        >>> for step in (10, 20, 30):
        ...     place.save(step, {"weights": np.full(2, step / 10)}, {"loss": 0.5})
        >>> place.newest().step, place.newest().arrays["weights"].tolist(), place.steps()
        (30, [3.0, 3.0], [30, 20])
    """

    folder: Path
    keep: int = 3

    def save(self, step: int, arrays: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Write a checkpoint, then remove those that are too many or of a future given up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self._path(step), arrays, {"step": step, **notes}, "checkpoint")
        kept = [s for s in self.steps() if s <= step][: self.keep]
        stems = {self._path(s).stem for s in kept}
        for path in self.folder.glob("step-*"):
            if path.name.partition(".")[0] not in stems or path.suffix == ".tmp":
                path.unlink(missing_ok=True)

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, the newest first; damaged ones included."""
        names = [re.fullmatch(r"step-(\d+)\.json", p.name) for p in self.folder.glob("step-*")]
        return sorted((int(name[1]) for name in names if name), reverse=True)

    def newest(self) -> Saved | None:
        """The newest checkpoint that is whole, with a warning for each that is not; None if empty.

        Raises:
            ValueError: there are checkpoints, but none can be read.
        """
        steps = self.steps()
        for step in steps:
            try:
                arrays, notes = read(self._path(step), "checkpoint")
                return Saved(step, arrays, notes)
            except (ValueError, OSError) as error:
                warnings.warn(f"{error} Trying the one before it.", RuntimeWarning, stacklevel=3)
        if steps:
            raise ValueError(
                f"none of the {len(steps)} checkpoints in {self.folder} can be read. Restore them "
                "from a copy, or delete the folder to start anew."
            )
        return None

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.json"


def write(
    path: Path,
    arrays: Mapping[str, Any],
    notes: Mapping[str, Any],
    kind: str,
    numbers: Path | None = None,
) -> None:
    """Write a pair of files, each by way of a temporary one that is flushed to disk first.

    Args:
        path: of the JSON file.
        arrays: by name; any dtype of NumPy or JAX.
        notes: JSON values.
        kind: of what this is; ``read`` wants the same.
        numbers: the safetensors file; None for the same name with that suffix.

    Raises:
        OSError: disk full, no permission; what was there before is intact.
    """
    from safetensors.numpy import save

    numbers = numbers or path.with_suffix(".safetensors")
    leaves = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    data = save({name: _plain(name, leaf) for name, leaf in leaves.items()})
    document = {
        "qdl": kind,
        "version": VERSION,
        "sha256": "",
        "numbers": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "arrays": {name: [leaf.dtype.name, list(leaf.shape)] for name, leaf in leaves.items()},
        "notes": dict(notes),
    }
    document["sha256"] = hashlib.sha256(_text(document)).hexdigest()
    replace_files({numbers: data, path: _text(document)})


def read(
    path: Path, kind: str, numbers: Path | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and notes of a pair of files, after every byte was checked.

    Raises:
        ValueError: damaged, of a newer format, or not such files at all; nothing is executed.
        FileNotFoundError: one of the two is missing.
    """
    numbers = numbers or path.with_suffix(".safetensors")
    document = _read_document(path, kind)
    if not numbers.is_file():
        raise FileNotFoundError(f"{numbers} is missing, which belongs to {path}.")
    if numbers.stat().st_size != document["numbers"]["bytes"]:
        raise ValueError(
            f"{numbers} has {numbers.stat().st_size} bytes, but {document['numbers']['bytes']} "
            f"were written with {path.name}. It is truncated or another file: use a whole copy."
        )
    data = numbers.read_bytes()
    if hashlib.sha256(data).hexdigest() != document["numbers"]["sha256"]:
        raise ValueError(
            f"{numbers} is not what was written with {path.name}: its sha256 differs. Its bytes "
            "have changed, or it is another file: use a whole copy."
        )
    return _decode(data, document["arrays"], numbers), document["notes"]


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write files so that each is the old or the new one whenever the power fails, in this order.

    Raises:
        OSError: no temporary file is left; a full disk shows before anything is replaced.
    """
    temporary = {path.with_name(f"{path.name}.tmp"): path for path in contents}
    try:
        for short, path in temporary.items():
            with open(short, "wb") as file:
                file.write(contents[path])
                file.flush()
                os.fsync(file.fileno())
        for short, path in temporary.items():
            os.replace(short, path)
        for folder in {path.parent for path in contents}:
            _sync_folder(folder)
    except BaseException as error:
        for short in temporary:
            short.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(next(iter(contents)), error) from error
        raise


def cannot_write(path: Path, error: OSError) -> OSError:
    """The same error, with the path and with what to do."""
    return OSError(
        error.errno,
        f"cannot write {path}: {error.strerror}. What was saved before is intact. Free some space "
        "or mend the permissions and run again, or choose another folder.",
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename last; only POSIX can open a folder."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _text(document: Mapping[str, Any]) -> bytes:
    """The one way to write a document: a file that differs from it in any byte is refused."""
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _read_document(path: Path, kind: str) -> dict[str, Any]:
    """The JSON file, after its format and its own hash were checked."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}. Give the place where a {kind} was saved.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST} bytes: it is no {kind} of qdl.")
    text = path.read_bytes()
    try:
        document = json.loads(text)
        known = document["qdl"] == kind and type(document["version"]) is int
    except (ValueError, KeyError, TypeError, RecursionError):
        known, document = False, {}
    if known and document["version"] > VERSION:
        raise ValueError(
            f"{path} has format version {document['version']}, but this qdl reads up to {VERSION}: "
            "it comes from a newer qdl. Update qdl to read it."
        )
    if not (known and _is_document(document)):
        raise ValueError(f"{path} is no {kind} of qdl, or it is damaged: use a whole copy.")
    given, document["sha256"] = document["sha256"], ""
    if given != hashlib.sha256(_text(document)).hexdigest():
        raise ValueError(f"{path} is damaged: its sha256 differs. Use a whole copy.")
    if text != _text({**document, "sha256": given}):
        raise ValueError(f"{path} is damaged: it is not written as qdl does. Use a whole copy.")
    return document


def _is_document(document: Mapping[str, Any]) -> bool:
    """Whether all parts are there, of the right kinds."""
    kinds = {"qdl": str, "version": int, "sha256": str, "numbers": dict, "arrays": dict}
    kinds["notes"] = dict
    return {name: type(value) for name, value in document.items()} == kinds and {
        name: type(value) for name, value in document["numbers"].items()
    } == {"bytes": int, "sha256": str}


def _plain(name: str, leaf: np.ndarray) -> np.ndarray:
    """The array as safetensors can hold it: other dtypes as bytes along a new last axis."""
    if leaf.dtype.name in PLAIN:
        return leaf
    if leaf.dtype.name not in AS_BYTES:
        raise TypeError(
            f"{name} has dtype {leaf.dtype}, which cannot be saved. Use one of "
            f"{', '.join(sorted(PLAIN | AS_BYTES))}."
        )
    return np.frombuffer(leaf.tobytes(), np.uint8).reshape(*leaf.shape, leaf.itemsize)


def _decode(data: bytes, wanted: Mapping[str, Any], path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, which must be those that the JSON file lists."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = int.from_bytes(data[:8], "little")
    if header > min(LARGEST, len(data)):
        raise ValueError(
            f"{path} announces a header of {header} bytes, but has {len(data)} in all and at most "
            f"{LARGEST} make sense: it is no safetensors file of qdl."
        )
    try:
        stored = load(data)
        arrays = {name: _as_dtype(stored[name], *wanted[name]) for name in wanted}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no safetensors file of qdl: {error}.") from error
    if set(stored) != set(wanted):
        raise ValueError(f"{path} holds other arrays than it should: {sorted(stored)}.")
    return arrays


def _as_dtype(stored: np.ndarray, dtype: str, shape: list[int]) -> np.ndarray:
    if dtype in AS_BYTES:
        import ml_dtypes  # comes with JAX: teaches NumPy bfloat16

        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
        stored = np.frombuffer(stored.tobytes(), kind).reshape(stored.shape[:-1]).copy()
    if stored.dtype.name != dtype or list(stored.shape) != shape:
        raise ValueError(f"an array is {stored.dtype} of {stored.shape}, not {dtype} of {shape}")
    return stored
