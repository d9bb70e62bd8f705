"""``python -m tests.hostile KIND --cases N --seed S``: damaged files, and what comes of them.

Every outcome is the right value, or an error in sentences, under ten seconds and two GiB.
"""

import argparse
import sys
import time

from .kinds import KINDS
from .run import attack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("kind", choices=[*KINDS, "all"])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failed = False
    for kind in KINDS if given.kind == "all" else [given.kind]:
        start = time.perf_counter()
        tally = attack(kind, KINDS[kind], given.cases, given.seed)
        print(f"{tally}\n  {given.cases} cases in {time.perf_counter() - start:.0f} s", flush=True)
        failed |= bool(tally.findings)
    sys.exit(failed)


main()
