"""What ``pickle`` refuses, functions made inside functions, as bytes that it takes."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Carried:
    """The bytes of ``cloudpickle``, which stores the code of functions that have no name to be found by.

    Attributes:
        data: the bytes, of the version of Python that wrote them.
    """

    data: bytes

    def value(self) -> Any:
        """What was put in."""
        return pickle.loads(self.data)


def carried(value: Any) -> Any:
    """The value itself where ``pickle`` takes it, else as bytes.

    Example:
        >>> carried("adam"), type(carried(lambda x: x)).__name__
        ('adam', 'Carried')
    """
    import cloudpickle

    try:
        pickle.dumps(value)
    except Exception:  # pickle has no one kind of error for what it cannot store
        return Carried(cloudpickle.dumps(value))
    return value
