"""``compare``: a model beside classical ones, tuned alike on the same splits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..arguments import check_whole
from .classical import Contender, classical, n_params
from .quantum import quantum, variants
from .result import Comparison, Row


def compare(
    model: Any,
    data: Any,
    *,
    key: jax.Array,
    seeds: int = 5,
    trials: int = 4,
    folds: int = 3,
    steps: int = 300,
    rows: Sequence[Contender] = (),
    say: Callable[[str], None] | None = None,
) -> Comparison:
    """Train a classifier and its rivals on the same splits, tuned with as many trials each.

    The rivals: the same quantum model without its entanglers, its Fourier surrogate, logistic
    regression, an SVC, a perceptron with as many parameters, and boosted trees. For each seed every
    contender tries its defaults and ``trials - 1`` random settings on folds of the training part,
    trains the best ones on all of it, and is scored once on the test part.

    Args:
        model: a QNN or a Hybrid; a function ``(n_features, n_outputs) -> model``; None for the
            default of ``QNNClassifier``; or a ``Contender``, which is compared with the classical
            rows alone.
        data: a data set with ``X_train, y_train, X_test, y_test``, or a function that gives one for
            a seed, so that the spread covers the split too.
        key: a JAX key: of the seeds.
        seeds: how many.
        trials: settings that each contender may try, for each seed.
        folds: of the training part, in equal proportions of the classes.
        steps: gradient steps of every quantum model.
        rows: further contenders.
        say: told in a line what is done.

    Returns:
        A ``Comparison`` with ``rows``, ``table()``, ``verdict``, ``plot()``.

    Raises:
        ValueError: seeds, trials or folds that make no sense.

    Example:
        >>> import qdl
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> nearest = Contender("nearest", lambda seed: KNeighborsClassifier())
        >>> data = qdl.datasets.iris(features=2)
        >>> result = compare(nearest, data, key=jax.random.key(0), seeds=2, trials=1)
        >>> [row.name for row in result.rows]
        ['nearest', 'logistic regression', 'SVC', 'MLP, 16 hidden', 'boosted trees']

    Reference: Bowles, Ahmed, Schuld, "Better than classical? The subtle art of benchmarking quantum
    machine learning models", arXiv:2403.07059 (2024).
    """
    _check(seeds=(seeds, 1), trials=(trials, 1), folds=(folds, 2))
    numbers = tuple(int(n) for n in jax.random.randint(key, (seeds,), 0, 2**31 - 1))
    splits = [data(n) for n in numbers] if callable(data) else [data] * seeds
    n_features, n_classes = splits[0].X_train.shape[1], len(np.unique(splits[0].y_train))
    if isinstance(model, Contender):
        first, others, left_out = model, [], []
    else:
        first = quantum("model", model, steps)
        others, left_out = variants(model, n_features, n_classes, steps)

    def run(contender: Contender) -> Row:
        row = _row(contender, splits, numbers, trials, folds)
        if say:
            say(f"{row.name}: {row.mean:.3f}, {row.seconds * seeds:.1f} s")
        return row

    head = run(first)
    others += [*classical(n_features, n_classes, head.n_params), *rows]
    results = (head, *map(run, others))
    return Comparison(results, tuple(left_out), numbers, trials, folds, callable(data))


def _row(
    contender: Contender, splits: Sequence[Any], seeds: Sequence[int], trials: int, folds: int
) -> Row:
    """Tune, train and score a contender for every seed."""
    from sklearn.exceptions import ConvergenceWarning

    start, scores, counts, chosen = time.perf_counter(), [], [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score tells
        for split, seed in zip(splits, seeds, strict=True):
            draws = list(_draws(contender.settings, trials, seed))
            chosen.append(_best(contender, draws, split, folds, seed))
            estimator = contender.build(seed, **chosen[-1]).fit(split.X_train, split.y_train)
            scores.append(_accuracy(estimator, split.X_test, split.y_test))
            counts.append(n_params(estimator))
    seconds = (time.perf_counter() - start) / len(seeds)
    known = [count for count in counts if count is not None]
    size = int(np.median(known)) if known else None
    return Row(
        contender.name, contender.kind, tuple(scores), size, len(draws), tuple(chosen), seconds
    )


def _draws(settings: Any, trials: int, seed: int) -> Iterator[dict[str, Any]]:
    """The defaults, then random settings; fewer than ``trials`` if there are no more."""
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    yield {}
    if settings and trials > 1:
        endless = any(hasattr(values, "rvs") for values in settings.values())
        count = trials - 1 if endless else min(trials - 1, len(ParameterGrid(settings)))
        for drawn in ParameterSampler(settings, count, random_state=seed):
            yield {name: getattr(v, "item", lambda v=v: v)() for name, v in drawn.items()}


def _best(contender: Contender, draws: list[Any], split: Any, folds: int, seed: int) -> Any:
    """The settings with the best mean accuracy over folds of the training part."""
    from sklearn.model_selection import StratifiedKFold

    if len(draws) == 1:
        return draws[0]
    X, y = split.X_train, split.y_train
    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, y))

    def validation(settings: dict[str, Any]) -> float:
        fits = ((contender.build(seed, **settings).fit(X[a], y[a]), b) for a, b in parts)
        return float(np.mean([_accuracy(estimator, X[b], y[b]) for estimator, b in fits]))

    return max(draws, key=validation)


def _accuracy(estimator: Any, X: Any, y: Any) -> float:
    return float(np.mean(np.asarray(estimator.predict(X)) == y))


def _check(**numbers: tuple[Any, int]) -> None:
    for name, (value, least) in numbers.items():
        example = "compare(model, data, key=key, seeds=5, trials=4, folds=3)"
        check_whole(name, value, example, least, owner="compare")
