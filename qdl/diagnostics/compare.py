"""The same circuit with several initialisers, or at several depths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from ..initializers import beta, gaussian, identity_blocks, small_angle, uniform
from .gradients import gradient_variance
from .result.sweep import Sweep
from .result.variance import GradientVariance

INITIALIZERS = {
    "uniform": uniform(), "small_angle": small_angle(), "gaussian": gaussian(), "beta": beta(2.0, 5.0),
    "identity_blocks": identity_blocks(),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Comparison:
    """Gradient variances of one circuit by the name of its initialiser.

    Attributes:
        results: a ``Sweep`` for each, or a ``GradientVariance`` for a single model.
        left_out: initialisers that the circuit cannot take, with the reason.
    """

    results: dict[str, Any]
    left_out: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.results[name]

    def table(self) -> str:
        """The squared norm and what each makes of the first one, the largest component, the cost."""
        lines = [
            f"{'initialiser':<16} {'wires':>5} {'|grad C|^2':>10} {'times':>9} {'largest':>10} "
            f"{'Var C':>10}  engine"
        ]
        first: dict[int, float] = {}
        for name, result in self.results.items():
            for row in result if isinstance(result, Sweep) else [result]:
                base = first.setdefault(row.n_wires, row.squared_norm)
                times = f"{row.squared_norm / base:>9.3g}" if base > 0 else f"{'-':>9}"
                lines.append(
                    f"{name:<16} {row.n_wires:>5} {row.squared_norm:>10.3e} {times} "
                    f"{row.maximum:>10.3e} {row.cost_variance:>10.3e}  {row.method}"
                )
        lines += [f"left out {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)


def compare_initializers(
    model_or_build: Any,
    n_wires: Iterable[int] | None = None,
    *,
    initializers: Mapping[str, Any] | None = None,
    key: jax.Array,
    **options: Any,
) -> Comparison:
    """The gradient of one circuit with each of several initialisers.

    They are compared by the expected squared norm of the gradient, with the largest component and the
    variance of the cost beside it. An initialiser moves the start, not the landscape: a gradient that it
    raises is that of the first step.

    Args:
        model_or_build: a QNN, or a function of the width that returns one.
        n_wires: the widths; None for a single QNN.
        initializers: by name; None for those of ``qdl.initializers`` with their default spread. The
            first is what the others are compared with.
        key: a JAX key, the same for all.
        options: of ``gradient_variance``.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Entangler, Repeat, Rotation
        >>> model = qdl.QNN(4, Repeat([Rotation("xy"), Entangler("cz")], 6), readout=qdl.ExpZ(0))
        >>> found = compare_initializers(model, key=jax.random.key(0))
        >>> found["gaussian"].cost_variance < found["uniform"].cost_variance  # close to the identity
        True
        >>> list(found.left_out)  # this circuit has no Mirrored blocks
        ['identity_blocks']

    Reference: Zhang, Liu, Hsieh, Tao, NeurIPS 35, 18612 (2022); Grant et al., Quantum 3, 214 (2019).
    """
    widths = None if n_wires is None else list(n_wires)
    given = INITIALIZERS if initializers is None else dict(initializers)
    results, left_out = {}, {}
    for name, initializer in given.items():
        try:
            results[name] = gradient_variance(
                model_or_build, widths, initializer=initializer, key=key, **options
            )
        except ValueError as error:
            if initializers is not None and not isinstance(initializer, identity_blocks):
                raise
            left_out[name] = str(error).split(". ")[0]
    return Comparison(results, left_out)


def depth_sweep(
    build: Callable[[int, int], Any],
    n_wires: int,
    depths: Iterable[int],
    *,
    key: jax.Array,
    **options: Any,
) -> Sweep:
    r"""Gradient variance against depth at one width: with ``Noise`` layers, noise-induced decay.

    Pauli noise that damps a letter by $\lambda$ damps a word of weight w by $\lambda^{2w}$ in the variance,
    at every layer, whatever the angles: more depth is exponentially less gradient. The verdict's rate is the
    slope of log2 v per layer.

    Args:
        build: ``build(n, depth)`` returns the model.
        n_wires: the width.
        depths: the depths.
        key: a JAX key.
        options: of ``gradient_variance``; ``parameter`` is which component is followed.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Entangler, Noise, Repeat, Rotation
        >>> def build(n, depth):
        ...     block = [Rotation("xy"), Entangler("cz"), Noise("depolarizing", 0.05)]
        ...     return qdl.QNN(n, Repeat(block, depth), readout=qdl.ExpZ(0))
        >>> sweep = depth_sweep(build, 3, (8, 12, 16, 20, 24), key=jax.random.key(0))
        >>> sweep.verdict == "exponential"
        True

    Reference: Wang et al., Nature Communications 12, 6961 (2021).
    """
    rows: list[GradientVariance] = []
    for depth in map(int, depths):
        own = jax.random.fold_in(key, depth)
        [row] = gradient_variance(build, (n_wires,), depth=lambda _, d=depth: d, key=own, **options)
        rows.append(row)
    return Sweep(tuple(rows), options.get("parameter"), "on the axis", axis="depth")
