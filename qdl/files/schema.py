"""What is in a file against what should be: types and bounds, before anything is made of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any


def checked(content: Any, schema: Any, path: Path | str, kind: str) -> Any:
    """The content, if it is of this schema to the letter: an int is no bool, and NaN no number.

    Args:
        content: values of JSON.
        schema: a type, as ``TypedDict`` or ``dict[str, float]``, that pydantic understands.
        path: of the file, for errors.
        kind: of what this is, for errors.

    Raises:
        ValueError: with the path, the place in the file, and what was expected there.

    Example:
        >>> checked({"steps": 3}, dict[str, int], "a.json", "run")
        {'steps': 3}
        >>> checked({"steps": "x"}, dict[str, int], "a.json", "run")
        Traceback (most recent call last):
        ...
        ValueError: a.json is a damaged run: steps is 'x'; input should be a valid integer. Use a whole copy.
    """
    from pydantic import ValidationError

    try:
        return _adapter(schema).validate_python(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"])) or "it"
        got, wanted = repr(first["input"]), first["msg"]
        got = got if len(got) <= 60 else f"{got[:57]}..."
        raise ValueError(
            f"{path} is a damaged {kind}: {at} is {got}; {wanted[0].lower()}{wanted[1:]}. Use a whole copy."
        ) from None


@lru_cache(maxsize=64)
def _adapter(schema: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(schema)
