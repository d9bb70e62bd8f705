"""``compare``: a model beside classical ones, tuned alike on the same splits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from ..arguments import check_whole
from .classical import CONSTANTS, Contender, classical, n_params
from .quantum import quantum, variants
from .result import Comparison, Row
from .splits import splits_of

OF_NUMBERS = ("neg_mean", "neg_root", "neg_median", "neg_max", "r2", "explained", "d2_")
OF_CLASSES = ("d2_brier_score", "d2_log_loss_score")


def compare(
    model: Any,
    data: Any,
    *,
    key: jax.Array,
    seeds: int = 5,
    trials: int = 4,
    folds: int = 3,
    steps: int | None = None,
    scoring: Any = None,
    class_weight: Any = None,
    rows: Sequence[Contender] = (),
    say: Callable[[str], None] | None = None,
) -> Comparison:
    """Train a model and its rivals on the same splits, tuned with as many trials each.

    The rivals: the same quantum model without its entanglers, its Fourier surrogate, logistic
    regression, an SVC, a perceptron with as many parameters, boosted trees, and always the most frequent
    class; where numbers are predicted their counterparts. For each seed every contender tries its
    defaults and ``trials - 1`` random settings on folds of the training part, trains the best ones on
    all of it, and is scored once on the test part.

    Args:
        model: a QNN or a Hybrid; a function ``(n_features, n_outputs) -> model``; None for the
            default of ``QNNClassifier``; or a ``Contender``, which is compared with the classical
            rows alone.
        data: ``(X, y)`` with labels or numbers, which is split here: by repeated cross-validation below
            500 rows, else a new quarter for the test each time; or a data set with ``X_train, y_train,
            X_test, y_test``; or a function that gives one for a seed, so that the spread covers the
            split too. Numbers are predicted where y is not whole, has columns, or ``scoring`` is one for
            numbers. Or ``Splits``, made beforehand.
        key: a JAX key: of the seeds.
        seeds: how many.
        trials: settings that each contender may try, for each seed.
        folds: of the training part, in equal proportions of the classes.
        steps: gradient steps of every quantum model; None for 300, and for 600 of the default classifier.
        scoring: what is compared and tuned for: the name of a scorer of scikit-learn, as
            ``"balanced_accuracy"``, ``"f1"``, ``"roc_auc"``, ``"neg_mean_absolute_error"``, or a function
            ``(estimator, X, y) -> number`` of which more is better; None for accuracy, or R2 of numbers.
        class_weight: of the quantum models and of the classical ones that take one.
        rows: further contenders.
        say: told in a line what is done.

    Returns:
        A ``Comparison`` with ``rows``, ``table()``, ``verdict``, ``plot()``.

    Raises:
        ValueError: seeds, trials or folds that make no sense; data that do not fit together; no such scorer.

    Example:
        >>> import qdl
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> nearest = Contender("nearest", lambda seed: KNeighborsClassifier())
        >>> data = qdl.datasets.iris(features=2)
        >>> result = compare(nearest, data, key=jax.random.key(0), seeds=2, trials=1)
        >>> [row.name for row in result.rows]
        ['nearest', 'logistic regression', 'SVC', 'MLP, 16 hidden', 'boosted trees', 'majority class']

    Reference: Bowles, Ahmed, Schuld, "Better than classical? The subtle art of benchmarking quantum
    machine learning models", arXiv:2403.07059 (2024).
    """
    _check(seeds=(seeds, 1), trials=(trials, 1), folds=(folds, 2))
    name, score, of_numbers = _scorer(scoring)
    numbers = tuple(int(n) for n in jax.random.randint(key, (seeds,), 0, 2**31 - 1))
    splits = splits_of(data, numbers, of_numbers or None)
    name = name or ("r2" if splits.regression else "accuracy")
    score = score or (_r2 if splits.regression else _accuracy)
    if of_numbers is False and splits.regression:
        raise ValueError(
            f"scoring={name!r} scores classes, but y holds numbers that are not whole. "
            "Leave scoring out for R2."
        )
    if of_numbers and not splits.regression:
        raise ValueError(
            f"scoring={name!r} scores numbers, but the target of this table is one of classes. "
            "Leave scoring out for the accuracy, or take balanced_accuracy, f1_macro, roc_auc, ..."
        )
    n_features, n_classes = splits.parts[0].X_train.shape[1], splits.n_classes
    targets = n_classes if splits.regression else None
    options = {"regression": splits.regression, "class_weight": class_weight}
    options["decay"] = model is None and not splits.regression  # with and without entanglers
    if isinstance(model, Contender):
        first, others, left_out = model, [], []
    else:
        outputs = 1 if n_classes == 2 and not splits.regression else n_classes
        first = quantum("model", model, steps, **options)
        others, left_out = variants(model, n_features, outputs, steps, **options)

    _try(score, splits)

    def run(contender: Contender) -> Row:
        row = _row(contender, splits, numbers, trials, folds, score, name == "accuracy")
        if say:
            say(f"{row.name}: {row.mean:.3f}, {row.seconds * seeds:.1f} s")
        return row

    head = run(first)
    of_numbers = {"targets": targets} if splits.regression else {}
    rivals = classical(n_features, n_classes, head.n_params, **of_numbers)
    named = [_weighted(each, class_weight) for each in rivals if each.name not in CONSTANTS]
    others += [*named, *rows, *(each for each in rivals if each.name in CONSTANTS)]
    results = [head]
    for contender in others:
        try:
            results.append(run(contender))
        except AttributeError as error:
            if "predict_proba" not in str(error):
                raise
            left_out.append(f"No {contender.name}: it gives no probabilities, which {name} needs.")
    return Comparison(
        tuple(results), tuple(left_out), numbers, trials, folds, splits.new, name, splits.ratio,
        splits.tested, splits.how,
    )  # fmt: skip


def _try(score: Callable[..., Any], splits: Any) -> None:
    """Let a scorer that does not fit the data say so before anything is trained."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    split: Any = splits.parts[0]
    estimator = DummyRegressor() if splits.regression else DummyClassifier(strategy="prior")
    score(estimator.fit(split.X_train, split.y_train), split.X_test, split.y_test)


def _weighted(contender: Contender, class_weight: Any) -> Contender:
    """The contender with this class weight, where it takes one."""

    def build(seed: int, **settings: Any) -> Any:
        estimator = contender.build(seed, **settings)
        there = [name for name in estimator.get_params() if name.endswith("class_weight")]
        return estimator.set_params(**dict.fromkeys(there, class_weight))

    return contender if class_weight is None else replace(contender, build=build)


def _scorer(scoring: Any) -> tuple[str, Any, bool | None]:
    """The name of a scorer, the function, and whether it scores numbers; None where y must tell."""
    if scoring is None:
        return "", None, None
    if callable(scoring):
        return getattr(scoring, "__name__", "score"), scoring, None
    from sklearn.metrics import get_scorer, get_scorer_names

    if scoring not in get_scorer_names():
        raise ValueError(
            f"scoring must be a function (estimator, X, y) -> number or the name of a scorer, got "
            f"{scoring!r}. Names: {', '.join(get_scorer_names())}."
        )
    numbers = scoring.startswith(OF_NUMBERS) and scoring not in OF_CLASSES
    return scoring, get_scorer(scoring), numbers


def _row(
    contender: Contender,
    splits: Any,
    seeds: Sequence[int],
    trials: int,
    folds: int,
    score: Callable[..., Any],
    by_rows: bool,
) -> Row:
    """Tune, train and score a contender for every seed."""
    from sklearn.exceptions import ConvergenceWarning

    start, scores, counts, chosen = time.perf_counter(), [], [], []
    balanced, right = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score tells
        for split, seed in zip(splits.parts, seeds, strict=True):
            draws = list(_draws(contender.settings, trials, seed))
            chosen.append(_best(contender, draws, split, folds, seed, score, splits.regression))
            estimator = contender.build(seed, **chosen[-1]).fit(split.X_train, split.y_train)
            scores.append(float(score(estimator, split.X_test, split.y_test)))
            counts.append(n_params(estimator))
            if not splits.regression:
                guess = np.asarray(estimator.predict(split.X_test))
                # The mean recall of the classes that are there, as balanced_accuracy_score has it.
                there = [split.y_test == label for label in np.unique(split.y_test)]
                balanced.append(
                    float(np.mean([np.mean((guess == split.y_test)[c]) for c in there]))
                )
                right.append(guess == split.y_test)
    seconds = (time.perf_counter() - start) / len(seeds)
    known = [count for count in counts if count is not None]
    size = int(np.median(known)) if known else None
    return Row(
        contender.name, contender.kind, tuple(scores), size, len(draws), tuple(chosen), seconds,
        tuple(balanced), tuple(right) if by_rows else (),
    )  # fmt: skip


def _draws(settings: Any, trials: int, seed: int) -> Iterator[dict[str, Any]]:
    """The defaults, then random settings; fewer than ``trials`` if there are no more."""
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    yield {}
    if settings and trials > 1:
        endless = any(hasattr(values, "rvs") for values in settings.values())
        count = trials - 1 if endless else min(trials - 1, len(ParameterGrid(settings)))
        for drawn in ParameterSampler(settings, count, random_state=seed):
            yield {name: getattr(v, "item", lambda v=v: v)() for name, v in drawn.items()}


def _best(
    contender: Contender,
    draws: list[Any],
    split: Any,
    folds: int,
    seed: int,
    score: Callable[..., Any],
    regression: bool,
) -> Any:
    """The settings with the best mean score over folds of the training part."""
    from sklearn.model_selection import KFold, StratifiedKFold

    if len(draws) == 1:
        return draws[0]
    X, y = split.X_train, split.y_train
    kind: Any = KFold if regression else StratifiedKFold
    parts = list(kind(folds, shuffle=True, random_state=seed).split(X, y))

    def validation(settings: dict[str, Any]) -> float:
        fits = ((contender.build(seed, **settings).fit(X[a], y[a]), b) for a, b in parts)
        return float(np.mean([score(estimator, X[b], y[b]) for estimator, b in fits]))

    return max(draws, key=validation)


def _accuracy(estimator: Any, X: Any, y: Any) -> float:
    return float(np.mean(np.asarray(estimator.predict(X)) == y))


def _r2(estimator: Any, X: Any, y: Any) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, estimator.predict(X)))


def _check(**numbers: tuple[Any, int]) -> None:
    for name, (value, least) in numbers.items():
        example = "compare(model, data, key=key, seeds=5, trials=4, folds=3)"
        check_whole(name, value, example, least, owner="compare")
