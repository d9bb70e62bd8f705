"""The usual mistakes, tried one by one: which of them gives the values that were found?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
from pennylane.pauli import PauliWord

from ..model import QNN
from ..observables import words
from ..readout import Expval, Probabilities, Probs
from .exact import PURE, exact, reread, scaled

FACTORS = {
    "angles are negated": -1.0,
    "angles are doubled": 2.0,
    "angles are halved": 0.5,
}
TRIED = (
    "wires are reversed", "outcomes are swapped", *FACTORS, "two wires are exchanged", "wires are shifted",
    "wires are permuted",
)  # fmt: skip
BETTER = 3.0  # times closer than noise, for a mistake to be named...
USUAL = 5  # ...where so many are tried; more need more
ALL = 5  # wires up to which every permutation is tried
WIDE = 14  # wires of which all probabilities are computed
QUIET = 2.0  # root mean square of z of values that nothing happened to


def damping(values: np.ndarray, exact: np.ndarray) -> float:
    """The factor between exact values and others that fits best: noise makes it less than 1."""
    return float(np.sum(values * exact) / max(np.sum(exact**2), 1e-12))


def explain(model: QNN, params: Any, x: Any, values: np.ndarray, error: np.ndarray) -> str | None:
    """The mistake that explains the values much better than noise does: all may be damped by a factor."""

    def misfit(exact: np.ndarray) -> float:
        damped = exact * np.clip(damping(values, exact), 0.0, 1.0)
        return float(np.sqrt(np.mean(((values - damped) / error) ** 2)))

    true = exact(model, params, x)
    turned = {"outcomes are swapped": true[:, ::-1] if _probabilities(model) else -true}
    for name, factor in FACTORS.items():
        turned[name] = exact(scaled(model, factor), [params], x)
    moved = dict(_moved(model, params, x))
    scores = {}
    for candidates in (turned, moved):
        # The more mistakes there are to choose from, the closer one of them comes by chance.
        asked = BETTER * max(len(candidates) / USUAL, 1.0) ** (1 / values.size)
        scores |= {name: asked * misfit(each) for name, each in candidates.items()}
    best = min(scores.values())
    if best >= misfit(true):
        return None
    return next(name for name, score in scores.items() if score <= 1.01 * best)


def _probabilities(model: QNN) -> bool:
    return isinstance(model.measured, Probabilities)


def _moved(model: QNN, params: Any, x: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The values with the gates of each wire on another one, read as before."""
    if model.n_wires > (WIDE if _probabilities(model) else PURE):
        return
    named = dict(_permutations(model.n_wires))
    if not named:
        return
    # Gates on wire p(w), read on v: the same as the circuit as it is, read where p puts v.
    back = {name: [to.index(w) for w in range(model.n_wires)] for name, to in named.items()}
    if isinstance(model.measured, Probabilities):
        every = exact(reread(model, Probs(list(model.wires))), [params], x)
        every = every.reshape(-1, *(2,) * model.n_wires)
        for name, to in back.items():
            yield name, _marginal(every, [to[w] for w in model.measured.wires])
        return
    sums = [words(observable) for observable in model.measured.observables]
    read = {
        name: [[(_renamed(w, to), c) for w, c in terms.items()] for terms in sums]
        for name, to in back.items()
    }
    asked = list(
        dict.fromkeys(w for all in read.values() for terms in all for w, _ in terms if len(w))
    )
    found = exact(reread(model, Expval([w.operation() for w in asked])), [params], x)
    value: dict[Any, Any] = {word: found[:, i] for i, word in enumerate(asked)}
    value[PauliWord({})] = np.ones(len(found))
    for name, columns in read.items():
        yield name, np.stack([sum(c * value[w] for w, c in terms) for terms in columns], axis=-1)


def _permutations(n: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Where the gates of each wire go, with a name; the plainest first."""
    wires = tuple(range(n))
    seen = {wires}

    def fresh(name: str, to: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
        if to not in seen:  # named already
            seen.add(to)
            yield name, to

    yield from fresh("wires are reversed", wires[::-1])
    for a, b in combinations(wires, 2):
        to = tuple(b if w == a else a if w == b else w for w in wires)
        yield from fresh(f"wires {a} and {b} are exchanged", to)
    for by in range(1, n):
        yield from fresh(f"wires are shifted by {by}", tuple((w + by) % n for w in wires))
    for to in permutations(wires) if n <= ALL else ():
        moves = ", ".join(f"{w} to {v}" for w, v in enumerate(to) if w != v)
        yield from fresh(f"wires are permuted: {moves}", to)


def _renamed(word: Any, to: list[int]) -> Any:
    return PauliWord({to[wire]: letter for wire, letter in word.items()})


def _marginal(every: np.ndarray, wires: list[int]) -> np.ndarray:
    """The probabilities ``(samples, 2**len(wires))`` of some wires, in their order."""
    n = every.ndim - 1
    rest = tuple(1 + w for w in range(n) if w not in wires)
    kept = sorted(wires)
    summed = every.sum(axis=rest)
    order = [0, *(1 + kept.index(w) for w in wires)]
    return summed.transpose(order).reshape(len(every), -1)


def one_qubit(
    model: QNN, values: np.ndarray, true: np.ndarray, z: np.ndarray
) -> tuple[int, str] | None:
    """The only wire whose values are off while those that do not read it are right; and what it reads."""
    if _probabilities(model):
        return None
    reads = [set(observable.wires) for observable in model.measured.observables]
    found = []
    for wire in model.wires:
        here = np.array([wire in each for each in reads])
        if not here.any() or here.all():
            continue
        off, quiet = (float(np.sqrt(np.mean(z[:, columns] ** 2))) for columns in (here, ~here))
        if quiet < QUIET and off > 5 * max(quiet, 1.0):
            found.append((off, wire, here))
    if not found:
        return None
    _, wire, here = max(found, key=lambda each: each[0])
    factor = damping(values[:, here], true[:, here])
    return int(wire), f"{factor:.2f}"
