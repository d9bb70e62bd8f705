"""Gates on vectors over all Pauli words of a few wires: local matrices, and runs of Cliffords as one.

A word of n wires is an index with two bits a wire, wire 0 first; the product of two words is the exclusive
or of their indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from . import transfer
from .operators import (
    AngleGate,
    AxisRotation,
    Channel,
    Clifford,
    Element,
    FixedGate,
    PauliRotation,
)
from .transfer import Bytes
from .words import digits, with_digits

Tables = dict[tuple[int, int], np.ndarray]  # (r_out, r_in) -> matrix on words


@dataclass(frozen=True, eq=False)
class Local:
    """A gate on one or two wires: matrices by sector, and those of its derivative."""

    wires: tuple[int, ...]
    mean: np.ndarray
    slope_mean: np.ndarray
    square: Tables
    slope_square: Tables
    entry: int | None = None

    def products(self, r: int, n: int) -> list[int]:
        """The sectors that sector ``r`` feeds, going back in time."""
        local = digits(r, self.wires, n)
        return [with_digits(r, self.wires, n, out) for out, given in self.square if given == local]


@dataclass(frozen=True, eq=False)
class Run:
    """Cliffords in a row, as one signed permutation of the words, going back in time."""

    image: np.ndarray
    source: np.ndarray
    sign: np.ndarray
    entry: None = None

    def products(self, r: int, n: int) -> list[int]:
        """The one sector that sector ``r`` becomes."""
        return [int(self.image[r])]


Step = Local | Run
NoClifford = PauliRotation | AxisRotation | AngleGate | FixedGate | Channel


def steps(elements: tuple[Element, ...], n: int) -> list[Step]:
    """The circuit as steps in time order."""
    out: list[Step] = []
    run: list[Clifford] = []
    known: dict[Any, Run] = {}
    for element in [*elements, None]:
        if isinstance(element, Clifford):
            run.append(element)
            continue
        if run:
            key = tuple((e.image.tobytes(), e.sign.tobytes(), e.wires) for e in run)
            if key not in known:
                known[key] = _fuse(run, n)
            out.append(known[key])
            run = []
        if element is not None:
            out.append(local_step(element))
    return out


def _fuse(run: list[Clifford], n: int) -> Run:
    image = np.arange(4**n)
    sign = np.ones(4**n)
    for element in reversed(run):
        local = digits(image, element.wires, n)
        sign *= np.asarray(element.sign)[local]
        image = with_digits(image, element.wires, n, np.asarray(element.image)[local])
    source = np.empty_like(image)
    source[image] = np.arange(4**n)
    return Run(image, source, sign)


def local_step(element: NoClifford) -> Local:
    """The moments of a gate that is no Clifford; equal gates share theirs."""
    angle = element.angle
    if isinstance(element, FixedGate | Channel):
        parts = _fixed(Bytes(element.matrix))
    elif isinstance(element, AngleGate):
        parts = _gate(Bytes(element.samples), *element.angle.form)
    elif isinstance(element, AxisRotation):
        parts = _axes(*element.angle.form)
    else:
        parts = _rotation(element.letters, *element.angle.form)
    mean, slope_mean, square, slope_square = parts
    entry = None if angle is None else angle.parameter
    return Local(element.wires, mean, slope_mean, square, slope_square, entry)


def mean_matrix(element: Element) -> np.ndarray:
    """The mean of any gate's matrix; a Clifford's is its signed permutation."""
    if not isinstance(element, Clifford):
        return local_step(element).mean
    out = np.zeros((len(element.image),) * 2)
    out[element.image, np.arange(len(out))] = element.sign
    return out


@cache
def _fixed(matrix: Bytes) -> tuple[Any, ...]:
    h = matrix.values
    return h, np.zeros_like(h), transfer.sectors(np.einsum("qp,rs->qrps", h, h)), {}


@cache
def _gate(samples: Bytes, law: Any, scale: float) -> tuple[Any, ...]:
    return _tables(transfer.moments(samples.values, law, scale))


@cache
def _rotation(letters: tuple[int, ...], law: Any, scale: float) -> tuple[Any, ...]:
    return _tables(transfer.moments(transfer.rotation(letters), law, scale))


@cache
def _axes(law: Any, scale: float) -> tuple[Any, ...]:
    """The average over rotations about X, Y and Z."""
    each = [transfer.moments(transfer.rotation((p,)), law, scale) for p in (1, 3, 2)]
    return _tables({name: np.mean([m[name] for m in each], axis=0) for name in each[0]})


def _tables(moments: dict[str, Any]) -> tuple[Any, ...]:
    square, slope = (transfer.sectors(moments[k]) for k in ("square", "slope_square"))
    return moments["mean"], moments["slope_mean"], square, slope


def apply(matrix: np.ndarray, values: np.ndarray, wires: tuple[int, ...], n: int) -> np.ndarray:
    """A local matrix on a vector over all words."""
    if len(wires) == 1:
        right = 4 ** (n - 1 - wires[0])
        if right >= 64:
            return (matrix @ values.reshape(-1, 4, right)).reshape(-1)
        wide = np.kron(matrix, np.eye(right))  # one product with a matrix instead of many tiny ones
        return (values.reshape(-1, 4 * right) @ wide.T).reshape(-1)
    split = np.moveaxis(values.reshape((4,) * n), wires, (0, 1))
    out = (matrix @ split.reshape(16, -1)).reshape(split.shape)
    return np.moveaxis(out, (0, 1), wires).reshape(-1)
