r"""How far shots move values: what was promised, and what repeated values show.

An observable whose words can be read in one basis scatters by $\langle O^2 \rangle - \langle O \rangle^2$ a
shot, or by $\sum_j c_j^2 (1 - \langle P_j \rangle^2)$ where each word has shots of its own: the larger is
taken. Words of several bases may err together, and never by more than the sum of their errors.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backends.place import Place
from ..model import QNN
from ..observables import words
from ..readout import Expval, Probabilities
from .exact import exact, reread

SURE = 1e-5  # chance that honest shots are called too few
MOST = 64  # words of an observable whose square is written out


def one_shot(model: QNN, params: Any, x: Any, seen: np.ndarray | None) -> np.ndarray:
    """The standard deviation of one outcome of each value, ``(samples, k)``.

    Args:
        model: the model.
        params: its parameters.
        x: features.
        seen: the values ``(samples, k)`` of a place with noise, which scatter more than exact ones; or None.
    """
    if isinstance(model.measured, Probabilities):
        p = exact(model, params, x).clip(0, 1)
        variance = p * (1 - p)
        if seen is not None:
            variance = np.maximum(variance, seen.clip(0, 1) * (1 - seen.clip(0, 1)))
        return np.sqrt(variance)
    sums = [_words(observable) for observable in model.measured.observables]
    squares = [_square(terms) for terms in sums]
    found = list(dict.fromkeys(w for terms in [*sums, *squares] for w in terms if len(w)))
    if not found:
        return np.zeros_like(exact(model, params, x))
    values = exact(reread(model, Expval([w.operation() for w in found])), [params], x)
    of = {word: values[:, i] for i, word in enumerate(found)}
    columns = []
    for i, (terms, square) in enumerate(zip(sums, squares, strict=True)):
        column = np.sqrt(_variance(terms, square, of, len(values)))
        if seen is not None:
            weights = [abs(c) for c in terms.values()]
            most = np.sum(weights)
            one = len(weights) == 1  # its values lie in [-c, c], and so its scatter is known
            column = np.maximum(column, np.sqrt((most**2 - seen[:, i] ** 2 * one).clip(0)))
        columns.append(column)
    return np.stack(columns, axis=-1)


def _variance(terms: Any, square: Any, of: Any, samples: int) -> np.ndarray:
    apart = {word: np.sqrt((1 - of[word] ** 2).clip(0)) for word in terms}
    if not square:
        return sum((abs(c) * apart[w] for w, c in terms.items()), np.zeros(samples)) ** 2
    mean = sum((c * of[w] for w, c in terms.items()), np.zeros(samples))
    second = sum((c * (of[w] if len(w) else 1.0) for w, c in square.items()), np.zeros(samples))
    own = sum(((c * apart[w]) ** 2 for w, c in terms.items()), np.zeros(samples))
    return np.maximum(second - mean**2, own).clip(0)


def _words(observable: Any) -> dict[Any, float]:
    """The Pauli words of an observable with their coefficients; the identity does not scatter."""
    return {word: c for word, c in words(observable).items() if len(word)}


def _square(terms: dict[Any, float]) -> dict[Any, float]:
    """The words of the square of a sum that one basis reads; empty for others, and for long ones."""
    if len(terms) > MOST or any(
        a[wire] != b[wire] for a, b in combinations(terms, 2) for wire in set(a) & set(b)
    ):
        return {}
    out: dict[Any, float] = {}
    for a, c in terms.items():
        for b, d in terms.items():
            word, factor = a._matmul(b)  # the product of words, and its phase
            out[word] = out.get(word, 0.0) + float(np.real(c * d * factor))
    return out


def promised(
    model: QNN, place: Place, params: Any, x: Any, seen: np.ndarray, key: jax.Array
) -> np.ndarray:
    """The standard error of each value of one call, ``(samples, k)``, from the draws of the place."""
    if place.draws is None:
        return np.zeros_like(seen)
    inputs = [None] if x is None else list(np.reshape(x, (-1, np.shape(x)[-1])))
    keys = jax.random.split(key, len(inputs))
    own = [
        place.standard_error(model.circuit, params, x, k) for x, k in zip(inputs, keys, strict=True)
    ]
    deviation = one_shot(model, params, x, seen if place.noisy else None) / np.sqrt(place.draws)
    if own[0] is None:
        return deviation
    return np.maximum(deviation, np.stack(own))


def with_rounding(error: np.ndarray, outcomes: int | None) -> np.ndarray:
    """A standard error plus one outcome, which no number of equal outcomes excludes, and rounding."""
    rounding = max(100 * float(jnp.finfo(jnp.result_type(float)).eps), 1e-9)
    return error + rounding + (0.0 if outcomes is None else 1 / outcomes)


def spread(repeated: np.ndarray, error: np.ndarray) -> tuple[float, bool, bool]:
    r"""The variance of repeated values over the one promised; whether it is surely above, or none at all.

    $\sum s^2 / \sum \sigma^2$, which is $\chi^2/\nu$; values of one sample may share outcomes, so that
    $\nu$ counts samples, by their weight in the sum.

    Args:
        repeated: values ``(repeats, samples, k)``.
        error: promised standard errors ``(samples, k)``.
    """
    from scipy.special import chdtri

    weight = np.sum(error**2, axis=1)
    if len(repeated) < 2 or not weight.sum():
        return 1.0, False, False
    found = repeated.var(axis=0, ddof=1)
    ratio = float(found.sum() / weight.sum())
    freedom = (len(repeated) - 1) * weight.sum() ** 2 / np.sum(weight**2)
    return ratio, ratio > chdtri(freedom, SURE) / freedom, not found.any()
