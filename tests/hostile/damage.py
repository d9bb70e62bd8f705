"""Files that are not what they should be: bytes that changed, and honest hashes over hostile content."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

from qdl.files import read, write

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 10**8, 10**30, -(10**30), 0.5, -0.0, 1e308, float("inf"), float("nan"),
    "", "x", "[red]x", "a\nb", "ü" * 40, "x" * 3000, [], {}, [1], {"a": 1}, [[[]]], {"class": "Dense"},
    {"own class": "Nope", "fields": {}}, {"array": "nope"}, {"operator": "PauliZ", "wires": [10**9]},
)  # fmt: skip
ARRAYS: tuple[Any, ...] = (
    np.zeros(0), np.zeros((0, 3), np.float32), np.array(1.5), np.full(3, np.nan), np.array([True]),
    np.zeros((2, 2, 2, 2)), np.array([1, -1], np.int8), np.array([1e300]), np.array([1 + 1j]),
)  # fmt: skip


def changed(content: Any, rng: np.random.Generator) -> Any:
    """A copy of JSON values with one entry replaced, taken out, doubled, renamed or put somewhere else."""
    content = copy.deepcopy(content)
    spots = list(_spots(content))
    if not spots:
        return pick(VALUES, rng)
    parent, key = spots[int(rng.integers(len(spots)))]
    kind = int(rng.integers(6))
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind == 1:
        parent[f"{key} "] = parent.pop(key)
    elif kind == 2:
        other, there = spots[int(rng.integers(len(spots)))]
        parent[key] = (
            copy.deepcopy(other[there]) if there in other or isinstance(other, list) else 1
        )
    elif kind == 3:
        parent[key] = nested(parent[key], int(rng.choice([3, 60, 150])))
    else:
        parent[key] = copy.deepcopy(pick(VALUES, rng))
    return content


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def _spots(content: Any) -> Any:
    """Every entry as its parent and its key."""
    if isinstance(content, dict | list):
        for key in range(len(content)) if isinstance(content, list) else list(content):
            yield content, key
            yield from _spots(content[key])


def pick(values: Any, rng: np.random.Generator) -> Any:
    return values[int(rng.integers(len(values)))]


def bent(arrays: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One array of another shape, type or content, under another name, or left out."""
    arrays = dict(arrays)
    name, kind = pick(sorted(arrays), rng), int(rng.integers(5))
    array = arrays.pop(name)
    if kind == 1:
        arrays[name] = pick(ARRAYS, rng)
    elif kind == 2:
        arrays[name] = array.reshape(-1)[: int(rng.integers(array.size + 1))]
    elif kind == 3:
        arrays[f"{name}2"] = array
    elif kind == 4:
        with np.errstate(all="ignore"):
            numbers = array.astype(float) * pick((0.0, -1.0, 1e30, np.nan), rng)
            arrays[name] = numbers.astype(pick((np.float32, np.float64, np.int32), rng))
    return arrays


def sealed(path: Path, kind: str, numbers: Path | None, rng: np.random.Generator) -> None:
    """Rewrite a pair of files with hostile content and with hashes that are right."""
    arrays, notes = read(path, kind, numbers)
    if rng.random() < 0.3 and arrays:
        arrays = bent(arrays, rng)
    else:
        notes = changed(notes, rng)
    write(path, arrays, notes if isinstance(notes, dict) else {"notes": notes}, kind, numbers)


def flipped(path: Path, rng: np.random.Generator) -> None:
    """Change, cut or add bytes of a file."""
    data, kind = bytearray(path.read_bytes()), int(rng.integers(4))
    at = int(rng.integers(max(len(data), 1)))
    if kind == 0 and data:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data = data[:at]
    elif kind == 2:
        data[at:at] = rng.bytes(int(rng.integers(1, 40)))
    else:
        data = bytearray(
            pick(
                (b"", b"{}", b"null", b"[" * 5000, b"[" * 800 + b"]" * 800, b"\xff\xfe", b"3\n"),
                rng,
            )
        )
    path.write_bytes(bytes(data))
