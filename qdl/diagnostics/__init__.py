"""What a circuit is like: is it trainable?"""

from .gradients import GradientVariance, gradient_variance

__all__ = ["GradientVariance", "gradient_variance"]
