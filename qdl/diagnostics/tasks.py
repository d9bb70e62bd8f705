"""Jobs run here, or on any executor; the results do not depend on which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def gather(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], executor: Any
) -> list[Any]:
    """``function(*job)`` for every job, in their order.

    Args:
        function: of plain values, importable by name.
        jobs: its arguments; each holds its own random key, so that the split does not matter.
        executor: None to run them here; anything with ``submit(function, *arguments)`` that returns
            futures with ``result()``: ``concurrent.futures`` executors, a Dask ``Client``.
    """
    if executor is None:
        return [function(*job) for job in jobs]
    futures = [executor.submit(function, *job) for job in jobs]
    return [future.result() for future in futures]
