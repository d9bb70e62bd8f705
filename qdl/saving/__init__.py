"""Models and estimators on disk: ``folder`` saves and loads.

A ``model`` is described field by field and built again from the description. A ``run`` is the folder of a
training, whose checkpoints hold the parameters. An ``estimator`` is its arguments and what ``fit`` left.
"""

from .folder import load, save

__all__ = ["load", "save"]
