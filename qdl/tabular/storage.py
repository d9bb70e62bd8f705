"""What a run keeps of its table: names as JSON, numbers as arrays, and nothing that is executed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..files import checked, read, write
from .columns import MOST
from .prepare import Preparation
from .target import MOST_CLASSES, Target

FILE, KIND = "table.json", "table"
NUMBERS = ("fill", "mean", "scale")
MOST_COLUMNS = 10**5


class TargetNotes(TypedDict):
    """What the file says of the target."""

    names: list[str]
    classes: list[str] | None
    low: list[float]
    high: list[float]


class Notes(TypedDict):
    """What the file says beside its arrays."""

    numbers: list[str]
    categories: list[tuple[str, list[str]]]
    target: TargetNotes


@dataclass(frozen=True)
class Saved:
    """How rows become features, and what is predicted from them."""

    preparation: Preparation
    target: Target


def save(folder: Path, saved: Saved) -> None:
    """``table.json`` and ``table.safetensors`` in a folder."""
    there, target = saved.preparation, asdict(saved.target)
    notes = {
        "numbers": list(there.numbers),
        "categories": [[name, list(values)] for name, values in there.categories],
        "target": {name: list(v) if isinstance(v, tuple) else v for name, v in target.items()},
    }
    write(folder / FILE, there.arrays, notes, KIND)


def load(folder: Path) -> Saved:
    """What ``save`` wrote.

    Raises:
        FileNotFoundError: no table was trained on here.
        ValueError: damaged, or something else.
    """
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no run on a table: it has no {FILE}. Name a folder that qdl train data.csv "
            "--target NAME left; qdl runs lists those there are."
        )
    arrays, given = read(path, KIND)
    # JSON has lists where the schema has pairs.
    pairs = given.get("categories")
    if isinstance(pairs, list):
        given = given | {"categories": [tuple(p) if isinstance(p, list) else p for p in pairs]}
    notes = checked(given, Notes, path, KIND)
    if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in arrays.values()):
        raise ValueError(
            f"{path} is a damaged {KIND}: arrays that are no finite float64. Use a whole copy."
        )
    preparation = Preparation(
        tuple(notes["numbers"]),
        tuple((name, tuple(values)) for name, values in notes["categories"]),
        arrays,
    )
    said = notes["target"]
    classes = None if said["classes"] is None else tuple(said["classes"])
    target = Target(tuple(said["names"]), classes, tuple(said["low"]), tuple(said["high"]))
    why = _wrong(preparation) or _wrong_target(target)
    if why:
        raise ValueError(f"{path} is a damaged {KIND}: {why}. Use a whole copy.")
    return Saved(preparation, target)


def _wrong(p: Preparation) -> str | None:
    """What does not fit together; None if everything does."""
    names, arrays = p.columns, p.arrays
    if len(set(names)) != len(names) or not 0 < len(names) <= MOST_COLUMNS:
        return "columns appear twice, or there are none"
    if any(
        not values or len(set(values)) != len(values) or len(values) > MOST + 1
        for _, values in p.categories
    ):
        return "categories appear twice, or there are none or too many"
    expected: dict[str, tuple[int, ...]] = {}
    width = len(p.features)
    if p.numbers:
        expected = dict.fromkeys(NUMBERS, (len(p.numbers),))
    if "components" in arrays:
        width = len(arrays["components"])
        expected |= {"center": (len(p.features),), "components": (width, len(p.features))}
    if "low" in arrays:
        expected |= dict.fromkeys(("low", "high"), (width,))
    if {name: a.shape for name, a in arrays.items()} != expected or not width:
        return f"arrays {_shapes(arrays)}, expected {expected}"
    if p.numbers and not (arrays["scale"] > 0).all():
        return "a scale that is not positive"
    if "low" in arrays and not (arrays["low"] <= arrays["high"]).all():
        return "a range upside down"
    return None


def _wrong_target(target: Target) -> str | None:
    n = len(target.names)
    if not n or len(set(target.names)) != n:
        return "targets appear twice, or there are none"
    if target.classes is not None:
        good = 2 <= len(set(target.classes)) == len(target.classes) <= MOST_CLASSES and n == 1
        return None if good and not target.low and not target.high else "its classes make no sense"
    ends = np.array([target.low, target.high], object)
    if ends.shape != (2, n):
        return "a range for each target is missing"
    low, high = ends.astype(float)
    return (
        None
        if np.isfinite(ends.astype(float)).all() and (low < high).all()
        else "a range upside down"
    )


def _shapes(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: a.shape for name, a in arrays.items()}
