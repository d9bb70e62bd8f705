"""The numbers of the host inside of JAX's programs: those near 0 are kept there, too."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..refused import Refused

ROOM = 1024  # bytes, more than any platform's floating-point environment takes


@contextmanager
def subnormals() -> Iterator[None]:
    """Run what is inside with subnormal numbers, as NumPy has them everywhere else.

    XLA's programs for CPUs take them for 0, and so does a function of the host that is called from one.
    Qiskit's synthesis of two-qubit gates goes wrong there: with Qiskit 2.3 by .1 and more, without a word.

    Raises:
        Refused: on a platform where that mode cannot be left.

    Example:
        >>> with subnormals():
        ...     float(np.float64(1e-308) * np.float64(1e-5)) > 0
        True
    """
    if not _flushed():
        yield
        return
    library = _library()
    before = ctypes.create_string_buffer(ROOM)
    if library is not None:
        library.fegetenv(before)
        library.fesetenv(_usual(library))
    try:
        if _flushed():
            raise Refused(
                "inside of jax.jit and jax.vmap this platform takes small numbers for 0, with which Qiskit "
                "makes wrong gates. Call apply outside of them, or use qdl.backends.statevector()."
            )
        yield
    finally:
        if library is not None:
            library.fesetenv(before)


def _flushed() -> bool:
    return float(np.multiply(np.float64(1e-308), np.float64(1e-5))) == 0


def _library() -> Any:
    """What the process has of C's mathematics; None where there is none by these names."""
    try:
        found = ctypes.CDLL(None)
        return found if hasattr(found, "fesetenv") else None
    except (OSError, TypeError):
        return None


def _usual(library: Any) -> Any:
    """The environment that a process begins with, FE_DFL_ENV: an address on macOS, -1 elsewhere."""
    try:
        return ctypes.byref(ctypes.c_char.in_dll(library, "_FE_DFL_ENV"))
    except ValueError:
        return ctypes.c_void_p(-1)
