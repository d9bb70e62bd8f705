"""A fresh process that runs one engine and answers one line of JSON per line of JSON.

``start`` builds a workload and takes its first step, ``round`` times steps for a while,
``memory`` tells what was used, ``machine`` measures the core itself. The process keeps to the
cores it is given from before any import on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

MIB = 2**20


class Worker:
    """The state between two requests: the engine, the job, the memory after the imports."""

    def __init__(self, engine: str):
        self.job: Any = None
        if engine != "machine":
            from . import engines

            self.engine = engines.load(engine)
            self.imported = _memory("VmRSS")
            _forget_peak()

    def start(self, workload: str, gradients: str) -> dict[str, Any]:
        """Build, trace, compile and run once; the gradients go to a file."""
        import numpy as np

        from .workloads import parse

        parsed = parse(workload)
        begin = time.perf_counter()
        self.job = self.engine.build(parsed)
        loss, gradient = self.job()
        first = time.perf_counter() - begin
        np.save(gradients, flat(gradient))
        return {
            "first_s": first,
            "loss": None if loss is None else float(loss),
            "dtype": self.engine.DTYPE,
            "packages": _versions(self.engine.PACKAGES),
            "devices": _devices(),
        }

    def round(self, seconds: float) -> dict[str, Any]:
        """Steps for about that long, at least one."""
        times: list[float] = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            begin = time.perf_counter()
            self.job()
            times.append(time.perf_counter() - begin)
        return {"median_ms": 1e3 * median(times), "min_ms": 1e3 * min(times), "steps": len(times)}

    def memory(self) -> dict[str, Any]:
        """Peak above the imports, and the compiler's figure for temporaries."""
        peak = (_memory("VmHWM") - self.imported) / MIB
        # Only compiled engines reserve memory ahead.
        temp = self.job.temp_bytes() if hasattr(self.job, "temp_bytes") else None
        return {"peak_mib": peak, "temp_mib": None if temp is None else temp / MIB}

    def machine(self) -> dict[str, Any]:
        """What this core does at best."""
        from .machine import facts

        return facts()


def flat(gradients: Any) -> Any:
    """All numbers of an array, or of nested lists of arrays and None, in order."""
    import numpy as np

    if isinstance(gradients, list):
        return np.concatenate([flat(part) for part in gradients if part is not None])
    return np.asarray(gradients, float).ravel()


def _memory(field: str) -> int:
    """A field of this process's status in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    """Let the high-water mark start again: importing may have needed more than what it left."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux: the peak then includes the imports'
        pass


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    from importlib.metadata import version

    return {package: version(package) for package in packages}


def _devices() -> list[str]:
    """The JAX devices in use, if the engine uses JAX."""
    jax = sys.modules.get("jax")
    return [str(device.device_kind) for device in jax.devices()] if jax else []


def main(engine: str, cores: list[int]) -> None:
    """Serve requests until the input ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    # Whatever a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker(engine)
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001  # a peer's failure is a row of the table
            answer = {"error": f"{type(error).__name__}: {str(error).strip()[:200]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
