"""How each parameter is differentiated by a few values at moved parameters, where it can be."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backends.opened import program_of
from ...backends.program import Program
from ...layers import Adjoint, RandomRotation
from ...layers.base import is_shape
from ...reading import numbered


def program(model: Any) -> Program | None:
    """The circuit with its angles open; None where it cannot be read so."""
    try:
        return program_of(model.circuit, (model.n_features,) if model.n_features else None)
    except ValueError:  # a prepared state or a matrix that is computed
        return None


def shift_table(model: Any, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    r"""Moves and weights ``(p, terms)`` such that $\partial_k C = \sum_t w_{kt} C(\theta + s_{kt} e_k)$.

    Args:
        model: a QNN.
        wanted: ``(p,)`` booleans over all flattened parameters, those that need a rule.

    Returns:
        None where one of them is the angle of several gates, or is computed with: then the place's own
        gradient is what there is.
    """
    found = program(model)
    if found is None or not _known(found):
        return None
    starts = _starts(model)
    rules: list[list[tuple[float, float]] | None] = [[] for _ in wanted]
    used = np.zeros(len(wanted), int)
    for k in _about_drawn_axes(model, found):
        used[k], rules[k] = 1, [(0.5, np.pi / 2), (-0.5, -np.pi / 2)]
    for piece in found.pieces:
        if piece.origin[0] != "params":
            continue
        for column, index, factor in zip(piece.columns, piece.index, piece.factor, strict=True):
            at, rule = starts[piece.origin[1]] + int(index), found.rules[column]
            if rule is None:
                rules[at] = None
            elif rule and factor:
                used[at] += 1
                rules[at] = [(c * factor, s / factor) for c, s in rule]
    if any(rules[k] is None or used[k] != 1 for k in np.flatnonzero(wanted)):
        return None
    most = max((len(rules[k] or ()) for k in np.flatnonzero(wanted)), default=0)
    moves, weights = np.zeros((2, len(wanted), most))
    for k in np.flatnonzero(wanted):
        for t, (weight, move) in enumerate(rules[k] or ()):
            moves[k, t], weights[k, t] = move, weight
    return moves, weights


def outside(model: Any) -> np.ndarray:
    """True for flattened parameters that are no angle of a gate in the past of what is measured."""
    found, starts = program(model), _starts(model)
    seen = np.zeros(starts[-1], bool)
    if found is None or not _known(found):
        return seen
    seen[_about_drawn_axes(model, found)] = True
    for piece in found.pieces:
        if piece.origin[0] == "params":
            alive = [found.rules[column] != () for column in piece.columns]
            seen[starts[piece.origin[1]] + piece.index[np.array(alive, bool)]] = True
    return ~seen


def _leaves(found: Program) -> set[int]:
    """The leaf layers that compute an angle."""
    return {piece.origin[1] for piece in found.pieces if piece.origin[0] == "computed"}


def _known(found: Program) -> bool:
    """Whether every angle is a multiple of a parameter or a feature, or one about a drawn axis."""
    return all(_layer(found, part) is not None for part in _leaves(found))


def _layer(found: Program, part: int) -> RandomRotation | None:
    layer = found.parts[part][0].layer
    inner = layer.block if isinstance(layer, Adjoint) else layer
    return inner if isinstance(inner, RandomRotation) else None


def _about_drawn_axes(model: Any, found: Program) -> np.ndarray:
    """The angles of ``RandomRotation``: half a turn from one rule, whatever the axis."""
    index = numbered(model.layers.shape(model.wires))
    angles = [found.parts[part][0].params(index)["angle"].ravel() for part in _leaves(found)]
    return np.concatenate([np.zeros(0, int), *angles])


def _starts(model: Any) -> np.ndarray:
    """Where each array of the parameters begins among the flattened ones, and where the last one ends."""
    import jax

    shapes = jax.tree.leaves(model.layers.shape(model.wires), is_leaf=is_shape)
    return np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in shapes)])
