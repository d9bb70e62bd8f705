"""Published results of quantum neural networks, reproduced: ``python -m benchmarks.accuracy``."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import time
from importlib.metadata import version

from . import report
from .evidence.row import Row, table, verdict
from .machine import cpu_name

# One file of benchmarks/evidence a study; each is imported when it is run.
STUDIES: tuple[str, ...] = (
    "hur",
    "default",
    "few_samples",
    "iris",
    "reuploading",
    "phases",
    "cartpole",
)
PACKAGES = ("qdl", "jax", "pennylane", "scikit-learn")


def main() -> None:
    """Run the studies, print the table, write it if asked for."""
    arguments = _arguments()
    load, start = os.getloadavg()[0], time.perf_counter()
    rows: list[Row] = []
    notes: list[str] = []
    for name in arguments.studies:
        print(f"{name} ...", flush=True)
        study = importlib.import_module(f"benchmarks.evidence.{name}")
        found = study.rows(arguments.seeds or study.SEEDS)
        rows += found
        notes.append(study.NOTE)  # how its settings were chosen
        if arguments.write and hasattr(study, "picture"):
            study.picture(found, report.README.parent)
    text = page(rows, notes, load, time.perf_counter() - start)
    print(text)
    if arguments.write:
        report.write(text, "accuracy")


def page(rows: list[Row], notes: list[str], load: float, seconds: float) -> str:
    """What stands between the markers of README.md: the machine, the table, who is ahead, how."""
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = (
        f"- {when}, {cpu_name()}, {os.cpu_count()} cores; load average at the start {load:.2f}; "
        f"{seconds:.0f} s in all.\n- {packages}."
    )
    how = "\n".join(f"- {note}" for note in notes)
    return "\n\n".join([machine, table(rows), verdict(rows), how])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument(
        "--seeds", type=int, help="fewer than a study's own number, for a quick look"
    )
    parser.add_argument(
        "--write", action="store_true", help="put table and pictures into benchmarks/"
    )
    arguments = parser.parse_args()
    if arguments.write and (arguments.seeds or arguments.studies != list(STUDIES)):
        parser.error(
            "--write replaces the whole table, so it needs all studies with all their seeds. "
            "Leave out --studies and --seeds, or --write."
        )
    return arguments


if __name__ == "__main__":
    main()
