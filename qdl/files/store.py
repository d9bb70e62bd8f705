"""Pairs of files: arrays as safetensors, what they mean as JSON, every byte of both hashed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .hashes import sha256
from .plain import LARGEST, VERSION, read_json, text
from .whole import replace

# What safetensors and NumPy both know; other dtypes are stored as their bytes.
PLAIN = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64",
}  # fmt: skip
AS_BYTES = {"complex128", "bfloat16"}


def write(
    path: Path,
    arrays: Mapping[str, Any],
    notes: Mapping[str, Any],
    kind: str,
    numbers: Path | None = None,
) -> None:
    """Write a pair of files; the JSON file, replaced last, makes both exist.

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
    data = save({name: _storable(name, leaf) for name, leaf in leaves.items()})
    document = {
        "qdl": kind,
        "version": VERSION,
        "sha256": "",
        "numbers": {"bytes": len(data), "sha256": sha256(data)},
        "arrays": {name: [leaf.dtype.name, list(leaf.shape)] for name, leaf in leaves.items()},
        "notes": dict(notes),
    }
    document["sha256"] = sha256(text(document))
    replace({numbers: data, path: text(document)})


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
    if sha256(data) != document["numbers"]["sha256"]:
        raise ValueError(
            f"{numbers} is not what was written with {path.name}: its sha256 differs. Its bytes "
            "have changed, or it is another file: use a whole copy."
        )
    return _decode(data, document["arrays"], numbers), document["notes"]


def _read_document(path: Path, kind: str) -> dict[str, Any]:
    """The JSON file, after its format and its own hash were checked."""
    document = read_json(path, kind)
    if document.get("qdl") != kind or not _is_document(document):
        raise ValueError(f"{path} is no {kind} of qdl, or it is damaged: use a whole copy.")
    given, document["sha256"] = document["sha256"], ""
    if given != sha256(text(document)):
        raise ValueError(f"{path} is damaged: its sha256 differs. Use a whole copy.")
    # Each document has one spelling: a file that differs from it in any byte is refused.
    if path.read_bytes() != text({**document, "sha256": given}):
        raise ValueError(f"{path} is damaged: it is not written as qdl does. Use a whole copy.")
    return document


def _is_document(document: Mapping[str, Any]) -> bool:
    """Whether all parts are there, of the right kinds."""
    kinds = {"qdl": str, "version": int, "sha256": str, "numbers": dict, "arrays": dict}
    kinds["notes"] = dict
    return {name: type(value) for name, value in document.items()} == kinds and {
        name: type(value) for name, value in document["numbers"].items()
    } == {"bytes": int, "sha256": str}


def _storable(name: str, leaf: np.ndarray) -> np.ndarray:
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
        if dtype == "bfloat16":
            import ml_dtypes  # noqa: F401  # comes with JAX: teaches NumPy this name

        stored = np.frombuffer(stored.tobytes(), np.dtype(dtype)).reshape(stored.shape[:-1]).copy()
    if stored.dtype.name != dtype or list(stored.shape) != shape:
        raise ValueError(f"an array is {stored.dtype} of {stored.shape}, not {dtype} of {shape}")
    return stored
