"""How a bound goes when the width is doubled: not down, by equal steps, or by steps that double too."""

from __future__ import annotations

from collections.abc import Sequence

STILL = 0.25  # log2 that a bound may fall in each of the last doublings
EQUAL, ROOM = 1.25, 0.5  # the last step is at most so many times the first one, and so much more
DOUBLING = 1.5  # steps of a law exp(-c n) double; those of exp(-c n / log n) come near
STEPS = 2  # doublings that are needed


def growth(values: Sequence[float]) -> str | None:
    r"""The law of $y = \log_2 v$ at widths $n, 2n, 4n, \dots$, or None where the steps show none.

    $v \sim n^{-c}$ falls by the same step c with every doubling, $2^{-cn}$ by steps that double,
    $n^{-c \log n}$ by steps that grow by the same amount: that is neither.

    Example:
        >>> growth([-3, -3, -3]), growth([-2, -4, -6, -8]), growth([-2, -4, -8, -16])
        ('constant', 'polynomial', 'exponential')
        >>> growth([-9, -16, -25, -36]) is None
        True
    """
    steps = [a - b for a, b in zip(values, values[1:], strict=False)]
    if len(steps) < STEPS:
        return None
    late = steps[-3:]  # small widths are bent most
    first, last = late[0], late[-1]
    if max(late[-STEPS:]) <= STILL:
        return "constant"
    if last < 0:
        return None
    if last >= 2 and all(b >= DOUBLING * a > 0 for a, b in zip(late, late[1:], strict=False)):
        return "exponential"
    if max(late[1:]) <= EQUAL * max(first, 0) + ROOM:
        return "polynomial"
    return None
