"""Named circuits: plain functions that return a QNN made of layers anybody could have written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import pi
from typing import TYPE_CHECKING, Any

import pennylane as qp

from .backends import fock
from .layers import (
    QAOA,
    AngleEncoding,
    Convolution,
    Entangler,
    Evolution,
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

if TYPE_CHECKING:
    from .qaoa import QAOASampler

__all__ = [
    "QAOASampler",
    "data_reuploading",
    "hamiltonian_variational",
    "hardware_efficient",
    "mcclean",
    "qaoa",
    "qcnn",
    "strongly_entangling",
]


def __getattr__(name: str) -> Any:
    if name == "QAOASampler":  # on first use: circuits alone need no samplers
        from .qaoa import QAOASampler

        return QAOASampler
    raise AttributeError(f"module 'qdl.models' has no attribute {name!r}; it has {__all__}")


def __dir__() -> list[str]:
    return sorted(__all__)


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


def qcnn(
    n: int,
    block: str = "su4",
    stop_at: int = 1,
    head: bool = True,
    *,
    pattern: str = "ring",
    shared: bool = True,
) -> QNN:
    """Angle encoding, then convolution and pooling until at most ``stop_at`` wires are left.

    Any number of wires from 2 on; every level keeps half of them, rounded up.

    Args:
        n: number of wires, and of features.
        block: the two-qubit block, a name of ``Convolution``.
        stop_at: pool while more wires than this are active.
        head: end with a fully connected part, one strongly entangling layer on the wires left.
        pattern: which wires a convolution joins: ``"ring"``, ``"chain"``, or ``"pairs"`` for a tree, which
            ``qdl.backends.classical()`` trains exactly on a thousand wires.
        shared: one set of parameters for all blocks of a level, and for all its poolings.

    Raises:
        ValueError: fewer than 2 wires, or a ``stop_at`` outside of 1 to ``n``.

    Example:
        >>> qcnn(8).active
        (0,)
        >>> qcnn(6, stop_at=2).active
        (0, 4)
        >>> qcnn(64, pattern="pairs", shared=False, head=False).n_params  # 63 pairs of 17
        1071

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
        layers += [Convolution(block, shared, pattern=pattern), Pooling(shared=shared)]
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


def qaoa(h: Any, J: Any, depth: int) -> QNN:
    r"""QAOA of an Ising problem: its energy after ``depth`` times cost and mixer, a readout to minimise.

    $$f(\gamma, \beta) = \langle E \rangle, \qquad E = \sum_i h_i Z_i + \sum_{i<j} J_{ij} Z_i Z_j, \qquad
    |\psi\rangle = \prod_{k=p}^{1} e^{-i \beta_k \sum X} e^{-i \gamma_k E}\, |+\rangle^{\otimes n} .$$

    Spins are $s_i = \pm 1$, the signs of ``qdl.ising``; a measured bit b is the spin 1 - 2b. The angles start
    with an annealing ramp, see ``qdl.layers.QAOA``; another mixer, or costs of other words, is a
    ``QNN(n, [QAOA(cost, mixer, depth=p)], readout=...)``.

    Args:
        h: fields ``(n,)``.
        J: couplings, ``(n, n)`` upper triangular or ``qdl.ising.Bipartite``.
        depth: p.

    Params: ``[{"start": None, "turns": [gamma, beta]}]``, each ``(depth, 1)``: gamma in radians over the
        unit of
    h and J, beta in radians.

    Raises:
        ValueError: no Ising problem, a problem without any field or coupling, a depth below 1.

    Example:
        >>> import jax, qdl
        >>> model = qaoa([0.0, 0.0], [[0.0, 1.0], [0.0, 0.0]], depth=1)
        >>> found = qdl.fit(model, loss=lambda energy: energy.sum(), steps=100, key=jax.random.key(0))
        >>> round(float(model.apply(found.params)[0]), 3)
        -1.0

    Reference: Farhi, Goldstone, Gutmann, arXiv:1411.4028 (2014).
    """
    import numpy as np

    from .ising.energy import as_dense, check_problem

    h, J = check_problem(h, J)
    if h.ndim != 1:
        raise ValueError(
            f"qaoa is the circuit of one problem, but h has shape {h.shape}. Make one for each h[i]."
        )
    dense = as_dense(J)
    terms = [(float(h[i]), "Z", (int(i),)) for i in np.flatnonzero(h)]
    pairs = np.argwhere(dense).tolist()
    terms += [(float(dense[i, j]), "ZZ", (i, j)) for i, j in pairs]
    if not terms:
        raise ValueError(
            f"the problem of {len(h)} spins has no field and no coupling, so that all its states have the "
            "energy 0. Pass h or J with a number other than 0."
        )
    cost = Evolution(terms)
    return QNN(len(h), [QAOA(cost, depth=depth)], readout=Expval(cost.observable()))


def hamiltonian_variational(n: int, groups: Sequence[Any], depth: int, *, start: Any = None) -> QNN:
    r"""``depth`` times the evolution under each group of Pauli words; the energy of all of them is read out.

    $$f(\theta) = \langle H \rangle, \quad H = \sum_g H_g, \quad
    |\psi\rangle = \prod_{k} \prod_g e^{-i \theta_{kg} H_g}\, |\psi_0\rangle .$$

    Args:
        n: number of wires.
        groups: lists of terms, as those of ``qdl.layers.Evolution``; each has one parameter a layer.
        depth: number of layers.
        start: a layer, or a list of layers, that prepares $|\psi_0\rangle$, best the ground state of one of
            the groups: ``qdl.layers.Hadamards()`` is that of $-\sum X$. None for $|0 \dots 0\rangle$, that of
            $-\sum Z$.

    Params: one array ``(depth, 1)`` for each group, behind those of ``start``.

    Raises:
        ValueError: no groups, or terms that do not fit the wires.

    Example:
        >>> from qdl.layers import Hadamards
        >>> ising = [(-1.0, "ZZ", (0, 1)), (-1.0, "ZZ", (1, 2))]
        >>> field = [(-0.5, "X", (i,)) for i in range(3)]
        >>> model = hamiltonian_variational(3, [ising, field], 2, start=Hadamards())
        >>> model.n_params, model.readout.size(model.active)
        (4, 1)

    Reference: Wecker, Hastings, Troyer, Physical Review A 92, 042303 (2015); Wiersema et al., PRX Quantum 1,
    020319 (2020).
    """
    if isinstance(groups, str) or not isinstance(groups, Sequence) or not groups:
        raise ValueError(
            f"hamiltonian_variational needs a list of groups of terms, got {groups!r}. Example: "
            '[[(1.0, "ZZ", (0, 1))], [(0.5, "X", (0,)), (0.5, "X", (1,))]].'
        )
    parts = [group if isinstance(group, Evolution) else Evolution(group) for group in groups]
    before = [] if start is None else [start] if isinstance(start, Layer) else list(start)
    with qp.QueuingManager.stop_recording():
        energy = qp.sum(*(part.observable() for part in parts)).simplify()
    return QNN(n, [*before, Repeat(parts, depth)], readout=Expval(energy))


def _tilt(params: Any, x: Any, wires: Iterable[int]) -> Iterable[Any]:
    """RY(pi/4) on every wire, so that no drawn axis leaves the start unchanged."""
    for wire in wires:
        yield qp.RY(pi / 4, wires=wire)


def _at_least_two(n: int, owner: str) -> None:
    if n < 2:
        raise ValueError(
            f"{owner} needs n >= 2 wires, got {n!r}. Use data_reuploading for a single wire."
        )
