"""Cases, one after another, and what came out of them."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import jax
import numpy as np

from fuzz.compare import Verdict, compared, direction_of, judge, slope_of
from fuzz.maps import ENTERS, MAPPED, let_go, whole
from fuzz.others import OTHERS
from fuzz.trees import Drawn, draw, smaller
from fuzz.where import PLACES

PLACES_AND_OTHERS = (*PLACES, *OTHERS)
# What takes long to compile or to run: one precision for each model, in turn, and some models only.
DEAR = {
    "density_matrix": 1.0, "default.qubit": 0.4, "statevector, shots": 0.4, "trajectories": 0.5,
    "default.mixed": 0.3, "mitigated, folding": 0.4, "mitigated, readout": 0.3, "a JAX place": 0.3,
    "state": 0.6, "sample": 0.4, "kernel": 0.6, "loss, shots": 0.3, "a NumPy place": 0.4,
    "lightning.qubit": 0.6, "classical": 0.3, "cone": 0.4, "tensor_network": 0.3,
    "pauli_propagation": 0.4,
}  # fmt: skip


class Case(NamedTuple):
    index: int
    place: str
    precision: str
    verdict: Verdict
    model: str
    seconds: float


def cases(seed: int, only: int | None, places: list[str], shrink: bool = False) -> Iterator[Case]:
    """All cases of one model, or of models without end."""
    for index in count() if only is None else (only,):
        drawn = draw(seed, index)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from of_model(seed, index, drawn, places, shrink)
        let_go()


def of_model(seed, index, drawn: Drawn, places, shrink=False) -> Iterator[Case]:
    known: dict[object, float] = {}
    for number, name in enumerate(PLACES_AND_OTHERS):
        if name not in places:
            continue
        precisions = ("float64", "float32")
        if name in DEAR and len(places) > 1:
            chosen = np.random.default_rng([seed, index, number, 1]).random() < DEAR[name]
            precisions = precisions[index % 2 :][:1] if chosen else ()
        for precision in precisions:
            start = time.process_time()
            rng = np.random.default_rng([seed, index, number])
            with floats(precision):
                found = verdict(name, rng, drawn, known)
                if shrink and found is not None and found.kind == "different":
                    drawn, found = shrunk(name, seed, index, number, drawn, found)
            if found is not None:
                spent = time.process_time() - start
                yield Case(index, name, precision, found, short(drawn), spent)


@contextlib.contextmanager
def floats(precision):
    """A precision of the process: a context of JAX's holds in one thread, and places are called in others."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", precision == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def verdict(name, rng, drawn, known) -> Verdict | None:
    """Of a model on a place: of its values, and of their derivative where they are right."""
    key = jax.random.key(int(rng.integers(2**31)))
    if name in OTHERS:
        return judge(lambda: OTHERS[name](drawn, key))
    where = PLACES[name](rng, drawn)
    if where is None:
        return None
    direction = direction_of(np.random.default_rng(3), drawn)
    mapped = MAPPED[int(rng.integers(len(MAPPED)))]

    enters = ENTERS[int(rng.integers(len(ENTERS)))]

    def judged():
        params = whole(drawn.params) if enters == "whole" else drawn.params
        reference, slope = where.reference(drawn.model, params, drawn.x), None
        if where.slope and drawn.model.n_params and enters != "whole":
            if where.reference not in known:
                known[where.reference] = slope_of(where.reference, drawn, direction)
            slope = known[where.reference]
        return compared(where, drawn, reference, direction, slope, key, mapped, enters)

    return judge(judged)


def shrunk(name, seed, index, number, drawn, found):
    """The smallest model that still differs, one layer less at a time."""
    going = True
    while going:
        going = False
        for less in smaller(drawn):
            rng = np.random.default_rng([seed, index, number])
            again = verdict(name, rng, less, {})
            if again is not None and again.kind == "different":
                drawn, found, going = less, again, True
                break
    return drawn, found


def short(drawn):
    """The layers, readout and features, without what is by default."""
    x = None if drawn.x is None else drawn.x.shape
    text = f"{drawn.model.n_wires} wires, {drawn.model.layers.layers}, {drawn.model.readout}, x {x}"
    for default in (", columns=0", ", lost=False", ", initializer=None", "Sequential(layers="):
        text = text.replace(default, "")
    return " ".join(text.split())[:1500]


class Tally:
    """Counts, sentences and differences; prints as it goes."""

    def __init__(self, seed, say=print):
        self.seed, self.say, self.start = seed, say, time.perf_counter()
        self.counts: Counter = Counter()
        self.seconds: Counter = Counter()
        self.sentences: Counter = Counter()
        self.different: list[Case] = []

    def add(self, case: Case):
        self.counts[case.place, case.precision, case.verdict.kind] += 1
        self.seconds[case.place] += case.seconds
        if case.verdict.kind == "refused":
            self.sentences[case.place, case.verdict.text] += 1
        if case.verdict.kind == "different":
            self.different.append(case)
            again = f"--seed {self.seed} --only {case.index} --place '{case.place}'"
            told = f"{again}  ({case.precision})\n  {case.verdict.text}\n  {case.model}"
            self.say(f"\nDIFFERENT: {told}", flush=True)
        total = sum(self.counts.values())
        if total % 500 == 0:
            spent = time.perf_counter() - self.start
            done = f"{total} cases, {case.index + 1} models, {spent:.0f} s"
            self.say(f"{done}, {len(self.different)} different", flush=True)

    def __str__(self):
        kinds = ("right", "refused", "different")
        lines = [f"{'place':<22}" + "".join(f"{k:>11}" for k in kinds) + f"{'s a case':>11}"]
        of = Counter()
        for (place, _, kind), n in self.counts.items():
            of[place, kind] += n
        for place in PLACES_AND_OTHERS:
            row = [of[place, kind] for kind in kinds]
            if any(row):
                numbers = "".join(f"{n:>11}" for n in row)
                lines.append(f"{place:<22}{numbers}{self.seconds[place] / sum(row):>11.2f}")
        spent = time.perf_counter() - self.start
        lines.append(f"{of.total()} cases in {spent:.0f} s, {len(self.different)} different")
        told = self.sentences.most_common(60)
        return "\n".join([*lines, *(f"{n:>5}  {place}: {text}" for (place, text), n in told)])
