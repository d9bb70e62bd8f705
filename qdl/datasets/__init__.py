"""Data for classification: real and generated, seeded, offline, ready for angle encodings.

Every function returns a ``Dataset`` with ``X_train, y_train, X_test, y_test``. Features are
float64, by default angles in ``[0, pi]``; labels are integers ``0 .. k-1``. Whatever is fitted
(projection, scaling) is fitted on the training part alone.
"""

from .generated import bars_and_stripes, hidden_manifold, linearly_separable, two_curves
from .images import digits, mnist
from .prepare import Dataset
from .tables import breast_cancer, iris, wine

__all__ = [
    "Dataset",
    "bars_and_stripes",
    "breast_cancer",
    "digits",
    "hidden_manifold",
    "iris",
    "linearly_separable",
    "mnist",
    "two_curves",
    "wine",
]
