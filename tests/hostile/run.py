"""Outcomes of hostile cases: the right value, an error in sentences, or a finding."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SECONDS, MEMORY = 10, 2 * 2**30
FAMILIES = (ValueError, TypeError, OSError)


class TooLong(BaseException):
    """A case took longer than it may."""


@dataclass
class Tally:
    """What came out of the cases; findings with what repeats them."""

    kind: str
    seed: int
    counts: Counter = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        told = ", ".join(f"{n} {name}" for name, n in sorted(self.counts.items()))
        lines = [f"{self.kind}: {told}; slowest {self.slowest:.1f} s", *self.findings]
        return "\n".join(lines)


def attack(kind: str, make: Any, cases: int, seed: int) -> Tally:
    """Run cases of a kind.

    Args:
        kind: for the report.
        make: ``rng -> function``, which does what a user would do with what has been damaged.
        cases: how many.
        seed: case i is made of ``[seed, i]``.
    """
    tally = Tally(kind, seed)
    with bounded():
        for case in range(cases):
            rng, start = np.random.default_rng([seed, case]), time.perf_counter()
            word, text = outcome(make(rng))
            tally.slowest = max(tally.slowest, time.perf_counter() - start)
            tally.counts[word] += 1
            if word == "finding":
                tally.findings.append(f"--seed {seed}, case {case}: {text}")
    return tally


def outcome(function: Any) -> tuple[str, str]:
    """``right``, ``refused`` or ``finding``, and the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signal.alarm(getattr(function, "seconds", SECONDS))
            try:
                wrong = function()
            finally:
                signal.alarm(0)
    except FAMILIES as error:
        text = str(error)
        if len(text) >= 20 and " " in text:
            return "refused", text
        return "finding", f"{type(error).__name__} without a sentence: {text!r}{_where(error)}"
    except (Exception, TooLong, MemoryError) as error:
        told = f"{function.told}: " if hasattr(function, "told") else ""
        return "finding", f"{told}{type(error).__name__}: {str(error)[:200]}{_where(error)}"
    return ("finding", wrong) if wrong else ("right", "")


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({last.filename.rpartition('/')[2]}, line {last.lineno})"


@contextlib.contextmanager
def bounded() -> Any:
    """No case may take more than ten seconds, nor two GiB more than there is now."""

    def stop(number: int, frame: Any) -> None:
        raise TooLong(f"more than {SECONDS} s")

    before, limits = signal.signal(signal.SIGALRM, stop), resource.getrlimit(resource.RLIMIT_DATA)
    with open("/proc/self/status") as status:
        now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (now + MEMORY, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
        signal.signal(signal.SIGALRM, before)
