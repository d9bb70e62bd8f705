"""Training: ``fit``, what it returns, and the losses it knows by name."""

from .history import Report
from .loop import Fit, fit
from .losses import CrossEntropy, MeanSquaredError

__all__ = ["CrossEntropy", "Fit", "MeanSquaredError", "Report", "fit"]
