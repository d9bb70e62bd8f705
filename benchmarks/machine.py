"""What one core can do at best: the yardstick for the roofline column."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def facts() -> dict[str, Any]:
    """GEMM rate, copy bandwidths and names of the machine."""
    a = np.ones((1024, 1024), np.float32)
    gemm = 2 * 1024**3 / _fastest(lambda: a @ a) / 1e9
    return {
        "cpu": cpu_name(),
        "sgemm_gflops": gemm,
        "empty_call_us": _empty_call() * 1e6,
        "copy_gbs": {f"{size} MiB": _copy(size) for size in (4, 64, 512)},
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _copy(mib: int) -> float:
    """GB/s, read and written, of copying ``mib`` MiB in total."""
    source = np.ones(mib * 2**20 // 8, np.float32)  # half is read, half is written
    target = np.zeros_like(source) + 1  # touched, so that no page is handed out while timing
    return 2 * source.nbytes / _fastest(lambda: np.copyto(target, source)) / 1e9


def _empty_call() -> float:
    """Seconds that JAX needs to run nothing."""
    import jax

    nothing, x = jax.jit(lambda x: x + 1), np.zeros(1, np.float32)
    argument = jax.block_until_ready(nothing(x))
    return _fastest(lambda: jax.block_until_ready(nothing(argument)))


def _fastest(call: Callable[[], Any], seconds: float = 0.5) -> float:
    """The shortest of the runs that fit into about that time."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
