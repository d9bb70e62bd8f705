r"""How angles are distributed, as far as second moments can tell: $\varphi(t) = E\,e^{it\theta}$."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..initializers import beta, gaussian, small_angle, uniform

ZERO = 1e-12  # moments below this are rounding


def known(law: Any) -> bool:
    """True where the moments of the law can be computed: an initialiser of qdl, or a fixed number."""
    return isinstance(law, uniform | small_angle | gaussian | beta | float)


def characteristic(law: Any, t: Any) -> np.ndarray:
    r"""$E\,e^{it\theta}$ for real ``t`` of any shape.

    Args:
        law: an initialiser of ``qdl.initializers``, or a number for an angle that does not vary.
        t: frequencies.

    Example:
        >>> from qdl.initializers import gaussian, uniform
        >>> abs(characteristic(uniform(), np.array([1.0, 2.0]))).tolist()
        [0.0, 0.0]
        >>> round(float(characteristic(gaussian(1.0), 1.0).real), 4)  # exp(-1/2)
        0.6065
    """
    t = np.asarray(t, float)
    if isinstance(law, small_angle):
        law = uniform(-law.scale, law.scale)
    if isinstance(law, uniform):
        half = (law.high - law.low) / 2
        out = np.sinc(t * half / np.pi) * np.exp(0.5j * t * (law.low + law.high))
    elif isinstance(law, gaussian):
        out = np.exp(-0.5 * (law.std * t) ** 2) + 0j
    elif isinstance(law, beta):
        from scipy.special import hyp1f1

        out = hyp1f1(law.a, law.a + law.b, 1j * t)
    else:
        out = np.exp(1j * t * float(law))
    return np.where(abs(out) < ZERO, 0, out)


def turns(law: Any, scale: float = 1.0) -> bool:
    """True for the law of a uniform angle: no first and no second moment of its sine and cosine."""
    return bool((characteristic(law, np.array([1.0, 2.0]) * scale) == 0).all())
