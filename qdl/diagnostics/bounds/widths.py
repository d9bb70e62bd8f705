"""The models of a family at widths that double, as long as reading them takes a moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pennylane as qp

from .cones import operators_of

GATES = 10_000  # of a circuit, beyond which no wider one is looked at: a second or two
DENSE = 64  # numbers of one gate or observable, beyond which no wider circuit is built


def models(build: Any, n: int, widest: int, x: Any) -> Iterator[tuple[Any, list[Any], Any]]:
    """The models of these widths, with their operators and features, unless they are too large."""
    while n <= widest:
        try:
            model = build(n)
            operators, data = operators_of(model), x(n) if callable(x) else x
        except Exception:  # a user's functions, at a width that was not asked for
            return
        yield model, operators, data
        if _dense(model, operators) or len(operators) * 4 > 2 * GATES:
            return
        n *= 2


def _dense(model: Any, operators: list[Any]) -> bool:
    """Whether there are matrices or states that would not fit at twice the width."""
    seen = [*operators, *getattr(model.measured, "observables", ())]
    return any(np.size(leaf) > DENSE for o in seen for leaf in qp.pytrees.flatten(o)[0])
