r"""Circuits drawn with symbols for angles: $\theta_i$ is the i-th parameter, $x_i$ the i-th feature.

What an angle is follows from the numbers that a layer gives at a few points: a sum of multiples, a product,
or else a function of what it depends on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import pi
from typing import Any

import jax
import numpy as np
import pennylane as qp

from .circuit import Circuit, count
from .layers.base import Wires, is_shape

STEP = 0.5
SAME = 1e-9
OF_CONTROLLED = re.compile(r"\((\$.*\$)\)$", re.DOTALL)
PAPER: Any = {"svg.fonttype": "none", "pdf.fonttype": 42}  # text stays text


def symbolic_figure(circuit: Circuit, **options: Any) -> tuple[Any, Any]:
    """A figure and axes of Matplotlib with the circuit, its angles as symbols, and what is measured."""
    meters = [qp.expval(qp.Z(wire)) for wire in sorted(set(circuit.measured.wires))]
    return figure_of(*symbolic(circuit), meters, circuit.wires, **options)


def figure_of(
    operators: Sequence[Any],
    angles: Sequence[Sequence[str]],
    meters: Sequence[Any],
    wires: Wires,
    **options: Any,
) -> tuple[Any, Any]:
    """Gates with their angles in words, drawn by PennyLane; ``options`` go to ``qp.drawer.tape_mpl``."""
    labelled = [_labelled(*pair) for pair in zip(operators, angles, strict=True)]
    tape = qp.tape.QuantumScript(labelled, list(meters))
    options = {"show_all_wires": True, "decimals": 1} | options
    figure, axes = qp.drawer.tape_mpl(tape, wire_order=wires, **options)
    for text in axes.texts:  # those of controlled gates are PennyLane's: "RX\n($a$,\n$b$)"
        text.set_text(OF_CONTROLLED.sub(_without_brackets, text.get_text()))
    return figure, axes


def _without_brackets(found: re.Match[str]) -> str:
    return found[1].replace("$,\n$", "$\n$")


def symbolic(circuit: Circuit) -> tuple[list[Any], list[list[str]]]:
    r"""The gates of a circuit in time order, and for each its angles in LaTeX's words.

    Example:
        >>> from qdl.layers import AngleEncoding, Rotation
        >>> operators, angles = symbolic(Circuit(1, [AngleEncoding("x", scale=2.0), Rotation("z")]))
        >>> [(o.name, words) for o, words in zip(operators, angles)]
        [('RX', ['2 x_{0}']), ('RZ', ['\\theta_{0}'])]
    """
    shape, n = circuit.shape, circuit.n_features
    leaves, tree = jax.tree.flatten(shape, is_leaf=is_shape)
    sizes = [int(np.prod(leaf)) for leaf in leaves]
    size = count(shape)

    def operators(point: np.ndarray) -> list[Any]:
        parts = np.split(point[:size], np.cumsum(sizes)[:-1]) if sizes else []
        params = jax.tree.unflatten(
            tree, [p.reshape(s) for p, s in zip(parts, leaves, strict=True)]
        )
        with qp.QueuingManager.stop_recording():
            made = circuit.layers.gates(params, point[size:] if n else None, circuit.wires)
            return [part for operator in made for part in _parts(operator)]

    names = [rf"\theta_{{{i}}}" for i in range(size)] + [f"x_{{{i}}}" for i in range(n)]
    at = np.random.default_rng(0).uniform(0.2, 0.8, size + n)
    found = operators(at)
    words = _expressions(lambda point: _angles(operators(point)), at, names)
    pieces = iter(words)
    return found, [[next(pieces) for _ in _scalars(o)] for o in found]


def _parts(operator: Any) -> Iterator[Any]:
    """A template that holds arrays as the gates that it stands for; anything else as it is."""
    arrays = any(np.ndim(number) for number in operator.data)
    prepares = isinstance(operator, qp.operation.StatePrepBase)
    if arrays and operator.has_decomposition and not operator.has_matrix and not prepares:
        for part in operator.decomposition():
            yield from _parts(part)
    else:
        yield operator


def _scalars(operator: Any) -> list[Any]:
    return [number for number in operator.data if not np.ndim(number)]


def _angles(operators: Sequence[Any]) -> np.ndarray:
    numbers = [number for operator in operators for number in _scalars(operator)]
    return np.array([complex(number).real for number in numbers])


def _expressions(angles: Any, at: np.ndarray, names: Sequence[str]) -> list[str]:
    """What each angle is as a function of the numbers that it depends on."""
    here = angles(at)
    steps = STEP * np.eye(len(at))
    once = np.array([angles(at + s) - here for s in steps]).reshape(len(at), len(here))
    twice = np.array([angles(at + 2 * s) - here for s in steps]).reshape(len(at), len(here))
    moved = angles(at + STEP) - here
    doubled = angles(2 * at)
    words = []
    for k, value in enumerate(here):
        matters = np.abs(once[:, k]) + np.abs(twice[:, k]) > SAME
        on: list[int] = np.flatnonzero(matters).tolist()
        straight = np.allclose(twice[on, k], 2 * once[on, k], atol=SAME)
        if straight and abs(once[on, k].sum() - moved[k]) < SAME:
            slopes = once[on, k] / STEP
            rest = value - slopes @ at[on]
            terms = [(s, names[i]) for s, i in zip(slopes, on, strict=True)]
            words.append(_sum(terms + [(rest, "")] * bool(abs(rest) > SAME or not terms)))
            continue
        factor = value / np.prod(at[on])
        if straight and abs(doubled[k] - factor * np.prod(2 * at[on])) < SAME:
            words.append(_sum([(factor, " ".join(names[i] for i in on))]))
        else:
            words.append(f"f({', '.join(names[i] for i in on)})")
    return words


def _sum(terms: Sequence[tuple[float, str]]) -> str:
    """A sum of multiples."""
    text = ""
    for factor, name in terms:
        sign = "-" if factor < 0 else "+" if text else ""
        text += f" {sign} " if text else sign
        text += _multiple(abs(factor), name)
    return text


def _multiple(value: float, name: str) -> str:
    """A multiple as a small fraction, one of pi too, or in three digits: 2 x, pi x/3, 0.707 x."""
    for unit, symbol in ((1.0, ""), (pi, r"\pi")):
        ratio = Fraction(value / unit).limit_denominator(16)
        if abs(float(ratio) * unit - value) < SAME and ratio.numerator < 100:
            words = [symbol, name] if ratio else []
            number = "" if ratio.numerator == 1 and any(words) else str(ratio.numerator)
            top = " ".join(word for word in (number, *words) if word)
            return top if ratio.denominator == 1 else f"{top}/{ratio.denominator}"
    return f"{value:.3g} {name}".strip()


def _labelled(operator: Any, angles: Sequence[str]) -> Any:
    """The operator, drawn with its angles in words."""
    if not angles:
        return operator
    if isinstance(operator, qp.ops.Controlled):  # drawing makes its base anew from its angles
        return qp.ops.functions.bind_new_parameters(operator, [f"${each}$" for each in angles])
    label = "\n".join([operator.label(), *(f"${each}$" for each in angles)])
    operator.label = lambda **_: label
    return operator
