"""The classical models of every comparison, with what their tuning may choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

CONSTANTS = ("majority class", "mean of training")  # what every comparison has at its end


@dataclass(frozen=True)
class Contender:
    """One row of a comparison: how to build an estimator, and what tuning may change.

    Args:
        name: what the table calls it.
        build: ``build(seed, **settings)`` gives anything with ``fit(X, y)`` and ``predict(X)``.
        settings: for each name the values that tuning draws from: a sequence, or a distribution of
            ``scipy.stats``. Empty: nothing to tune.
        kind: ``"classical"`` or ``"quantum"``.

    Example:
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> nearest = Contender("nearest", lambda seed, k=5: KNeighborsClassifier(k), {"k": (1, 5)})
        >>> nearest.build(0, k=1).n_neighbors
        1
    """

    name: str
    build: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "classical"


def classical(
    n_features: int, n_classes: int, n_params: int | None = None, *, targets: int | None = None
) -> list[Contender]:
    """Logistic regression, an SVC, a perceptron of about ``n_params`` parameters, boosted trees, a constant.

    For numbers ridge regression, an SVR, a perceptron, boosted trees and the mean. All of them are
    scikit-learn's; features are standardised for all but the trees. The SVC has a Gaussian kernel, the
    perceptron one hidden layer (tanh; 16 units if no size is asked for).

    Args:
        n_features: columns of X.
        n_classes: labels.
        n_params: how many parameters the perceptron should have, about.
        targets: columns of y, where numbers are predicted; None for classes.

    Example:
        >>> [each.name for each in classical(4, 2, n_params=40)]
        ['logistic regression', 'SVC', 'MLP, 6 hidden', 'boosted trees', 'majority class']
    """
    from scipy.stats import loguniform

    outputs = n_classes if targets is None else (2 if targets == 1 else targets)
    hidden = 16 if n_params is None else hidden_units(n_features, outputs, n_params)
    trees = {
        "learning_rate": loguniform(2e-2, 3e-1),
        "max_depth": (1, 2, 3, 4),
        "n_estimators": (50, 100, 200),
    }
    kernel = {"C": loguniform(1e-1, 1e3), "gamma": loguniform(1e-3, 1e0)}
    penalty = {"alpha": loguniform(1e-5, 1e1)}
    network = f"MLP, {hidden} hidden"
    if targets is not None:
        several = targets > 1
        return [
            Contender("ridge regression", ridge, {"alpha": loguniform(1e-3, 1e3)}),
            Contender("SVR", partial(support_vector_regression, several), kernel),
            Contender(network, partial(perceptron_regression, hidden), penalty),
            Contender("boosted trees", partial(boosted_regression, several), trees),
            Contender(CONSTANTS[1], constant_number),
        ]
    return [
        Contender("logistic regression", logistic, {"C": loguniform(1e-3, 1e3)}),
        Contender("SVC", support_vectors, kernel),
        Contender(network, partial(perceptron, hidden), penalty),
        Contender("boosted trees", boosted_trees, trees),
        Contender(CONSTANTS[0], constant_class),
    ]


def logistic(seed: int, C: float = 1.0) -> Any:
    """Logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression

    return standardised(LogisticRegression(C=C, max_iter=1000))


def support_vectors(seed: int, C: float = 1.0, gamma: Any = "scale") -> Any:
    """A support vector machine with a Gaussian kernel."""
    from sklearn.svm import SVC

    return standardised(SVC(C=C, gamma=gamma))


def perceptron(hidden: int, seed: int, alpha: float = 1e-4) -> Any:
    """A perceptron with one hidden layer (tanh)."""
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        (hidden,), activation="tanh", solver="lbfgs", max_iter=2000, alpha=alpha, random_state=seed
    )
    return standardised(network)


def hidden_units(n_features: int, n_classes: int, n_params: int) -> int:
    """The hidden layer with which a perceptron comes closest to ``n_params`` parameters."""
    outputs = 1 if n_classes == 2 else n_classes
    per_unit = n_features + 1 + outputs  # weights in, bias, weights out
    return max(1, round((n_params - outputs) / per_unit))


def boosted_trees(seed: int, **settings: Any) -> Any:
    """Gradient-boosted trees."""
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=seed, **settings)


def constant_class(seed: int) -> Any:
    """Always the class that most rows of training have."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


def ridge(seed: int, alpha: float = 1.0) -> Any:
    """Linear regression with an L2 penalty."""
    from sklearn.linear_model import Ridge

    return standardised(Ridge(alpha=alpha))


def support_vector_regression(
    several: bool, seed: int, C: float = 1.0, gamma: Any = "scale"
) -> Any:
    """Support vector regression with a Gaussian kernel, of targets on their own scale."""
    from sklearn.svm import SVR

    return standardised(_each(SVR(C=C, gamma=gamma), several))


def perceptron_regression(hidden: int, seed: int, alpha: float = 1e-4) -> Any:
    """A perceptron with one hidden layer (tanh)."""
    from sklearn.neural_network import MLPRegressor

    network = MLPRegressor(
        hidden_layer_sizes=(hidden,),
        activation="tanh",
        solver="lbfgs",
        max_iter=2000,
        alpha=alpha,
        random_state=seed,
    )
    return standardised(network)


def boosted_regression(several: bool, seed: int, **settings: Any) -> Any:
    """Gradient-boosted trees."""
    from sklearn.ensemble import GradientBoostingRegressor

    return _each(GradientBoostingRegressor(random_state=seed, **settings), several)


def constant_number(seed: int) -> Any:
    """Always the mean of training."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor()


def _each(estimator: Any, several: bool) -> Any:
    """One estimator a target, for those that predict one."""
    from sklearn.multioutput import MultiOutputRegressor

    return MultiOutputRegressor(estimator) if several else estimator


def standardised(estimator: Any) -> Any:
    """The estimator behind a StandardScaler, fitted with it."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def n_params(estimator: Any) -> int | None:
    """How many fitted numbers an estimator holds; None if it is of no kind known here.

    For an SVC the coefficients of its support vectors, for trees their leaves.

    Example:
        >>> from sklearn.svm import SVC
        >>> n_params(SVC().fit([[0.0], [1.0]], [0, 1]))
        3
    """
    last = estimator[-1] if hasattr(estimator, "named_steps") else estimator
    if hasattr(last, "params_"):
        import jax

        return sum(np.size(leaf) for leaf in jax.tree.leaves(last.params_))
    if hasattr(last, "coefs_"):
        return sum(array.size for array in [*last.coefs_, *last.intercepts_])
    if hasattr(last, "dual_coef_"):
        return last.dual_coef_.size + last.intercept_.size
    if hasattr(last, "coef_"):
        return last.coef_.size + last.intercept_.size
    if hasattr(last, "constant_"):
        return np.size(last.constant_)
    if hasattr(last, "class_prior_"):
        return 1
    if hasattr(last, "estimators_") and not hasattr(np.ravel(last.estimators_)[0], "get_n_leaves"):
        counts = [n_params(one) for one in last.estimators_]
        return None if None in counts else sum(count or 0 for count in counts)
    if hasattr(last, "estimators_"):
        return sum(tree.get_n_leaves() for tree in np.ravel(last.estimators_))
    return getattr(last, "n_params", None)
