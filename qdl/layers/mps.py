r"""Matrix product states as data: the tensors are the features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from jax.core import Tracer

from ..arguments import check_whole
from ..refused import Refused
from .base import Layer, Wires

DENSE = 20  # wires of which all amplitudes are computed


class MatrixProductState(qp.operation.StatePrepBase):
    r"""The state $\sum_s A^1_{0 s_1} A^2_{s_2} \cdots A^n_{s_n 0} |s_1 \dots s_n\rangle$ on wires in 0.

    PennyLane's ``MPSPrep`` for a batch, of bonds that need be no powers of two, and without work wires.

    Args:
        tensors: ``([batch,] n, bond, 2, bond)``: normalised; the ends have bond 0 alone.
        wires: n wires.
    """

    ndim_params = (4,)  # pyright: ignore

    def __init__(self, tensors: Any, wires: Any, id: str | None = None):
        super().__init__(tensors, wires=wires, id=id)

    def state_vector(self, wire_order: Any = None) -> Any:
        """The amplitudes ``([batch,] 2, ..., 2)``, where they are at most 2**20."""
        return self.dense().state_vector(wire_order)

    def dense(self) -> Any:
        """The same state by its amplitudes.

        Raises:
            Refused: more than 20 wires.
        """
        n = len(self.wires)
        if n > DENSE:
            raise Refused(
                f"a matrix product state of {n} wires has 2**{n} amplitudes; at most 2**{DENSE} "
                "are computed. Use qdl.backends.tensor_network(), or cone() where few wires matter to the "
                "readout."
            )
        state: Any = amplitudes(self.data[0])
        return qp.StatePrep(state, wires=self.wires, validate_norm=False)

    def decomposition(self) -> list[Any]:
        """By amplitudes, for places that know no matrix product states."""
        return [self.dense()]

    @property
    def has_decomposition(self) -> bool:
        """Of few wires."""
        return len(self.wires) <= DENSE


@dataclass(frozen=True)
class MPSEncoding(Layer):
    r"""A matrix product state that is given as data: its tensors are the features.

    $|\psi\rangle \propto \sum_s A^1_{s_1} A^2_{s_2} \cdots A^n_{s_n} |s_1 \dots s_n\rangle$, with $A^i_s$ a
    matrix of at most ``bond_dimension`` rows and columns; $A^1$ has one row, $A^n$ one column.
    It is normalised. ``features`` makes the row of x of a list of tensors; rows stacked are a batch.
    ``tensor_network()`` takes any number of wires, ``cone()`` cuts out what the readout sees, and places
    with a state vector take up to twenty wires. Must be the first layer.

    Args:
        bond_dimension: the largest; smaller tensors are filled up with zeros.
        real: False for complex tensors, whose imaginary parts are features too.

    Params: none.

    Raises:
        ValueError: a number of features that does not fit, or a state of norm zero.

    Example:
        >>> import numpy as np
        >>> layer = MPSEncoding(2)
        >>> ghz = [np.eye(2)[None], np.eye(2)[:, :, None] * np.eye(2)[:, None], np.eye(2)[:, :, None]]
        >>> layer.features(ghz).shape, layer.n_features((0, 1, 2))
        ((24,), 24)

    Reference: Perez-Garcia, Verstraete, Wolf, Cirac, Quantum Information and Computation 7, 401 (2007),
    equation 3; Schollwock, Annals of Physics 326, 96 (2011).
    """

    first_only = True

    bond_dimension: int
    real: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("bond_dimension", self.bond_dimension, "MPSEncoding(8)", owner="MPSEncoding")
        if not isinstance(self.real, bool):
            raise TypeError(
                f"MPSEncoding needs real=True or False, got {self.real!r}. Example: "
                "MPSEncoding(8, real=False)."
            )

    def features(self, tensors: Sequence[Any]) -> np.ndarray:
        """One row of x, ``(n_features,)``, from tensors ``(left, 2, right)`` in the order of the wires.

        The first may also be ``(2, right)`` and the last ``(left, 2)``, as in PennyLane's ``MPSPrep``.
        """
        bond, parts, left = self.bond_dimension, [], 1
        for i, tensor in enumerate(tensors):
            a = np.asarray(tensor)
            if a.ndim == 2 and i in (0, len(tensors) - 1):
                a = a[None] if i == 0 else a[:, :, None]
            end = 1 if i == len(tensors) - 1 else None
            if a.ndim != 3 or a.shape[:2] != (left, 2) or (end and a.shape[2] != end):
                raise ValueError(
                    f"tensor {i} has shape {np.shape(tensor)}, expected ({left}, 2, {end or 'any'}): (left "
                    "bond, 2, right bond), with bonds of neighbours equal and 1 at both ends."
                )
            if max(a.shape[0], a.shape[2]) > bond:
                raise ValueError(
                    f"tensor {i} has shape {a.shape}, but bond_dimension={bond}. Use MPSEncoding("
                    f"{max(a.shape[0], a.shape[2])}), or compress the state."
                )
            if self.real and np.iscomplexobj(a) and np.abs(a.imag).max():
                raise ValueError(
                    f"tensor {i} is complex, and MPSEncoding({bond}) takes real ones. Use "
                    f"MPSEncoding({bond}, real=False)."
                )
            padded = np.zeros((bond, 2, bond), complex)
            padded[: a.shape[0], :, : a.shape[2]] = a
            parts.append(padded)
            left = a.shape[2]
        whole = np.stack(parts)
        if self.real:
            return whole.real.reshape(-1)
        return np.stack([whole.real, whole.imag], axis=-1).reshape(-1)

    def n_features(self, wires: Wires) -> int:
        return len(wires) * 2 * self.bond_dimension**2 * (1 if self.real else 2)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        yield MatrixProductState(normalised(self._tensors(x, wires))[0], wires=wires)

    def check(self, x: Any, wires: Wires) -> None:
        if isinstance(x, Tracer):
            self._tensors(x, wires)
            return
        with jax.ensure_compile_time_eval():  # numbers, also while a loss around them is traced
            norms = np.asarray(normalised(jnp.asarray(self._tensors(x, wires)))[1])
        wrong = np.argwhere(~(norms > 0))
        if len(wrong):
            row = f" in row {int(wrong[0][0])}" if wrong.shape[1] else ""
            raise ValueError(
                f"MPSEncoding cannot normalise a state of norm zero: got one{row}. Make rows of x with "
                "MPSEncoding.features(tensors)."
            )

    def _tensors(self, x: Any, wires: Wires) -> Any:
        """``([batch,] n, bond, 2, bond)``."""
        wanted = self.n_features(wires)
        if x is None or x.shape[-1] != wanted:
            got = "x=None" if x is None else f"x of shape {tuple(x.shape)}"
            raise ValueError(
                f"MPSEncoding({self.bond_dimension}) on {len(wires)} wires needs the {wanted} numbers of its "
                f"tensors, got {got}. Make rows of x with MPSEncoding.features(tensors)."
            )
        bond = self.bond_dimension
        if self.real:
            return x.reshape(*x.shape[:-1], len(wires), bond, 2, bond)
        pairs = x.reshape(*x.shape[:-1], len(wires), bond, 2, bond, 2)
        return pairs[..., 0] + 1j * pairs[..., 1]


def normalised(tensors: Any) -> tuple[jax.Array, jax.Array]:
    """Tensors of norm 1, and whether there was one: the last factor of the norm.

    What was contracted so far is scaled to trace 1 at each site, so that nothing overflows.
    """
    a = jnp.moveaxis(jnp.asarray(tensors), -4, 0)  # (n, ..., bond, 2, bond)
    n, bond = len(a), a.shape[-1]
    first, last = jnp.zeros(bond).at[0].set(1.0), jnp.zeros(bond).at[0].set(1.0)
    a = a.at[0].multiply(first[:, None, None]).at[n - 1].multiply(last)
    start = jnp.broadcast_to(jnp.outer(first, first).astype(a.dtype), (*a.shape[1:-3], bond, bond))

    def site(left: jax.Array, a: jax.Array) -> Any:
        size = jnp.max(jnp.abs(a), axis=(-3, -2, -1), keepdims=True)
        a = a / jnp.where(size > 0, size, 1)
        after = jnp.einsum("...ab,...asc,...bsd->...cd", left, a, a.conj())
        trace = jnp.trace(after, axis1=-2, axis2=-1).real[..., None, None]
        safe = jnp.where(trace > 0, trace, 1)
        return after / safe, (a / jnp.sqrt(safe)[..., None], trace[..., 0, 0])

    _, (scaled, traces) = jax.lax.scan(site, start, a)
    return jnp.moveaxis(scaled, 0, -4), jnp.min(traces, axis=0)


def amplitudes(tensors: Any, left: Any = None, right: Any = None) -> jax.Array:
    """The amplitudes ``([batch,] rows * 2**n * columns)``.

    Args:
        tensors: ``([batch,] n, bond, 2, bond)``.
        left: ``([batch,] rows, bond)`` in front of them; None for the one row of an end.
        right: ``([batch,] bond, columns)`` behind them; None for the one column of an end.
    """
    bond, n = tensors.shape[-1], tensors.shape[-4]
    out = jnp.eye(1, bond, dtype=tensors.dtype) if left is None else left
    out = jnp.broadcast_to(out, (*tensors.shape[:-4], *out.shape[-2:]))
    for i in range(n):
        out = jnp.einsum("...ka,...asb->...ksb", out, tensors[..., i, :, :, :])
        out = out.reshape(*out.shape[:-3], -1, bond)
    out = out @ (jnp.eye(bond, 1, dtype=tensors.dtype) if right is None else right)
    return out.reshape(*out.shape[:-2], -1)


def window(n: int, bond: int, first: int, last: int) -> tuple[int, int]:
    """The first and the last site whose wires ``cut`` needs, of n."""
    room = math.ceil(math.log2(bond))
    return max(first - room, 0), min(last + room, n - 1)


def cut(tensors: Any, first: int, last: int) -> jax.Array:
    r"""A state of fewer wires that is equal on the sites ``first`` to ``last``.

    The sites to the left become $\lceil \log_2 \mathrm{bond} \rceil$ wires that hold the bond's
    index, $\sum_\alpha \sqrt{\lambda_\alpha} |\alpha\rangle v_\alpha$ of their environment
    $\sum_\alpha \lambda_\alpha v_\alpha v_\alpha^\dagger$, and so do those to the right.

    Returns:
        The amplitudes ``([batch,] 2**m)`` on the wires of the m sites that ``window`` names.
    """
    n, bond, lead = tensors.shape[-4], tensors.shape[-1], tensors.shape[:-4]
    start, end = window(n, bond, first, last)
    left = right = None
    begin, stop = start, end
    if start > 0:
        begin = first
        left = _environment(tensors[..., :first, :, :, :], "...ab,...asc,...bsd->...cd", lead)
        left = _padded(left, 2 ** (first - start))
    if end < n - 1:
        stop = last
        behind = jnp.flip(tensors[..., last + 1 :, :, :, :], -4)
        right = _environment(behind, "...cd,...asc,...bsd->...ab", lead)
        right = jnp.swapaxes(_padded(right, 2 ** (end - last)), -1, -2)
    return amplitudes(tensors[..., begin : stop + 1, :, :, :], left, right)


def _environment(tensors: Any, rule: str, lead: tuple[int, ...]) -> jax.Array:
    """What sites make of the one row or column of an end, ``(..., bond, bond)``."""
    bond = tensors.shape[-1]
    start = jnp.zeros((*lead, bond, bond), tensors.dtype).at[..., 0, 0].set(1.0)

    def site(env: jax.Array, a: jax.Array) -> Any:
        return jnp.einsum(rule, env, a, a.conj()), None

    return jax.lax.scan(site, start, jnp.moveaxis(tensors, -4, 0))[0]


def _padded(environment: jax.Array, rows: int) -> jax.Array:
    """X ``(..., rows, bond)`` with the sum over its rows of X_b conj(X_c) = environment_bc."""
    values, vectors = jnp.linalg.eigh(environment)
    root = jnp.sqrt(jnp.clip(values, 0))[..., :, None] * jnp.swapaxes(vectors, -1, -2)
    pad = [(0, 0)] * (root.ndim - 2) + [(0, rows - root.shape[-2]), (0, 0)]
    return jnp.pad(root, pad)
