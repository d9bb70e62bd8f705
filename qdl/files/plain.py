"""JSON files: one object, or one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from .whole import replace

VERSION = 1  # of every format; older ones stay readable
DEEPEST = 200  # lists and objects in each other: what follows them one by one has room for that
LARGEST = 2**24  # bytes of a JSON file or of a safetensors header: far beyond any honest one


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by one that holds this object; its folder is made when needed.

    Raises:
        OSError: disk full, no permission; what was there before is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace({path: text(content)})


def read_json(path: Path, kind: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: of the file.
        kind: of what this is, for errors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no object of JSON, or of a newer format.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_json(path, {"version": VERSION, "steps": 3})
        >>> read_json(path, "run")["steps"]
        3
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}. Give the place where a {kind} was saved.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST} bytes: it is no {kind} of qdl.")
    try:
        content = json.loads(path.read_bytes())
        check_depth(content)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no {kind} of qdl, or it is damaged: use a whole copy.")
    version = content.get("version", VERSION)
    if type(version) is int and version > VERSION:
        raise ValueError(
            f"{path} has format version {version}, but this qdl reads up to {VERSION}: "
            "it comes from a newer qdl. Update qdl to read it."
        )
    return content


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one a line; a last line that is not whole yet is left out.

    Raises:
        ValueError: another line is no object of JSON.
    """
    try:
        *whole, _ = path.read_text(encoding="utf-8").split("\n")
        found = [json.loads(line) for line in whole if line]
        check_depth(found)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}. Restore it from a copy.") from error
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict):
            raise ValueError(
                f"{path} is damaged: row {number} is no object. Restore it from a copy."
            )
    return found


def jsonable(value: Any) -> Any:
    """Lists, dictionaries, numbers and strings; null for what JSON has no number for.

    Example:
        >>> import numpy as np
        >>> jsonable({1: np.array([0.5, np.nan]), "b": (np.int64(3), None)})
        {'1': [0.5, None], 'b': [3, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return None if isinstance(value, float) and not isfinite(value) else value


def check_depth(content: Any) -> None:
    """Refuse lists and objects that are too deep in each other, without following them by calls.

    Example:
        >>> check_depth([[1], {"a": [2]}])
    """
    level: list[Any] = [content]
    for _ in range(DEEPEST + 1):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [v for values in inner for v in values if isinstance(v, dict | list | tuple)]
        if not level:
            return
    raise ValueError(
        f"values are nested more than {DEEPEST} deep, expected fewer. Nest fewer layers in each other."
    )


def text(content: Mapping[str, Any]) -> bytes:
    """The one way to write an object."""
    check_depth(content)
    return (json.dumps(content, indent=1) + "\n").encode("ascii")
