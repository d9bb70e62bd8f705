"""Whether a kernel concentrates: how fast its values for different samples become equal with the width."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import threefry
from ..arguments import check_whole
from ..kernels import kernel
from ..layers.base import check_key
from ..refused import Refused
from .result.intervals import of_positive_mean
from .result.point import Point
from .result.verdict import Verdict, judge

LEAST = 8  # samples whose scatter says something about the scatter of their kernel


@dataclass(frozen=True)
class KernelValues:
    """The kernel between different random samples, at one width.

    Attributes:
        n_wires: the width.
        mean: of the values off the diagonal.
        std: their standard deviation.
        variance: its square, without bias from the samples' number.
        low: lower end of the variance's 95% interval.
        high: upper end.
        standard_error: of the variance, by leaving out one sample after another.
        shots: outcomes a value at which the noise of shots is sure to be below ``std``: one over its square.
        samples: how many samples.
    """

    n_wires: int
    mean: float
    std: float
    variance: float
    low: float
    high: float
    standard_error: float
    shots: float
    samples: int

    @property
    def point(self) -> Point:
        """What the verdict looks at."""
        return Point(self.n_wires, self.variance, self.low, self.high, self.standard_error)


@dataclass(frozen=True, repr=False)
class KernelConcentration:
    """How the spread of a kernel's values goes with the width, and the verdict.

    Attributes:
        rows: one ``KernelValues`` for each width.
        kind: of the kernel.
    """

    rows: tuple[KernelValues, ...]
    kind: str

    subject = "variance of the kernel"  # read by the picture of a sweep, as the four below
    axis = "n_wires"
    parameter = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The widths."""
        return tuple(row.n_wires for row in self.rows)

    def points(self, subject: Any = None) -> tuple[Point, ...]:
        """One number by width."""
        return tuple(row.point for row in self.rows)

    def followed(self) -> dict[str, np.ndarray]:
        """The variances and their intervals, by width: ``value, low, high``."""
        return {
            name: np.array([getattr(p, name) for p in self.points()])
            for name in ("value", "low", "high")
        }

    def __getitem__(self, n_wires: int) -> KernelValues:
        if n_wires not in self.sizes:
            raise KeyError(
                f"no row for {n_wires} wires: there are {list(self.sizes)}. Use one of those."
            )
        return self.rows[self.sizes.index(n_wires)]

    @cached_property
    def verdict(self) -> Verdict:
        """Exponential, polynomial, constant, or inconclusive, of the variance off the diagonal."""
        points = self.points()
        return judge(
            self.sizes,
            [p.value for p in points],
            [p.error for p in points],
            context=f"{self.subject}, {self.kind}",
        )

    def table(self) -> str:
        """The rows as text."""
        lines = [
            f"{self.kind} kernel between {self.rows[0].samples} random samples",
            f"{'wires':>5} {'mean':>10} {'std':>10} {'variance':>10} {'95% interval':>22} {'shots':>9}",
        ]
        for row in self.rows:
            interval = f"[{row.low:.2e}, {row.high:.2e}]"
            lines.append(
                f"{row.n_wires:>5} {row.mean:>10.3e} {row.std:>10.3e} {row.variance:>10.3e} {interval:>22} "
                f"{row.shots:>9.2g}"
            )
        return "\n".join([*lines, f"verdict: {self.verdict}"])

    __repr__ = table  # what a notebook shows

    def plot(self, axes: Any = None, label: str | None = None, colour: str | None = None) -> Any:
        """Draw the variance with its interval against the width, on a logarithmic scale.

        Args:
            axes: matplotlib axes; None for a new figure.
            label: for the legend.
            colour: of the points.

        Returns:
            The axes.
        """
        from .result.picture import draw_sweep

        return draw_sweep(self, axes, label, colour)


def kernel_concentration(
    build: Callable[[int], Any],
    n_wires: Iterable[int],
    *,
    key: jax.Array,
    kind: str = "fidelity",
    gamma: float | Callable[[int], float] | None = None,
    samples: int = 60,
    draw: Callable[[jax.Array, tuple[int, int]], Any] | None = None,
) -> KernelConcentration:
    r"""How the spread of a kernel between different samples goes with the width.

    Where $\mathrm{Var}\, K(x, x')$ over pairs $x \ne x'$ falls exponentially all samples look the same to a
    machine that measures the kernel: it takes about one over the variance in outcomes to tell two values
    apart, and a model trained on fewer says the same of every new sample. The verdict is made as that of
    ``gradient_variance``, from the numbers.

    Args:
        build: ``build(n)`` returns the model on n wires.
        n_wires: the widths; a verdict needs five, over a factor of two.
        key: a JAX key for samples, and the parameters of each model by its own start.
        kind: of the kernel, ``"fidelity"`` or ``"projected"``.
        gamma: of the projected kernel, a number or a function of the width; None for 1.
        samples: how many; all their pairs are looked at.
        draw: ``draw(key, (samples, n_features))``; None for uniform over $[0, 2\pi)$.

    Returns:
        A ``KernelConcentration``: ``rows``, ``verdict``, ``table()``, ``plot()``.

    Raises:
        Refused: a place that draws shots, whose scatter is none of the kernel's.
        ValueError: fewer than 8 samples, or what ``qdl.kernel`` refuses.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding
        >>> found = kernel_concentration(
        ...     lambda n: qdl.QNN(n, [AngleEncoding()]), (1, 2, 3, 4, 5), key=jax.random.key(0))
        >>> found.verdict == "exponential"
        True

    Reference: Thanasilp, Wang, Cerezo, Holmes, Nature Communications 15, 5200 (2024).
    """
    check_whole("samples", samples, "samples=60", least=LEAST, owner="kernel_concentration")
    key = check_key(key, "kernel_concentration")
    rows = []
    for n in n_wires:
        model = build(n)
        if model.place.draws is not None:
            raise Refused(
                f"kernel_concentration looks at the scatter of kernel values, and those of {model.place!r} "
                "scatter by shots too. Ask about the exact ones: model.on(qdl.backends.statevector())."
            )
        for_params, for_x = threefry.split(threefry.fold_in(key, n), 2)
        shape = (samples, model.n_features)
        if draw is None:
            X = jax.random.uniform(for_x, shape, maxval=2 * jnp.pi)
        else:
            X = draw(for_x, shape)
        width = gamma(n) if callable(gamma) else gamma
        K = np.asarray(kernel(model, model.init(for_params), kind=kind, gamma=width)(X), float)
        rows.append(_values(model.n_wires, K))
    if not rows:
        raise ValueError(
            "kernel_concentration needs widths, got none. Example: n_wires=(2, 4, 6, 8, 10)."
        )
    return KernelConcentration(tuple(rows), kind)


def _values(n: int, K: np.ndarray) -> KernelValues:
    """Moments of a symmetric matrix off its diagonal."""
    m = len(K)
    off = K * (1 - np.eye(m))
    sums, squares = off.sum(1), (off**2).sum(1)
    mean = off.sum() / (m * (m - 1))

    def variance(total: Any, square: Any, size: int) -> Any:
        pairs = size * (size - 1)
        return square / pairs - (total / pairs) ** 2

    whole = variance(off.sum(), (off**2).sum(), m)
    without = variance(off.sum() - 2 * sums, (off**2).sum() - 2 * squares, m - 1)
    # Pairs share samples: the mean has the variance of m of them, not of m (m - 1) / 2. Leaving out
    # one sample after another sees that.
    corrected = max(m * whole - (m - 1) * without.mean(), whole / 2, 0.0)
    error = float(np.sqrt((m - 1) * np.mean((without - without.mean()) ** 2)))
    low, high = of_positive_mean(float(corrected), error)
    std = float(np.sqrt(corrected))
    shots = 1 / corrected if corrected > 0 else np.inf
    return KernelValues(n, float(mean), std, float(corrected), low, high, error, float(shots), m)
