"""``python -m tests.fuzz --cases N --seed S [--only I] [--place NAME ...]``: random models, on all places.

A case is one model on one place in one precision. Every difference is printed with what repeats it.
"""

import argparse
import contextlib
import os
import sys
from pathlib import Path

# Compiling is what takes the time, and what is compiled runs once.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK}"
sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.run import PLACES_AND_OTHERS, Tally, cases  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one model")
    parser.add_argument("--place", action="append", choices=list(PLACES_AND_OTHERS))
    parser.add_argument("--smaller", action="store_true", help="shrink what differs")
    given = parser.parse_args()
    tally, places = Tally(given.seed), given.place or list(PLACES_AND_OTHERS)
    with contextlib.suppress(KeyboardInterrupt):
        for case in cases(given.seed, given.only, places, given.smaller):
            tally.add(case)
            if tally.counts.total() >= given.cases:
                break
    print(tally)
    sys.exit(bool(tally.different))


main()
