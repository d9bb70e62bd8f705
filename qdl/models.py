"""Named circuits: plain functions that return a QNN made of layers anybody could have written."""

from __future__ import annotations

from collections.abc import Iterable
from math import pi
from typing import Any

import pennylane as qp

from .backends import fock
from .layers import (
    AngleEncoding,
    Convolution,
    Entangler,
    Layer,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Template,
)
from .model import QNN
from .photonic import (
    Displacement,
    DisplacementEncoding,
    Interferometer,
    Kerr,
    Quadrature,
    Squeezing,
)
from .readout import Expval, Readout


def hardware_efficient(n: int, depth: int) -> QNN:
    r"""Angle encoding, then ``depth`` times $R_Z$, $R_Y$ on every wire and a chain of CNOTs.

    Args:
        n: number of wires, and of features.
        depth: number of repetitions.

    Example:
        >>> hardware_efficient(4, 3).n_params
        24

    Reference: Kandala et al., Nature 549, 242 (2017).
    """
    return QNN(n, [AngleEncoding(), Repeat([Rotation("zy"), Entangler("cnot", "chain")], depth)])


def strongly_entangling(n: int, depth: int) -> QNN:
    """Angle encoding, then ``depth`` times any rotation on every wire and a ring of CNOTs.

    Args:
        n: number of wires, and of features.
        depth: number of repetitions.

    Example:
        >>> strongly_entangling(4, 3).n_params
        36

    Reference: Schuld, Bocharov, Svore, Wiebe, Physical Review A 101, 032308 (2020), range r = 1.
    """
    return QNN(n, [AngleEncoding(), Repeat([Rotation("zyz"), Entangler("cnot", "ring")], depth)])


def data_reuploading(n: int, depth: int) -> QNN:
    """``depth`` times: the features with trained scales, any rotation, a ring of CZ.

    Args:
        n: number of wires, and of features.
        depth: number of repetitions.

    Example:
        >>> data_reuploading(4, 3).n_params
        48

    Reference: Perez-Salinas, Cervera-Lierta, Gil-Fuster, Latorre, Quantum 4, 226 (2020).
    """
    block = [AngleEncoding(trainable=True), Rotation("zyz"), Entangler("cz", "ring")]
    return QNN(n, Repeat(block, depth))


def qcnn(n: int, block: str = "su4", stop_at: int = 1, head: bool = True) -> QNN:
    """Angle encoding, then convolution and pooling until at most ``stop_at`` wires are left.

    Any number of wires from 2 on; every level keeps half of them, rounded up.

    Args:
        n: number of wires, and of features.
        block: the two-qubit block, a name of ``Convolution``.
        stop_at: pool while more wires than this are active.
        head: end with a fully connected part, one strongly entangling layer on the wires left.

    Raises:
        ValueError: fewer than 2 wires, or a ``stop_at`` outside of 1 to ``n``.

    Example:
        >>> qcnn(8).active
        (0,)
        >>> qcnn(6, stop_at=2).active
        (0, 4)

    Reference: Cong, Choi, Lukin, Nature Physics 15, 1273 (2019); Hur, Kim, Park, Quantum Machine
    Intelligence 4, 3 (2022).
    """
    _at_least_two(n, "qcnn")
    if not 1 <= stop_at <= n:
        raise ValueError(
            f"qcnn needs stop_at between 1 and {n}, got {stop_at!r}: the number of wires left for "
            "the readout. Use stop_at=1 for one output."
        )
    layers: list[Layer] = [AngleEncoding()]
    left = n
    while left > stop_at:
        layers += [Convolution(block), Pooling()]
        left = (left + 1) // 2
    if head:
        layers.append(Rotation("zyz"))
        if left > 1:
            layers.append(Entangler("cnot", "ring"))
    return QNN(n, layers)


def cvqnn(n_modes: int, depth: int, *, cutoff: int, readout: Readout | None = None) -> QNN:
    """A photonic network: displacements by the features, then ``depth`` layers of modes, on ``fock(cutoff)``.

    A layer is an interferometer, squeezers, an interferometer, displacements and Kerr gates: weights,
    bias and nonlinearity, ``2 m^2 + 4 m`` parameters on m modes. They start close to zero.

    Args:
        n_modes: number of modes, and of features.
        depth: number of layers.
        cutoff: photon numbers 0 to cutoff - 1 in each mode; ``qdl.certify`` says whether it is enough.
        readout: what is measured; None for the quadrature x of every mode.

    Example:
        >>> model = cvqnn(2, 4, cutoff=10)
        >>> model.n_params, model.place.cutoff
        (64, 10)

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019).
    """
    layer = [Interferometer(), Squeezing(), Interferometer(), Displacement(), Kerr()]
    layers = [DisplacementEncoding(), Repeat(layer, depth)]
    return QNN(n_modes, layers, Quadrature() if readout is None else readout, place=fock(cutoff))


def mcclean(n: int, depth: int) -> QNN:
    r"""The barren-plateau circuit: $R_Y(\pi/4)$ on every wire, then random axes and CZ chains.

    The readout is $\langle Z_0 Z_1 \rangle$; there are no features.

    Args:
        n: number of wires, at least 2.
        depth: number of repetitions.

    Raises:
        ValueError: fewer than 2 wires.

    Example:
        >>> mcclean(4, 50).readout.size((0, 1, 2, 3))
        1

    Reference: McClean, Boixo, Smelyanskiy, Babbush, Neven, Nature Communications 9, 4812 (2018).
    """
    _at_least_two(n, "mcclean")
    layers = [Template(_tilt), Repeat([RandomRotation(), Entangler("cz", "chain")], depth)]
    return QNN(n, layers, readout=Expval(qp.Z(0) @ qp.Z(1)))


def _tilt(params: Any, x: Any, wires: Iterable[int]) -> Iterable[Any]:
    """RY(pi/4) on every wire, so that no drawn axis leaves the start unchanged."""
    for wire in wires:
        yield qp.RY(pi / 4, wires=wire)


def _at_least_two(n: int, owner: str) -> None:
    if n < 2:
        raise ValueError(
            f"{owner} needs n >= 2 wires, got {n!r}. Use data_reuploading for a single wire."
        )
