r"""The parameter-shift rule of each angle: $f'(\theta) = \sum_s c_s f(\theta + s)$.

Reference: Schuld et al., Physical Review A 99, 032331 (2019); general frequencies: Wierichs et al.,
Quantum 6, 677 (2022), as in PennyLane.
"""

from __future__ import annotations

from typing import Any

import pennylane as qp

Rule = tuple[tuple[float, float], ...]  # (coefficient, shift in radians)


def shift_rules(operator: Any) -> list[Rule]:
    """For each angle of an operator the terms of its derivative; arrays among its numbers are left out.

    Raises:
        ValueError: PennyLane knows no frequencies of its angles.

    Example:
        >>> [rule] = shift_rules(qp.RX(0.3, 0))
        >>> [(round(coefficient, 3), round(shift, 3)) for coefficient, shift in rule]
        [(0.5, 1.571), (-0.5, -1.571)]
    """
    try:
        frequencies = operator.parameter_frequencies
    except (AttributeError, qp.exceptions.ParameterFrequenciesUndefinedError):
        raise ValueError(
            f"There is no gradient through {operator.name}: parameter shift needs the frequencies of its "
            "angles, and PennyLane knows none. Yield its decomposition into rotations, or use the exact "
            "simulator, statevector()."
        ) from None
    angles = [f for f, dim in zip(frequencies, operator.ndim_params, strict=True) if dim == 0]
    return [_rule(tuple(f)) for f in angles]


def _rule(frequencies: tuple[float, ...]) -> Rule:
    if not frequencies:
        return ()
    terms = qp.gradients.generate_shift_rule(frequencies)
    return tuple((float(c), float(s)) for c, s in terms)
