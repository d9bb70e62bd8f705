"""A folder that one process at a time works in."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def lock(folder: Path, timeout: float = 0.0) -> Any:
    """The lock of a folder, held: release it with ``release()``. A process that dies lets go of it.

    Args:
        folder: made when needed.
        timeout: seconds to wait for another process that holds it.

    Raises:
        TimeoutError: another process holds it.
        OSError: the folder cannot be made or written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> held = lock(folder)
        >>> lock(folder)
        Traceback (most recent call last):
        ...
        TimeoutError
        >>> held.release()
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    # Kept when it is released: two processes must never hold two files of one name.
    held = FileLock(
        folder / ".lock", timeout=timeout, fallback_to_soft=False, preserve_lock_file=True
    )
    try:
        held.acquire()
    except Timeout:
        raise TimeoutError from None
    return held
