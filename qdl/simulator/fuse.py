"""Several elements on a few wires as one matrix, built with as few operations as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .matrices import Form, constant_form, product
from .split import Affine, Angle, Dense, Element, Phase


def as_dense(elements: Sequence[Element], wires: tuple[int, ...]) -> Dense:
    """Elements in time order as one matrix on ``wires``."""
    if len(elements) == 1 and isinstance(elements[0], Dense) and elements[0].wires == wires:
        return elements[0]
    at = {wire: i for i, wire in enumerate(wires)}
    angles: list[Angle] = []
    local = []
    for element in elements:
        on = tuple(at[w] for w in element.wires)
        own: tuple[Angle, ...] = ()
        if isinstance(element, Dense):
            own = element.angles
        elif isinstance(element, Phase) and element.angle is not None:
            own = (element.angle,)
        local.append((element, on, tuple(range(len(angles), len(angles) + len(own)))))
        angles += own
    return Dense(wires, _form(local, len(wires)), tuple(angles), any(a.batched for a in angles))


Local = tuple[Element, tuple[int, ...], tuple[int, ...]]  # element, its bits, its angles' places


def _form(local: list[Local], k: int) -> Form:
    key = tuple(_key(step) for step in local)
    real = all(isinstance(e, Affine) or (isinstance(e, Dense) and e.form.real) for e, _, _ in local)
    form = Form((key, k), real, lambda angles: _build(_slots(local), angles, k))
    if any(places for _, _, places in local):
        return form
    with jax.ensure_compile_time_eval():
        return constant_form(_constant(_slots(local), k))


def _key(step: Local) -> Any:
    element, bits, places = step
    if isinstance(element, Dense):
        return element.form.key, bits, places
    if isinstance(element, Phase):
        return "phase", element.coefficient, element.angle is None, bits, places
    return element.rows if isinstance(element, Affine) else (), bits, getattr(element, "flips", ())


def _slots(local: list[Local]) -> list[tuple[type, list[Local]]]:
    """Elements of one sort side by side wherever their bits allow."""
    slots: list[tuple[type, list[Local]]] = []
    last: dict[int, int] = {}
    for step in local:
        element, bits, _ = step
        first = max((last.get(b, -1) for b in bits), default=-1)
        stays = first >= 0 and isinstance(element, Phase) and slots[first][0] is Phase
        options = range(first if stays else first + 1, len(slots))
        place = next((i for i in options if slots[i][0] is type(element)), len(slots))
        if place == len(slots):
            slots.append((type(element), []))
        slots[place][1].append(step)
        last |= dict.fromkeys(bits, place)
    return slots


def _bits(k: int) -> np.ndarray:
    return (np.arange(2**k)[:, None] >> np.arange(k - 1, -1, -1)) & 1


def _pattern(step: Local, k: int) -> np.ndarray:
    """The phase of every basis state per unit of the step's angle: ``(2**k,)``."""
    element, bits, _ = step
    assert isinstance(element, Phase)
    return element.coefficient * (-1.0) ** _bits(k)[:, list(bits)].sum(1)


def _permutation(steps: list[Local], k: int) -> np.ndarray:
    """Old basis state of every new one, for affine maps on disjoint bits."""
    new, old = _bits(k), _bits(k).copy()
    for element, bits, _ in steps:
        assert isinstance(element, Affine)
        old[:, list(bits)] = (new[:, list(bits)] @ np.array(element.rows).T + element.flips) % 2
    return old @ (1 << np.arange(k - 1, -1, -1))


def _build(slots: list[tuple[type, list[Local]]], angles: jax.Array, k: int) -> jax.Array:
    """The slots multiplied; all phases come from one product, all matrices of a form from one call."""
    factors, parts = _factors(slots, angles, k), _parts(slots, angles)
    matrix: Any = None
    for i, (kind, steps) in enumerate(slots):
        if kind is Phase:
            factor = factors[i][..., None]
            matrix = factor * (jnp.eye(2**k, dtype=factor.dtype) if matrix is None else matrix)
        elif kind is Affine:
            moved = _permutation(steps, k)
            matrix = (
                jnp.eye(2**k, dtype=angles.dtype)[moved]
                if matrix is None
                else matrix[..., moved, :]
            )
        else:
            whole = product([(parts[i, bits], bits) for bits in sorted(b for _, b, _ in steps)], k)
            matrix = whole if matrix is None else whole @ matrix
    return jnp.broadcast_to(matrix, (*angles.shape[:-1], 2**k, 2**k))


def _factors(slots: list[tuple[type, list[Local]]], angles: jax.Array, k: int) -> dict[int, Any]:
    """The diagonal ``(..., 2**k)`` of every slot of phases."""
    which = [i for i, (kind, _) in enumerate(slots) if kind is Phase]
    weights = np.zeros((angles.shape[-1], len(which), 2**k))
    fixed = np.zeros((len(which), 2**k))
    for row, i in enumerate(which):
        for step in slots[i][1]:
            if step[2]:
                weights[step[2][0], row] += _pattern(step, k)
            else:
                fixed[row] += _pattern(step, k)
    flat = angles @ jnp.asarray(weights.reshape(angles.shape[-1], -1), angles.dtype)
    phi = flat.reshape(*angles.shape[:-1], *fixed.shape) + jnp.asarray(fixed, angles.dtype)
    factor = jax.lax.complex(jnp.cos(phi), jnp.sin(phi))
    return {i: factor[..., row, :] for row, i in enumerate(which)}


def _parts(slots: list[tuple[type, list[Local]]], angles: jax.Array) -> dict[Any, Any]:
    """The matrix of every dense step, by slot and bits."""
    alike: dict[Form, list[tuple[Any, tuple[int, ...]]]] = {}
    for i, (kind, steps) in enumerate(slots):
        for element, bits, places in steps if kind is Dense else ():
            alike.setdefault(element.form, []).append(((i, bits), places))
    parts = {}
    for form, found in alike.items():
        if form.matrix is not None:
            parts |= {place: form.build(angles) for place, _ in found}
            continue
        built = form.build(angles[..., np.array([places for _, places in found])])
        parts |= {place: built[..., m, :, :] for m, (place, _) in enumerate(found)}
    return parts


def _constant(slots: list[tuple[type, list[Local]]], k: int) -> np.ndarray:
    """The same in NumPy's double precision, where no angle enters."""
    matrix: np.ndarray = np.eye(2**k)
    for kind, steps in slots:
        if kind is Phase:
            phi = np.sum([_pattern(step, k) for step in steps], axis=0)
            matrix = np.exp(1j * phi)[:, None] * matrix
        elif kind is Affine:
            matrix = matrix[_permutation(steps, k)]
        else:
            parts = [(e.form.matrix, bits) for e, bits, _ in steps]
            matrix = product(sorted(parts, key=lambda part: part[1]), k) @ matrix
    return matrix
