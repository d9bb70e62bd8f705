"""The variance of the gradient over random starts: the first question to ask of a circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

ZERO = 1e-10  # a sample variance below this is rounding: float32 gradients carry errors near 1e-7


@dataclass(frozen=True)
class GradientVariance:
    """Sample variances of one gradient component, one row per width.

    Attributes:
        n_wires: the widths.
        parameter: which component each row speaks of, an index into the flattened parameters.
        variance: its sample variance over the draws.
        standard_error: the standard error of that variance.
        samples: the number of draws behind each row.
    """

    n_wires: tuple[int, ...]
    parameter: tuple[int, ...]
    variance: tuple[float, ...]
    standard_error: tuple[float, ...]
    samples: int

    def table(self) -> str:
        """The rows as text."""
        lines = [
            f"variance of one gradient component over {self.samples} random starts",
            f"{'wires':>5}  {'parameter':>9}  {'variance':>10}  {'std. error':>10}",
        ]
        rows = zip(self.n_wires, self.parameter, self.variance, self.standard_error, strict=True)
        lines += [f"{n:>5}  {i:>9}  {v:>10.3e}  {e:>10.1e}" for n, i, v, e in rows]
        return "\n".join(lines)


def gradient_variance(
    build: Callable[[int], Any], n_wires: Iterable[int], *, key: jax.Array, samples: int = 200
) -> GradientVariance:
    r"""Sample variance of one gradient component over random initialisations, for each width.

    For every width $n$ the model ``build(n)`` draws parameters $\theta$ with its own ``init``
    (and, if it reads features, inputs uniform in $[0, 2\pi)$ radians), and the row reports
    $\mathrm{Var}_\theta[\partial_{\theta_k} f(\theta, x)]$, where $f$ is the first readout value
    and $k$ the first parameter whose derivative is not zero in all draws. A variance that falls
    exponentially with $n$ is a barren plateau.

    Args:
        build: a function from the number of wires to a model with ``init`` and ``apply``.
        n_wires: the widths.
        key: a JAX key.
        samples: random starts for each width, at least 2.

    Returns:
        The rows; ``.table()`` prints them.

    Raises:
        ValueError: if ``samples`` is below 2, a model has no parameters, or all derivatives vanish.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> rows = gradient_variance(lambda n: qdl.QNN(n, Rotation("y")), (1, 2),
        ...                          key=jax.random.key(0), samples=500)
        >>> [round(v, 1) for v in rows.variance]  # the closed form is 1/2: f = cos(angle)
        [0.5, 0.5]

    Reference: McClean, Boixo, Smelyanskiy, Babbush, Neven, Nature Communications 9, 4812 (2018).
    """
    if samples < 2:
        raise ValueError(f"a variance needs samples >= 2, got {samples}. Take 100 or more.")
    widths = tuple(int(n) for n in n_wires)
    if not widths:
        raise ValueError("gradient_variance needs at least one width. Example: n_wires=(2, 4, 6).")
    rows = [
        _component(_gradients(build(n), jax.random.fold_in(key, n), samples), n) for n in widths
    ]
    parameter, variance, error = zip(*rows, strict=True)
    return GradientVariance(widths, parameter, variance, error, samples)


@partial(jax.jit, static_argnums=(0, 2))
def _gradients(model: Any, key: jax.Array, samples: int) -> jax.Array:
    """The gradient of the first readout value at each draw, ``(samples, n_params)``."""

    def one(key: jax.Array) -> jax.Array:
        for_params, for_x = jax.random.split(key)
        d = getattr(model, "n_features", 0)
        x = jax.random.uniform(for_x, (d,), maxval=2 * jnp.pi) if d else None
        gradient = jax.grad(lambda params: model.apply(params, x)[0])(model.init(for_params))
        return ravel_pytree(gradient)[0]

    # One draw after another: on a CPU faster to compile and to run than all side by side.
    return jax.lax.map(one, jax.random.split(key, samples))


def _component(gradients: jax.Array, n: int) -> tuple[int, float, float]:
    """Index, variance and its standard error for the first component that is not always zero."""
    draws = np.asarray(gradients, float)
    alive = np.flatnonzero(draws.var(axis=0) > ZERO)
    if not alive.size:
        raise ValueError(
            f"every gradient component on {n} wires vanishes in all {len(draws)} draws, expected "
            "one that varies. Check that the readout sees the parametrised wires."
        )
    component = draws[:, alive[0]]
    variance = component.var(ddof=1)
    fourth = np.mean((component - component.mean()) ** 4)
    m = len(component)
    spread = max(fourth - variance**2 * (m - 3) / (m - 1), 0.0)  # of a sample variance, times m
    return int(alive[0]), float(variance), float(np.sqrt(spread / m))
