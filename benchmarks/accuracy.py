"""Published results of quantum neural networks, reproduced: ``python -m benchmarks.accuracy``."""

from __future__ import annotations

import argparse
import importlib

from .evidence.row import Row, table

# One file of benchmarks/evidence a study; each is imported when it is run.
STUDIES: tuple[str, ...] = (
    "phases",
    "cartpole",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument(
        "--seeds", type=int, help="fewer than a study's own number, for a quick look"
    )
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in arguments.studies:
        print(f"{name} ...", flush=True)
        study = importlib.import_module(f"benchmarks.evidence.{name}")
        rows += study.rows(arguments.seeds or study.SEEDS)
    print(table(rows))


if __name__ == "__main__":
    main()
