"""Files that are the old or the new ones whenever the power fails, never something between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def replace(contents: Mapping[Path, bytes]) -> None:
    """Write files, in this order, each by way of a temporary one that is flushed to disk first.

    Args:
        contents: what each file shall hold; their folders exist.

    Raises:
        OSError: no temporary file is left; a full disk shows before anything is replaced.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> replace({path: b"whole"})
        >>> path.read_text()
        'whole'
    """
    # The number of the process: two that write the same file at once must not share a temporary one.
    temporary = {path.with_name(f"{path.name}.{os.getpid()}.tmp"): path for path in contents}
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
