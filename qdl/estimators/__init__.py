"""Scikit-learn estimators: a QNN in a pipeline, a grid search, a cross-validation."""

from .classifier import QNNClassifier
from .default import decaying_adam, reuploading, reuploading_head
from .regressor import QNNRegressor

__all__ = [
    "QNNClassifier",
    "QNNRegressor",
    "decaying_adam",
    "reuploading",
    "reuploading_head",
]
