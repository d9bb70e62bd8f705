"""Low-weight truncation: how well Pauli words on few wires describe a circuit's expectation value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ..pauli.circuit import pauli_circuit
from ..pauli.cones import reduced
from ..pauli.prefix import split
from .walk.certify import certify
from .walk.paths import walk_paths

SAMPLES = 2**16


@dataclass(frozen=True)
class WeightTruncation:
    r"""The error of dropping Pauli words on more than k wires while the observable is carried back.

    Attributes:
        error: ``(w + 1,)``, for k = 0 ... w the mean square $E\,(C - C_k)^2$ over random parameters.
        standard_error: ``(w + 1,)``.
        second_moment: $E\,C^2$ of the cost without its constant part.
        cone: wires of the light cone, so that there are at most ``4**cone`` words.
        samples: number of walks.
    """

    error: np.ndarray
    standard_error: np.ndarray
    second_moment: float
    cone: int
    samples: int

    def weight_for(self, relative: float = 0.01) -> int:
        """The smallest k whose error is at most this part of the second moment."""
        return int(np.flatnonzero(self.error <= relative * self.second_moment)[0])

    def words(self, k: int) -> int:
        r"""How many words on at most ``k`` wires there are, $\sum_{j=1}^k \binom{n}{j} 3^j$."""
        return sum(math.comb(self.cone, j) * 3**j for j in range(1, k + 1))


def weight_truncation(
    model: Any,
    *,
    key: jax.Array,
    samples: int = SAMPLES,
    x: Any = None,
    cost: Callable[..., Any] | None = None,
) -> WeightTruncation:
    r"""How much of the cost is lost if words on more than k wires are dropped on the way back.

    Over independent symmetric angles, different paths of words do not interfere, so that the mean
    square of the error is the share of Pauli-walk paths whose weight exceeded k somewhere. Where a
    small k is enough, a classical computer can follow the few words: on average over the model's own
    starts, not for every parameter.

    Args:
        model: a QNN with independent angles, on a place without errors.
        key: a JAX key.
        samples: number of walks, rounded up to whole chunks.
        x: features ``(n_features,)``; None for features uniform over a turn.
        cost: as in ``gradient_variance``.

    Raises:
        ValueError: where the Pauli walk is not valid, with the reason.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(4, Rotation("y"))  # no entangling gate: the word stays on one wire
        >>> found = weight_truncation(model, key=jax.random.key(0))
        >>> found.weight_for(0.01), found.words(1)
        (1, 3)

    Reference: Angrisani et al., arXiv:2409.01706 (2024); Cerezo et al., arXiv:2312.09121 (2023).
    """
    model.place.check_pure("the weight truncation")
    small = reduced(pauli_circuit(model, x, cost))
    fixed = split(small, angles=False)
    terms = certify(replace(small, elements=fixed.rest), fixed.product)
    scores, heaviest = walk_paths(small, terms, samples, key)
    scale = sum(c**2 for c, _ in terms)
    lost = [np.where(heaviest > k, scores, 0.0) for k in range(int(heaviest.max()) + 1)]
    error = np.array([each.mean() for each in lost]) * scale
    spread = np.array([each.std() for each in lost]) * scale / math.sqrt(len(scores))
    moment = float(scores.mean() * scale)
    return WeightTruncation(error, spread, moment, small.n_wires, len(scores))
