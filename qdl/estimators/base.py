"""What both estimators share: the arguments, training, evaluation."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    _check_sample_weight,  # pyright: ignore[reportPrivateUsage]  # named in sklearn's guide for developers
    check_is_fitted,
    validate_data,
)

from .. import threefry
from ..arguments import check_whole, is_number
from ..backends import places_of
from ..hybrid import applied
from ..training import CrossEntropy, fit
from ..training.batches import MOST
from ..training.check import check_optimizer
from .carried import Carried, carried
from .default import reuploading
from .named import named_optimizer

FUNCTIONS = {"loss", "model", "model_", "optimizer"}  # what may hold some
BLOCK = 128  # rows of every native evaluation: one shape, so that there is one compilation


class Estimator(BaseEstimator):
    """What classifier and regressor share: the arguments, training, evaluation."""

    def __init__(
        self,
        model: Any = None,
        *,
        loss: Any = None,
        optimizer: Any = None,
        steps: int | None = 300,
        batch_size: int = 32,
        seed: int = 0,
        learning_rate: float | None = None,
        warm_start: bool = False,
    ):
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.steps = steps
        self.batch_size = batch_size
        self.seed = seed
        self.learning_rate = learning_rate
        self.warm_start = warm_start

    _default: Any = staticmethod(reuploading)  # the model where none is given

    def __getstate__(self) -> Any:
        """For ``pickle`` and joblib: Optax makes transformations of functions, which ``pickle`` refuses."""
        found: Any = super().__getstate__()
        state = dict(found)
        for name in FUNCTIONS & state.keys():
            state[name] = carried(state[name])
        return state

    def __setstate__(self, state: Any) -> None:
        found = {n: v.value() if isinstance(v, Carried) else v for n, v in state.items()}
        super().__setstate__(found)

    def _steps(self) -> Any:
        """Gradient steps of ``fit``."""
        return self.steps

    def _build(self, outputs: int) -> Any:
        """The model, for as many features as X has."""
        name, width = type(self).__name__, self.n_features_in_
        model = self._default if self.model is None else self.model
        if callable(model):
            model = model(width, outputs)
        if inspect.isclass(model) or not (hasattr(model, "init") and hasattr(model, "apply")):
            raise TypeError(
                f"{name} got model = {model!r}: expected a model with init and apply, a function "
                "(n_features, n_outputs) -> model, or None for the default one. Example: "
                f"qdl.{name}(qdl.models.data_reuploading(4, 3))."
            )
        reads = getattr(model, "n_features", 0) or 0
        if 0 < reads < width:
            raise ValueError(
                f"{name} got X with {width} features, but its model reads {reads} of them. Expected "
                f"X of shape (n_samples, {reads}). Put sklearn.decomposition.PCA({reads}) before "
                "it in a pipeline, or pass model=f with f(n_features, n_outputs) -> model."
            )
        return model

    def _train(self, X: Any, y: Any, weights: Any, loss: Any) -> None:
        """Train for ``steps`` from new parameters, or from those there are with ``warm_start``."""
        self._check_numbers()
        steps = self._steps()
        rows = pool(X, y, weights, steps * self.batch_size, self.seed)
        result = fit(
            self.model_, X[rows], y[rows],
            loss=loss, optimizer=self._optimizer(whole=True), steps=steps,
            batch_size=self.batch_size, key=self._keys()[0],
            params=self.params_ if self._goes_on() else None,
        )  # fmt: skip
        self.params_ = jax.tree.map(np.asarray, result.params)
        self.opt_state_ = self._kept(jax.tree.map(np.asarray, result.state))
        self.history_, self.n_steps_ = result.history, result.step
        _pass_on(result)

    def _go_on(self, X: Any, y: Any, weights: Any, loss: Any) -> None:
        """One pass over X, from where parameters and optimizer are."""
        self._check_numbers()
        done, optimizer = getattr(self, "n_steps_", 0), self._optimizer()
        key = threefry.fold_in(self._keys()[0], done)
        params = self.params_ if done else self.model_.init(key)
        fresh = optimizer.init(params)
        state = self.opt_state_ if done else fresh
        if self._is_named() and hasattr(state, "hyperparams"):
            state = state._replace(hyperparams=fresh.hyperparams)  # the rate of now
        count = -(-len(X) // self.batch_size)
        rows = pool(X, y, weights, count * self.batch_size, self.seed + done)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", RuntimeWarning
            )  # refused below, and nothing has changed
            result = fit(
                self.model_, X[rows], y[rows],
                loss=loss, optimizer=optimizer, steps=count, batch_size=self.batch_size,
                params=params, state=state, key=key,
            )  # fmt: skip
        if result.stopped == "nan":
            raise ValueError(
                f"partial_fit met a loss or gradient that is not finite in step {result.step + 1} of "
                f"{count}; the parameters stay as they were. Lower the learning rate."
            )
        self.params_, self.opt_state_ = jax.tree.map(np.asarray, (result.params, result.state))
        self.history_, self.n_steps_ = result.history, done + result.step
        _pass_on(result)

    def _goes_on(self) -> bool:
        """Whether ``fit`` starts from the parameters of the one before."""
        return bool(self.warm_start) and hasattr(self, "params_")

    def _kept(self, state: Any) -> Any:
        """What ``partial_fit`` goes on with after ``fit``."""
        return state

    def _optimizer(self, whole: bool = False) -> Any:
        """The Optax transformation; of a ``whole`` training, or of a part of one."""
        if self._is_named():
            rate = 5e-2 if self.learning_rate is None else self.learning_rate
            return named_optimizer("adam" if self.optimizer is None else self.optimizer, rate)
        if self.learning_rate is not None:
            raise ValueError(
                f"learning_rate={self.learning_rate!r} belongs to an optimizer that is named, as "
                "optimizer='adam', but got a transformation, which has its own. Leave one of them out."
            )
        return check_optimizer(self.optimizer)

    def _is_named(self) -> bool:
        """Whether the optimizer is chosen by name, and the learning rate is an argument here."""
        return self.optimizer is None or isinstance(self.optimizer, str)

    def _check_numbers(self) -> None:
        check_whole("steps", self._steps(), owner="fit")
        check_whole("batch_size", self.batch_size, owner="fit")
        check_whole("seed", self.seed, least=0)

    def _keys(self) -> Any:
        """Of training and of evaluation."""
        return threefry.split(jax.random.key(self.seed), 2)

    def _values(self, X: np.ndarray) -> np.ndarray:
        """What the model gives for each row, ``(n, k)``, float64."""
        if not all(place.draws is None and place.compiles for place in places_of(self.model_)):
            return np.asarray(self._apply(X), float)  # every row costs: none is added
        blocks = []
        for start in range(0, len(X), BLOCK):
            block = X[start : start + BLOCK]
            filled = np.concatenate([block, np.repeat(block[:1], BLOCK - len(block), axis=0)])
            blocks.append(np.asarray(self._apply(filled), float)[: len(block)])
        return np.concatenate(blocks)

    def _apply(self, X: np.ndarray) -> Any:
        return applied(self.model_, self.params_, X, self._keys()[1])

    def _rows(
        self, X: Any, y: Any, sample_weight: Any, reset: bool, **also: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``X, y, weights`` as scikit-learn wants them, without the rows of weight 0."""
        self._refuse_text(X)
        X, y = validate_data(self, X, y, reset=reset, ensure_all_finite=False, **also)
        self._check_finite(X)
        if sample_weight is not None and not np.asarray(sample_weight).any():
            raise ValueError(
                f"all {len(X)} sample weights are zero, expected a positive one at least. "
                "Leave sample_weight out to count every row once."
            )
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        there = weights > 0
        return X[there], y[there], weights[there]

    def _features(self, X: Any) -> np.ndarray:
        """``X`` of a prediction."""
        check_is_fitted(self, "params_")
        self._refuse_text(X)
        X = validate_data(self, X, reset=False, ensure_all_finite=False)
        self._check_finite(X)
        return X

    def _refuse_text(self, X: Any) -> None:
        """Refuse words among the features by their column, with what makes numbers of them."""
        names = list(X.columns) if hasattr(X, "columns") else None
        if names is None and getattr(X, "dtype", None) is not None and X.dtype.kind not in "OUST":
            return
        if names is None and not isinstance(X, np.ndarray | list | tuple):
            return
        try:
            columns = [X[n] for n in names] if names else np.asarray(X, object).T
        except ValueError:  # rows of different lengths: scikit-learn says so
            return
        for i, column in enumerate(columns):
            if getattr(column, "dtype", np.dtype("O")).kind in "biufc":
                continue
            for row, value in enumerate(column):
                if isinstance(value, str) and not is_number(value):
                    name = f"{i} ({names[i]!r})" if names else str(i)
                    key = repr(names[i]) if names else str(i)
                    raise ValueError(
                        f"X has text in column {name}, row {row}: {value!r}, but {type(self).__name__} "
                        "expects numbers. Encode such columns: make_pipeline(make_column_transformer("
                        f"(OneHotEncoder(handle_unknown='ignore'), [{key}]), remainder=StandardScaler()), "
                        f"{type(self).__name__}()), all of sklearn.compose, .preprocessing and .pipeline."
                    )

    def _check_finite(self, X: np.ndarray) -> None:
        if np.isfinite(X).all():
            return
        row, column = (int(i) for i in np.argwhere(~np.isfinite(X))[0])
        names = getattr(self, "feature_names_in_", None)
        name = "" if names is None else f" ({names[column]!r})"
        kind = "NaN" if np.isnan(X[row, column]) else "inf"
        raise ValueError(
            f"X has {kind} in column {column}{name}, row {row}, but {type(self).__name__} expects "
            "finite numbers. Drop such rows, or put sklearn.impute.SimpleImputer() before it in a "
            "pipeline."
        )


def checked_loss(loss: Any, usual: str, unfit: str) -> Any:
    """``usual`` for None; any other loss but the one that is made for the other estimator."""
    if loss is None:
        return usual
    if loss == unfit or (unfit == "cross_entropy" and isinstance(loss, CrossEntropy)):
        raise ValueError(
            f"loss={loss!r} does not fit this estimator: expected {usual!r} or a function "
            "f(outputs, y) -> scalar. Leave loss out, or take the other estimator."
        )
    return loss


def _pass_on(result: Any) -> None:
    """Ctrl-C ends the loop around it too: an estimator in a search is one of hundreds."""
    if result.stopped == "interrupted":
        raise KeyboardInterrupt


def pool(X: np.ndarray, y: np.ndarray, weights: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Which rows training goes through: systematic resampling, each row once for its weight.

    A row of weight w stands ``size * w / sum(w)`` times, rounded up or down. The pool has the size
    of the training, not of the data, so fits of other row counts share one compilation; a large one
    is bounded and gone through several times.
    """
    if size > MOST:
        size = len(X) * max(1, MOST // len(X))
    order = np.lexsort(
        (*np.atleast_2d(y.T), *X.T)
    )  # in any order, a row twice is then the same as a weight of 2
    edges = np.cumsum(weights[order]) / weights.sum()
    points = (np.arange(size) + np.random.default_rng(seed).random()) / size
    return order[np.searchsorted(edges, points, side="right").clip(max=len(X) - 1)]
