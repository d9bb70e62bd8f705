"""The parent's side of a worker: start it on given cores, ask, wait at most so long, end it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Process:
    """An engine in a process of its own.

    Args:
        engine: a name of ``benchmarks.engines``, or ``machine``.
        cores: the cores it may use.
        devices: how many host devices JAX shows; the batch is spread over them.
        platform: JAX's platform, ``cpu`` or ``cuda``.
    """

    def __init__(self, engine: str, cores: list[int], devices: int = 1, platform: str = "cpu"):
        self.engine = engine
        command = [sys.executable, "-m", "benchmarks.worker", engine, json.dumps(cores)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(len(cores), devices, platform),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, do: str, cap: float = 3600, **arguments: Any) -> dict[str, Any]:
        """The answer to one request, or ``{"error": ...}`` after ``cap`` seconds or a crash."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"error": "the process died"}
        if not select.select([self._process.stdout], [], [], cap)[0]:
            self.close()
            return {"error": f"> {cap:.0f} s"}
        line = self._process.stdout.readline()
        if not line:
            return {"error": f"the process died (exit code {self._process.wait()})"}
        return json.loads(line)

    def close(self) -> None:
        """End the process and wait for its end."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _environment(threads: int, devices: int, platform: str) -> dict[str, str]:
    """The parent's environment with every library told how many threads it may use."""
    flags = [_ONE_THREAD] if threads == 1 else []
    if devices > 1:
        flags.append(f"--xla_force_host_platform_device_count={devices}")
    pools = ("OMP", "OPENBLAS", "MKL", "QULACS")
    changed = {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    changed |= {"XLA_FLAGS": " ".join(flags), "JAX_PLATFORMS": platform, "JAX_ENABLE_X64": "0"}
    kept = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    return kept | changed
