"""Measuring one row: each engine in its own process, rounds in turn so that ratios are fair."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from . import engines
from .process import Process
from .workloads import Row, Workload

TOLERANCE = 1e-5  # largest difference of two gradients in complex64


@dataclass(frozen=True)
class Options:
    """How to measure.

    Args:
        core: the core everything runs on.
        rounds: how often each engine has its turn.
        seconds: how long a turn lasts; at least one step.
        cap: seconds a peer's first call may take.
        platform: JAX's platform.
        peers: the peers that may run.
    """

    core: int
    rounds: int = 5
    seconds: float = 1.0
    cap: float = 120.0
    platform: str = "cpu"
    peers: tuple[str, ...] = engines.NAMES[1:]

    def process(self, engine: str, cores: int = 1, devices: int = 1) -> Process:
        """A process on the core, or on that one and others."""
        return Process(engine, pick_cores(self.core, cores), devices, self.platform)


def available_cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pick_cores(core: int, count: int) -> list[int]:
    """``core`` and as many others as needed."""
    return [core, *(other for other in available_cores() if other != core)][:count]


def measure_row(row: Row, options: Options, two_cores: bool = False) -> dict[str, Any]:
    """All engines of a row: first call, steps per round, memory, agreement with qdl."""
    workload, results = row.workload, {}
    with ExitStack() as stack, TemporaryDirectory() as folder:
        running = {}
        for label, settings in _contestants(row, options, two_cores).items():
            if not engines.installed(settings["engine"]):
                results[label] = {"error": "not installed"}
                continue
            process = stack.enter_context(options.process(**settings))
            path = f"{folder}/{label}.npy".replace(" ", "_")
            cap = 3600 if settings["engine"] == "qdl" else options.cap
            results[label] = process.ask("start", cap, workload=str(workload), gradients=path)
            if "error" in results[label]:
                process.close()
            else:
                running[label] = process
                results[label]["gradients"] = path
            say(f"  {label}: first call {_first(results[label])}")
        for _ in range(options.rounds):  # in turn: a slow minute of the machine hits all alike
            for label, process in running.items():
                _add_round(results[label], process.ask("round", seconds=options.seconds))
        for label, process in running.items():
            results[label] |= process.ask("memory")
        _compare(results)
    return {"workload": str(workload), "engines": results}


def _contestants(row: Row, options: Options, two_cores: bool) -> dict[str, dict[str, Any]]:
    """Label -> settings of its process: qdl, the peers, and qdl on two cores."""
    names = ("qdl", *(peer for peer in row.peers if peer in options.peers))
    found: dict[str, dict[str, Any]] = {name: {"engine": name} for name in names}
    if two_cores and len(available_cores()) > 1 and options.platform == "cpu":
        found["qdl, 2 threads"] = {"engine": "qdl", "cores": 2}
        if row.workload.batch % 2 == 0:
            found["qdl, 2 devices"] = {"engine": "qdl", "cores": 2, "devices": 2}
    return found


def _add_round(result: dict[str, Any], answer: dict[str, Any]) -> None:
    if "error" in answer:
        result["error"] = answer["error"]
        return
    result.setdefault("rounds_ms", []).append(answer["median_ms"])
    result["min_ms"] = min(answer["min_ms"], result.get("min_ms", float("inf")))
    result["step_ms"] = median(result["rounds_ms"])


def _compare(results: dict[str, dict[str, Any]]) -> None:
    """The largest difference of loss and gradients from qdl's, for each engine."""
    paths = {label: result.pop("gradients", None) for label, result in results.items()}
    if not paths["qdl"]:
        return
    reference = np.load(paths["qdl"])
    for label, result in results.items():
        if label != "qdl" and paths[label]:
            result["gradient_difference"] = float(np.max(np.abs(np.load(paths[label]) - reference)))
            if result["loss"] is not None:
                result["loss_difference"] = abs(result["loss"] - results["qdl"]["loss"])


def temporary_memory(workload: Workload, options: Options) -> float | None:
    """The compiler's figure for qdl's step of a workload, in MiB."""
    with TemporaryDirectory() as folder, options.process("qdl") as process:
        path = str(Path(folder) / "gradients.npy")
        process.ask("start", workload=str(workload), gradients=path)
        return process.ask("memory").get("temp_mib")


def _first(result: dict[str, Any]) -> str:
    return result.get("error") or f"{result['first_s']:.2f} s"


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)
