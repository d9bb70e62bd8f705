"""How parameters start: functions ``f(key, shape, dtype)``, as in ``jax.nn.initializers``.

Each factory returns a small frozen object, so models that hold one compare by value and pickle.
Give it to a layer (``Rotation(initializer=...)``) or to the whole model (``QNN(..., initializer=...)``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite, pi
from typing import Any, ClassVar

import jax

from . import threefry

__all__ = ["beta", "gaussian", "identity_blocks", "small_angle", "uniform"]

Initializer = Callable[..., jax.Array]


def _positive(owner: str, **values: Any) -> None:
    for name, value in values.items():
        if not (isinstance(value, int | float) and isfinite(value) and value > 0):
            raise ValueError(
                f"{owner} needs {name} > 0, got {value!r}. Example: {owner}({name}=0.1)."
            )


@dataclass(frozen=True)
class uniform:
    r"""Uniform over $[\mathrm{low}, \mathrm{high})$ radians: a full turn unless said otherwise.

    Args:
        low: lower end, radians.
        high: upper end, radians.

    Raises:
        ValueError: ``low`` is not below ``high``.

    Example:
        >>> import jax
        >>> uniform(0.0, 1.0)(jax.random.key(0), (2, 3), float).shape
        (2, 3)
    """

    low: float = 0.0
    high: float = 2 * pi

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"uniform needs low < high, got low={self.low!r} and high={self.high!r}. "
                "Swap them; small_angle(scale) is symmetric about zero."
            )

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Draw an array."""
        return threefry.uniform(key, shape, dtype, self.low, self.high)


@dataclass(frozen=True)
class small_angle:
    r"""Uniform over $[-\mathrm{scale}, \mathrm{scale})$ radians: a circuit close to the identity.

    Args:
        scale: half the width, radians.

    Raises:
        ValueError: ``scale`` is not above zero.

    Example:
        >>> import jax
        >>> bool(abs(small_angle(0.01)(jax.random.key(0), (5,), float)).max() < 0.01)
        True

    Reference: Holmes, Sharma, Cerezo, Coles, PRX Quantum 3, 010313 (2022).
    """

    scale: float = 0.1

    def __post_init__(self) -> None:
        _positive("small_angle", scale=self.scale)

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Draw an array."""
        return threefry.uniform(key, shape, dtype, -self.scale, self.scale)


@dataclass(frozen=True)
class gaussian:
    r"""Normal with mean zero and standard deviation ``std`` radians.

    A standard deviation of order $1/\sqrt{L}$ for depth $L$ keeps gradients from vanishing.

    Args:
        std: standard deviation, radians.

    Raises:
        ValueError: ``std`` is not above zero.

    Example:
        >>> import jax
        >>> gaussian(0.1)(jax.random.key(0), (4,), float).shape
        (4,)

    Reference: Zhang, Liu, Hsieh, Tao, NeurIPS 35, 18612 (2022).
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        _positive("gaussian", std=self.std)

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Draw an array."""
        return self.std * jax.random.normal(key, shape, dtype)


@dataclass(frozen=True)
class beta:
    r"""The Beta distribution on $[0, 1]$ radians, density $\propto t^{a-1}(1-t)^{b-1}$.

    Args:
        a: first shape parameter.
        b: second shape parameter.

    Raises:
        ValueError: ``a`` or ``b`` is not above zero.

    Example:
        >>> import jax
        >>> beta(2.0, 5.0)(jax.random.key(0), (3,), float).shape
        (3,)

    Reference: Kulshrestha, Safro, IEEE QCE 2022, 197 (BEINIT).
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        _positive("beta", a=self.a, b=self.b)

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Draw an array."""
        return jax.random.beta(key, self.a, self.b, shape, dtype)


@dataclass(frozen=True)
class identity_blocks:
    r"""Starts both halves of ``Mirrored`` with equal parameters: $U(\theta)^\dagger U(\theta) = 1$.

    The circuit starts as the identity, where its gradient does not vanish with the width.

    Args:
        base: how the halves themselves are drawn.

    Raises:
        ValueError: parameters outside of ``Mirrored`` are asked for.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Mirrored, Rotation
        >>> model = qdl.QNN(2, [Mirrored(Rotation("zyz"))], initializer=identity_blocks())
        >>> [halves] = model.init(jax.random.key(0))
        >>> bool((halves["block"] == halves["adjoint"]).all())
        True

    Reference: Grant, Wossnig, Ostaszewski, Benedetti, Quantum 3, 214 (2019).
    """

    mirrored_only: ClassVar[bool] = True  # what the layers look for

    base: Initializer = field(default_factory=uniform)

    def __post_init__(self) -> None:
        if getattr(self.base, "mirrored_only", False):
            raise ValueError(
                "identity_blocks needs a base that draws the halves, got another identity_blocks. "
                "Example: identity_blocks(gaussian(0.1))."
            )

    def __call__(self, key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Refuse: one array alone has no mirror image."""
        raise ValueError(
            f"identity_blocks() only starts the two halves of Mirrored(...), but was asked for one "
            f"array of shape {shape}. Wrap the layer in Mirrored, or give it another initializer=."
        )
