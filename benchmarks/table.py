"""How long one waits for one's own table: ``python -m benchmarks.table``, ``--write`` for README.md.

A table of 400 made-up customers, the one of ``docs/table.md``: from ``qdl train`` to the figures in a process
of its own, with an empty cache of compiled programs and with a full one, and with ten seeds.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import report
from .machine import cpu_name

PAGE = Path(__file__).resolve().parent.parent / "docs" / "table.md"
TRAIN = ("train", "data.csv", "--target", "churn")
RUNS = (
    ("qdl train, nothing compiled before", "a", TRAIN),
    ("the same again, compiled before", "a", TRAIN),
    ("ten seeds, nothing compiled before", "b", (*TRAIN, "--seeds", "10")),
    ("the same again, compiled before", "b", (*TRAIN, "--seeds", "10")),
    ("a target that is not there", "a", (*TRAIN[:3], "chrun")),
)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        code = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)[0]
        subprocess.run([sys.executable, "-c", code], cwd=place, check=True)
        rows = [(name, *seconds(words, place, place / cache)) for name, cache, words in RUNS]
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    lines = [
        f"- {when}, {cpu_name()}, {os.cpu_count()} cores; load average at the start {load:.2f}.",
        "",
        "| | s | CPU s |",
        "|---|---|---|",
        *(f"| {name} | {wall:.1f} | {cpu:.1f} |" for name, wall, cpu in rows),
    ]
    print("\n".join(lines))
    if arguments.write:
        report.write("\n".join(lines), "table")


def seconds(words: tuple[str, ...], place: Path, cache: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    environment |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
    root = str(PAGE.parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from qdl.cli import app; app()", *words],
        cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


if __name__ == "__main__":
    main()
