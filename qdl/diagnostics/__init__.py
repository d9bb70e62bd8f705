"""What a circuit is like: is it trainable?"""

from .gradients import gradient_variance
from .result import Certificate, GradientVariance, Sweep
from .verdict import Verdict

__all__ = ["Certificate", "GradientVariance", "Sweep", "Verdict", "gradient_variance"]
