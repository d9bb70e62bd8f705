"""Scikit-learn estimators: a QNN in a pipeline, a grid search, a cross-validation."""

from .chosen import chosen_decay
from .classifier import QNNClassifier
from .default import decaying_adam, reuploading, reuploading_head
from .regressor import QNNRegressor

__all__ = [
    "QNNClassifier",
    "QNNRegressor",
    "chosen_decay",
    "decaying_adam",
    "reuploading",
    "reuploading_head",
]
