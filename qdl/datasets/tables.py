"""Small measured tables that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .prepare import ANGLES, Dataset, Range, choose, project, rescale, split


def iris(
    features: int | None = None,
    classes: Iterable[int] | None = None,
    *,
    test_size: float = 0.25,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    """Fisher's irises: 150 flowers, 4 lengths and widths in cm, 3 species.

    Args:
        features: None for all 4 columns; a number for that many principal components of the
            standardised columns.
        classes: which species (0 setosa, 1 versicolor, 2 virginica); None for all.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of the split.

    Example:
        >>> iris(classes=(0, 2)).X_train.shape
        (75, 4)

    Reference: Fisher, Annals of Eugenics 7, 179 (1936).
    """
    from sklearn.datasets import load_iris

    return _table(load_iris, features, classes, test_size, scale, seed)


def wine(
    features: int | None = None,
    classes: Iterable[int] | None = None,
    *,
    test_size: float = 0.25,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    """Chemical analysis of 178 Italian wines: 13 columns, 3 cultivars.

    Args:
        features: None for all 13 columns; a number for that many principal components of the
            standardised columns.
        classes: which of the cultivars 0, 1, 2; None for all.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of the split.

    Example:
        >>> wine(features=6).X_train.shape
        (133, 6)

    Reference: Aeberhard, Forina, "Wine", UCI Machine Learning Repository (1991),
    doi:10.24432/C5PC7J.
    """
    from sklearn.datasets import load_wine

    return _table(load_wine, features, classes, test_size, scale, seed)


def breast_cancer(
    features: int | None = None,
    *,
    test_size: float = 0.25,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    """Cell nuclei in 569 images of breast masses: 30 columns; 0 malignant, 1 benign.

    Args:
        features: None for all 30 columns; a number for that many principal components of the
            standardised columns.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of the split.

    Example:
        >>> breast_cancer(features=4).X_test.shape
        (143, 4)

    Reference: Street, Wolberg, Mangasarian, Proc. SPIE 1905, 861 (1993), doi:10.24432/C5DW2B.
    """
    from sklearn.datasets import load_breast_cancer

    return _table(load_breast_cancer, features, None, test_size, scale, seed)


def _table(
    load: Callable[..., Any],
    features: int | None,
    classes: Iterable[int] | None,
    test_size: float,
    scale: Range,
    seed: int,
) -> Dataset:
    X, y = load(return_X_y=True)
    data = split(*choose(X, y, classes), test_size, seed)
    # Columns have units of their own (cm, mg/l): standardise, or the largest numbers win.
    return rescale(project(data, features, standardize=True), scale)
