"""Programs that JAX compiled, kept from one process to the next."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

DAYS = 30  # a program is kept that long, and then compiled anew: the folder has an end
SETTINGS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def keep_compiled(folder: Path | None = None) -> None:
    """Let JAX keep what it compiles in a folder of the user's cache, here and in child processes.

    For a process that is qdl's own: its commands, tests, benchmarks. Nothing happens where JAX has been
    imported, as then the process is somebody else's, where the user has chosen a folder, with
    ``JAX_COMPILATION_CACHE_DIR`` (empty for none), or where the folder cannot be written.

    Args:
        folder: None for ``qdl/compiled`` where the system keeps caches, as in ``~/.cache``.
    """
    if "jax" in sys.modules or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    if folder is None:
        from platformdirs import user_cache_path

        folder = user_cache_path("qdl", appauthor=False) / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*-cache"):
            if path.stat().st_mtime < time.time() - DAYS * 86400:
                path.unlink(missing_ok=True)
    except OSError:  # a file system without room or rights, or another process that tidies up
        pass
    if os.access(folder, os.W_OK):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
