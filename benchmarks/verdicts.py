"""Verdicts against what is known: ``python -m benchmarks.verdicts``.

Prints one table: family, widths, truth, verdict, what decided it, seconds; for exact values and with shots.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import jax

from qdl.backends import statevector
from qdl.diagnostics import gradient_variance
from qdl.diagnostics.result.sweep import Sweep

from .truths import TRUTHS, Truth

UNDECIDED = ("inconclusive", "below what shots resolve")


def sweep(truth: Truth, seed: int) -> Sweep:
    """The family at its widths, without shots."""
    return gradient_variance(truth.build, truth.widths, key=jax.random.key(seed))


def sampled(truth: Truth, shots: int, seed: int, samples: int | None, known: Sweep | None) -> Sweep:
    """The family on at most 10 wires with shots; structure and exact moments from a sweep that has them."""
    place, key = statevector(shots=shots), jax.random.key(seed)
    widths = [n for n in truth.widths if n <= 10]
    found = gradient_variance(lambda n: truth.build(n).on(place), widths, samples=samples, key=key)
    if known is None:
        return found
    return replace(found, family=lambda: known.bounds, moments=lambda: known.predicted)


def judged(kind: str, words: tuple[str, ...]) -> str:
    """Right, undecided or wrong."""
    return "right" if kind in words else "undecided" if kind in UNDECIDED else "WRONG"


def main() -> None:
    """Measure, judge and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--only", default="", help="families whose name holds this")
    parser.add_argument("--shots", type=int, nargs="*", default=[100, 10_000])
    parser.add_argument("--samples", type=int, default=100, help="draws with shots")
    parser.add_argument("--seed", type=int, default=0, help="the first key")
    parser.add_argument("--keys", type=int, default=1, help="how many")
    parser.add_argument("--quick", action="store_true", help="leave out the slow families")
    args = parser.parse_args()
    print("| family | widths | values | truth | verdict | | decided by | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    counts = {shots: {"right": 0, "undecided": 0, "WRONG": 0} for shots in (None, *args.shots)}
    for name, truth in TRUTHS.items():
        if args.only not in name:
            continue
        if args.quick and truth.slow:
            continue
        known = None
        for shots in (None, *args.shots):
            for seed in range(args.seed, args.seed + args.keys):
                begun = time.perf_counter()
                if shots is None:
                    found = sweep(truth, seed)
                else:
                    found = sampled(truth, shots, seed, args.samples, known)
                    known = known or found
                for subject, words in ((None, truth.words), ("cost", truth.cost or truth.words)):
                    verdict = found.verdict_of(subject)
                    said = judged(verdict.kind, words)
                    counts[shots][said] += 1
                    if args.keys > 1 and said != "WRONG":
                        continue  # of many keys the table has what is wrong alone
                    widths = f"{found.sizes[0]} to {found.sizes[-1]}"
                    values = "exact" if shots is None else f"{shots:,} shots"
                    what = "" if subject is None else "Var C, "
                    seconds = time.perf_counter() - begun
                    print(
                        f"| {name} | {widths} | {what}{values} | {' or '.join(words)} ({truth.source}) | "
                        f"{verdict.kind} | {said} | {verdict.argument} | {seconds:.1f} |",
                        flush=True,
                    )
                if all(point.exact for point in found.points(None)):
                    break  # no key would change it
    for shots, each in counts.items():
        values = "exact" if shots is None else f"{shots:,} shots"
        print(f"{values}: " + ", ".join(f"{count} {said}" for said, count in each.items()))


if __name__ == "__main__":
    main()
