"""Where the time of a row goes: ``python -m benchmarks.profile A4``.

The first call is split into tracing (reading layers and planning included), compiling and running.
A step is split by XLA's kernels, which JAX's profiler times one by one; ``calls`` counts them. Timing
costs time itself, so that the shares mean more than the sum, and kernels of a microsecond look
slower than they are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax

from . import engines
from .workloads import find_row

RUNS = 20  # steps that are timed together
KERNEL = re.compile(r"^(\w*fusion|dot|dot_general|wrapped_\w+|copy|concatenate|while)[\w.-]*$")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("row", help="A4, B2, ... or any such as 'A(8,4,64)'")
    parser.add_argument("--top", type=int, default=12, help="kernels to list")
    args = parser.parse_args()
    job = engines.load("qdl").build(find_row(args.row).workload)
    compiled = first_call(job)
    print(step(job, compiled, args.top))


def first_call(job: Any) -> Any:
    """Print how long tracing, compiling and the first run took; the compiled step."""
    begin = time.perf_counter()
    lowered = job.step.lower(*job.args)
    traced = time.perf_counter()
    compiled = lowered.compile()
    built = time.perf_counter()
    jax.block_until_ready(compiled(*job.args))
    ran = time.perf_counter()
    print(f"trace {traced - begin:.2f} s, compile {built - traced:.2f} s, run {ran - built:.4f} s")
    return compiled


def step(job: Any, compiled: Any, top: int) -> str:
    """The kernels that take longest, and what they belong to in the program."""
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        jax.block_until_ready(compiled(*job.args))
        times.append(time.perf_counter() - begin)
    with TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(RUNS):
                jax.block_until_ready(compiled(*job.args))
        (path,) = Path(folder).rglob("*.trace.json.gz")
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    spent, calls = Counter(), Counter()
    for event in events:
        if event.get("ph") == "X" and KERNEL.match(event["name"]):
            spent[event["name"]] += event["dur"] / RUNS
            calls[event["name"]] += 1 / RUNS
    inside = {name: t for name, t in spent.items() if not name.startswith("while")}
    total = sum(inside.values())
    median = sorted(times)[len(times) // 2]
    lines = [
        f"a step takes {1e6 * median:.0f} us",
        f"profiled, its {sum(calls.values()):.0f} kernels take {total:.0f} us",
        f"{'us':>9} {'share':>6} {'calls':>6}  kernel",
    ]
    places = _places(compiled.as_text())
    for name, t in sorted(inside.items(), key=lambda item: -item[1])[:top]:
        where = places.get(name, "")
        lines.append(f"{t:9.1f} {t / total:6.0%} {calls[name]:6.0f}  {name} {where}")
    return "\n".join(lines)


def _places(text: str) -> dict[str, str]:
    """The shape and the end of the JAX name of every instruction."""
    found = re.findall(r"%(\S+) = (\S+?)(?:\{\S*)? .*?op_name=\"([^\"]*)\"", text)
    return {name: f"{shape} {'/'.join(op.split('/')[-2:])}" for name, shape, op in found}


if __name__ == "__main__":
    main()
