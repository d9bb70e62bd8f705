"""The frequencies that a circuit's encodings allow: sums of what each gate adds that reads a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from pennylane.operation import CVOperation, ParameterFrequenciesUndefinedError

from ..refused import Refused

MOST = 2**16  # frequencies, or points of a grid
TURNS = 1e3  # units of the lattice in the largest frequency of one gate, beyond which there is none
FINE = 1e-12  # of the largest frequency: the digits of sums without a unit
SERIES = "its values are no Fourier series of the features"


@dataclass(frozen=True)
class Frequencies:
    """All sums of the frequencies of a circuit's gates.

    Attributes:
        vectors: ``(m, n_features)``, in ascending order, with the opposite of each one.
        units: for each feature what its components are whole multiples of; None where there is no such
            number, so that the values have no period.
    """

    vectors: np.ndarray
    units: np.ndarray | None

    @property
    def multiples(self) -> np.ndarray:
        """The vectors in units, whole numbers."""
        assert self.units is not None
        return np.rint(self.vectors / self.units).astype(int)


def gate_frequencies(model: Any, params: Any) -> list[np.ndarray]:
    r"""For each angle that reads features, the frequencies that it adds: ``(count, n_features)``.

    An angle $w \cdot x + b$ of a gate with the frequencies $f$ adds $0$ and $\pm f w$.

    Raises:
        Refused: an angle that is no linear function of the features, numbers that are no angles, gates
            whose frequencies PennyLane does not know, modes of light.
    """
    n = model.n_features
    rng = np.random.default_rng(0)
    params = jax.tree.map(np.asarray, params)
    start = rng.uniform(0.2, 1.0, n)
    moved = [start, *(start + step for step in np.eye(n)), -rng.uniform(2.0, 20.0, n), 3 * start]
    drawn = [model.circuit.operators(params, x) for x in moved]
    names = [[(o.name, o.wires) for o in operators] for operators in drawn]
    if any(each != names[0] for each in names):
        raise Refused(f"the circuit has other gates for other features, so {SERIES}.")
    found = []
    for operators in zip(*drawn, strict=True):
        for slot, numbers in enumerate(zip(*(o.data for o in operators), strict=True)):
            numbers = [np.asarray(number) for number in numbers]
            if all(np.array_equal(number, numbers[0]) for number in numbers):
                continue
            slopes = _slopes(operators[0], numbers, moved)
            steps = [f * slopes for f in _of_gate(operators[0], slot)]
            found.append(np.array([0 * slopes, *steps, *(-step for step in steps)]))
    return found


def _of_gate(operator: Any, slot: int) -> tuple[float, ...]:
    try:
        return operator.parameter_frequencies[slot]
    except ParameterFrequenciesUndefinedError:
        raise Refused(
            f"{operator.name} reads features on wires {operator.wires.tolist()}, and no frequencies are "
            f"known of it, so that {SERIES} as far as is known. Encode by rotations."
        ) from None


def _slopes(operator: Any, numbers: list[np.ndarray], points: list[np.ndarray]) -> np.ndarray:
    """What an angle grows by with each feature; refused where it is no linear function of them."""
    n, where = len(points[0]), f"{operator.name} on wires {operator.wires.tolist()}"
    if isinstance(operator, CVOperation):
        raise Refused(
            f"{where} is a gate on a mode of light, which has no periods: {SERIES}. Use a circuit of qubits."
        )
    if any(number.ndim or np.iscomplexobj(number) for number in numbers):
        raise Refused(
            f"{where} holds features in a state or a matrix, not in an angle, so {SERIES}. Encode by "
            "rotations, as AngleEncoding does."
        )
    single = any(number.dtype == np.float32 for number in numbers)
    values = np.array(numbers, float)
    slopes = values[1 : n + 1] - values[0]
    expected = values[0] + (np.array(points) - points[0]) @ slopes
    digits = 1e-5 if single else 1e-9
    if not np.allclose(values, expected, rtol=digits, atol=digits * (1 + np.abs(values).max())):
        raise Refused(
            f"the angle of {where} is no linear function of the features, so {SERIES}. Put the function "
            "before the circuit, and ask about the circuit of what it gives."
        )
    return _plain(slopes, 5 if single else 11)


def _plain(values: np.ndarray, digits: int) -> np.ndarray:
    """Without the rounding of the differences that they come from."""
    largest = np.abs(values).max()
    if largest == 0:
        return values
    scale = 10.0 ** (digits - np.floor(np.log10(largest)))
    return np.rint(values * scale) / scale


def all_sums(gates: list[np.ndarray]) -> Frequencies:
    """Every sum of one frequency of each gate.

    Raises:
        Refused: more than can be evaluated.

    Example:
        >>> two = [np.array([[0.0], [s], [-s]]) for s in (1.0, 1.0)]
        >>> all_sums(two).vectors.ravel().tolist()
        [-2.0, -1.0, 0.0, 1.0, 2.0]
    """
    steps = np.concatenate(gates)
    n = steps.shape[1]
    units = np.array([_unit(np.abs(steps[:, j])) for j in range(n)])
    regular = not np.isnan(units).any()
    scale = units if regular else np.full(n, FINE * np.abs(steps).max())
    total = np.zeros((1, n), int)
    for each in gates:
        whole = np.rint(each / scale).astype(int)
        total = np.unique((total[:, None] + whole).reshape(-1, n), axis=0)
        if not regular:
            total = _merged(total)
        if len(total) > MOST:
            raise Refused(
                f"the {len(gates)} angles that read features add up to more than {MOST} frequencies. Take "
                "fewer encodings or features."
            )
    total = np.unique(np.concatenate([total, -total]), axis=0)  # to the last digit symmetric
    return Frequencies((total if regular else _merged(total)) * scale, units if regular else None)


def _merged(whole: np.ndarray) -> np.ndarray:
    """Without those that differ by the rounding of sums alone."""
    rounded = np.rint(whole / 1e4).astype(int)
    return whole[np.sort(np.unique(rounded, axis=0, return_index=True)[1])]


def _unit(values: np.ndarray) -> float:
    """The largest number that all are whole multiples of; NaN if there is none worth the name.

    Example:
        >>> _unit(np.array([0.0, 1.5, 1.0])), bool(np.isnan(_unit(np.array([1.0, 2**0.5]))))
        (0.5, True)
    """
    largest, unit = values.max(), 0.0
    if largest == 0:
        return 1.0
    for value in values:
        a, b = max(unit, value), min(unit, value)
        while b > 1e-7 * largest:
            a, b = b, abs(a - np.rint(a / b) * b)
        unit = a
    whole = np.rint(values / unit)
    if largest / unit > TURNS or not np.allclose(whole * unit, values, rtol=0, atol=1e-7 * largest):
        return float("nan")
    seen = whole > 0  # the unit from the values, not from what is left of them
    return float((values[seen] / whole[seen]).mean())
