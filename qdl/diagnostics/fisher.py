"""How many directions of parameter space matter: quantum and classical Fisher information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import simulator
from ..pauli.parameters import parameters
from .expressivity import one_sample
from .outcomes import Of, outcome_of, read_wires, summed


@dataclass(frozen=True, repr=False)
class FisherSpectrum:
    r"""Eigenvalues of the Fisher information at random parameters.

    Attributes:
        eigenvalues: ``(draws, p)``, largest first.
        rank: the largest rank among the draws.
        kind: ``"quantum"`` or ``"classical"``.
        threshold: eigenvalues below this part of the largest count as zero: $\epsilon^{4/3}$ for
            numbers rounded to $\epsilon$, so that float64 tells more than float32.
    """

    eigenvalues: np.ndarray
    rank: int
    kind: str
    threshold: float

    def __repr__(self) -> str:
        """The rank, and the range of the eigenvalues that count."""
        draws, p = self.eigenvalues.shape
        seen = self.eigenvalues[self.eigenvalues > self.threshold * self.eigenvalues.max()]
        ends = f", eigenvalues {seen.min():.2g} to {seen.max():.2g}" if seen.size else ""
        return f"rank {self.rank} of {p} ({self.kind} Fisher information, {draws} draws{ends})"

    def plot(self, axes: Any = None, label: str | None = None) -> Any:
        """Draw which share of the eigenvalues is how large, in units of their mean.

        Many near 0 and few large ones mean that few directions matter; equal ones stand at 1.

        Args:
            axes: matplotlib axes, such as those of another spectrum; None for a new figure.
            label: for the legend, beside the rank.

        Returns:
            The axes; ``axes.figure.savefig("fisher.pdf")`` writes the picture.

        Reference: Abbas et al., Nature Computational Science 1, 403 (2021), Fig. 2.
        """
        from .result.spectra import draw_fisher

        return draw_fisher(self, axes, label)


def quantum_fisher(model: Any, params: Any, x: Any = None) -> np.ndarray:
    r"""The quantum Fisher information of the state at some parameters.

    $F_{ij} = 4\,\mathrm{Re}\,(\langle\partial_i\psi|\partial_j\psi\rangle -
    \langle\partial_i\psi|\psi\rangle\langle\psi|\partial_j\psi\rangle)$.

    Args:
        model: a QNN without noise, on a place without errors; of modes, on ``fock``, that of the normalised
            state below the cut-off.
        params: its parameters.
        x: features ``(n_features,)``, or None for a circuit without data.

    Returns:
        ``(p, p)`` in the order of ``jax.flatten_util.ravel_pytree(params)``; of a
        ``RandomRotation`` only the angles are in it.

    Raises:
        ValueError: a model that has no state vector, or more than one sample.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(2, Rotation("x"))  # rotations of separate wires: the identity
        >>> quantum_fisher(model, model.init(jax.random.key(0))).round(6).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    Reference: Meyer, Quantum 5, 539 (2021), eq. 12; Liu et al., J. Phys. A 53, 023001 (2020).
    """
    root = _quantum_root(model, params, x)
    return root.T @ root


def classical_fisher(model: Any, params: Any, x: Any = None, *, of: Of = "bits") -> np.ndarray:
    r"""$F_{ij} = \sum_b \partial_i p_b\, \partial_j p_b / p_b$ of the measured outcomes $b$.

    The bits are those of the wires that the readout reads, all measured at once along Z. Less is in the
    distribution of a function of them, such as their parity, than in their own.

    Args:
        model: a QNN without noise, on a place without errors, whose readout looks at Z only.
        params: its parameters.
        x: features ``(n_features,)``, or None for a circuit without data.
        of: ``"bits"``; ``"output"``, the values that the readout's observables have in one measurement, so
            that of ``Expval(qp.Z(0) @ qp.Z(1))`` there are two; or a function of the bits
            ``(outcomes, wires)``, the wires in ascending order, that gives a label for each row.

    Returns:
        ``(p, p)``, in the order of ``quantum_fisher``, which it never exceeds.

    Raises:
        Refused: a readout along other axes than Z.
        ValueError: a function that gives no label for each row.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(2, Rotation("x"), readout=qdl.ExpZ(0))  # wire 1 is not looked at
        >>> classical_fisher(model, model.init(jax.random.key(0))).round(6).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
        >>> both = qdl.QNN(2, Rotation("x"))  # the parity has one number, of which two angles make one
        >>> F = classical_fisher(both, [np.full((2, 1), 1.0)], of=lambda bits: bits.sum(axis=1) % 2)
        >>> F.shape, int(np.linalg.matrix_rank(F))
        ((2, 2), 1)

    Reference: Abbas, Sutter, Zoufal, Lucchi, Figalli, Woerner, Nature Computational Science 1, 403
    (2021), eq. 2 and Methods, where the output is the parity of the bits.
    """
    root = _classical_root(model, params, x, outcome_of(model, of))
    return root.T @ root


def fisher_spectrum(
    model: Any, kind: str = "quantum", *, key: jax.Array, draws: int = 10, inputs: int = 1, x: Any = None,
    of: Of = "bits",
) -> FisherSpectrum:  # fmt: skip
    """Eigenvalues and rank of the Fisher information at random parameters.

    A circuit is overparametrised where the rank no longer grows with the number of parameters.

    Args:
        model: a QNN without noise, on a place without errors.
        kind: ``"quantum"`` or ``"classical"``.
        key: a JAX key; parameters are drawn by the model's own ``init``.
        draws: how many.
        inputs: features drawn for each, uniform over a turn; their matrices are averaged.
        x: samples ``(n_features,)`` or ``(inputs, n_features)`` used instead of those.
        of: of ``"classical"``, as for ``classical_fisher``.

    Raises:
        ValueError: an unknown kind, or no draws.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(1, Rotation("xyzxyz"))  # six angles, but a qubit has two
        >>> fisher_spectrum(model, key=jax.random.key(0), draws=3).rank
        2

    Reference: Larocca, Ju, Garcia-Martin, Coles, Cerezo, Nature Computational Science 3, 542 (2023).
    """
    roots = _roots(model, kind, key, draws, inputs, x, of)
    values = np.array([np.linalg.svd(root, compute_uv=False) for root in roots]) ** 2
    values = np.pad(values, ((0, 0), (0, roots[0].shape[1] - values.shape[1])))
    relative = values / np.maximum(values[:, :1], np.finfo(float).tiny)
    threshold = _precision() ** (4 / 3)
    rank = int((relative > threshold).sum(axis=1).max())
    return FisherSpectrum(values, rank, kind, threshold)


def effective_dimension(
    model: Any,
    *,
    key: jax.Array,
    n_data: Any = 1000,
    gamma: float = 1.0,
    draws: int = 50,
    inputs: int = 1,
    x: Any = None,
    of: Of = "bits",
) -> Any:
    """The effective dimension of a model, from classical Fisher matrices at random parameters.

    See ``effective_dimension_of`` for the formula. It is at most about the number of parameters.

    Args:
        model: a QNN without noise, on a place without errors, whose readout looks at Z only.
        key: a JAX key; parameters are drawn by the model's own ``init``.
        n_data: the number of data that the model would learn from; several give an array of dimensions.
        gamma: the constant in (0, 1] of the formula.
        draws: parameters drawn.
        inputs: features drawn for each of them, uniform over a turn; their Fisher matrices are averaged.
        x: samples ``(n_features,)`` or ``(inputs, n_features)`` used instead of those, the same for all
            parameters.
        of: as for ``classical_fisher``; of Abbas et al. the parity.

    Raises:
        ValueError: too few data or draws, or a model whose outputs no parameter changes.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(2, Rotation("x"))  # F = identity everywhere: 2 ln(1 + k) / ln k
        >>> round(effective_dimension(model, key=jax.random.key(0), draws=5), 4)
        2.0271

    Reference: Abbas et al., Nature Computational Science 1, 403 (2021), eq. 3.
    """
    roots = _roots(model, "classical", key, draws, inputs, x, of)
    matrices = np.einsum("dki,dkj->dij", roots, roots)
    if np.ndim(n_data):
        return np.array([effective_dimension_of(matrices, n, gamma) for n in n_data])
    return effective_dimension_of(matrices, n_data, gamma)


def effective_dimension_of(matrices: Any, n_data: int, gamma: float = 1.0) -> float:
    r"""$2 \ln\left(E_\theta \sqrt{\det(1 + \kappa \hat F(\theta))}\right) / \ln \kappa$.

    With $\kappa = \gamma N / (2 \pi \ln N)$ and $\hat F = p F / E_\theta \mathrm{Tr} F$.

    Args:
        matrices: Fisher matrices ``(draws, p, p)``.
        n_data: the number N of data.
        gamma: the constant in (0, 1].

    Raises:
        ValueError: data so few that $\kappa \le 1$, or matrices that all vanish.

    Example:
        >>> import numpy as np
        >>> round(effective_dimension_of(np.eye(3)[None], 10_000), 4)
        3.0034

    Reference: Abbas et al., Nature Computational Science 1, 403 (2021), eq. 3.
    """
    matrices = np.asarray(matrices, float)
    kappa = gamma * n_data / (2 * math.pi * math.log(n_data)) if n_data > 1 else 0.0
    if not 0 < gamma <= 1 or kappa <= 1:
        raise ValueError(
            f"n_data={n_data}, gamma={gamma} give kappa = {kappa:.3g}; the effective dimension needs "
            "gamma in (0, 1] and kappa = gamma N / (2 pi ln N) > 1. Use n_data=1000, gamma=1."
        )
    p, trace = matrices.shape[-1], np.trace(matrices, axis1=1, axis2=2).mean()
    if trace <= 0:
        raise ValueError(
            "the Fisher matrices all vanish, so no parameter changes what is measured. Expected a "
            "readout that sees the parametrised wires; check it."
        )
    logs = np.asarray(np.linalg.slogdet(np.eye(p) + kappa * p / trace * matrices)[1]) / 2
    return 2 * (float(np.logaddexp.reduce(logs)) - math.log(len(logs))) / math.log(kappa)


def _roots(
    model: Any, kind: str, key: jax.Array, draws: int, inputs: int, x: Any, of: Of
) -> np.ndarray:
    """Matrices B at random parameters, F = B^T B the mean over inputs, ``(draws, rows, p)``."""
    _positive(draws=draws, inputs=inputs)
    if kind not in ("quantum", "classical"):
        raise ValueError(f"unknown kind {kind!r}: expected 'quantum' or 'classical'.")
    root: Any = _quantum_root
    if kind == "classical":
        root = partial(_classical_root, outcome=outcome_of(model, of))
    elif of != "bits":
        raise ValueError(
            f"the quantum Fisher information is of the state, got of={of!r}. Leave it out."
        )
    out = []
    for for_params, for_x in jax.random.split(key, (draws, 2)):
        params, rows = model.init(for_params), [x]
        if x is not None and np.ndim(x) == 2:
            rows = x
        elif x is None and model.n_features:
            rows = jax.random.uniform(for_x, (inputs, model.n_features), maxval=2 * jnp.pi)
        each = [root(model, params, row) for row in rows]
        out.append(np.concatenate(each) / math.sqrt(len(each)))
    return np.stack(out)


def _quantum_root(model: Any, params: Any, x: Any) -> np.ndarray:
    model.place.check_geometry("the Fisher information")
    numbers = _numbers(model, params, x)
    return 2 * np.asarray(_metric_root(model.place, model.circuit, *numbers), float)


def _classical_root(model: Any, params: Any, x: Any, outcome: np.ndarray | None) -> np.ndarray:
    """A matrix B with F = B^T B, a row an outcome."""
    model.place.check_pure("the classical Fisher information")
    read = read_wires(model)
    state, slopes = map(np.asarray, _tangents(model.circuit, *_numbers(model, params, x)))
    p = _marginal(abs(state[:, None]) ** 2, read, model.n_wires)
    dp = _marginal(2 * (state.conj() * slopes).real.T, read, model.n_wires)
    p, dp = (summed(each, outcome) for each in (p, dp))
    # Where p vanishes its derivative does too, as the square root: such outcomes add nothing here.
    return np.where(p > _precision() ** 2, dp / np.sqrt(np.maximum(p, _precision() ** 2)), 0.0)


def _numbers(model: Any, params: Any, x: Any) -> tuple[Any, Any, np.ndarray]:
    """Parameters and features, and which of the parameters are reported."""
    model.check_params(params)
    x = one_sample(model, x)
    return params, model.check_features(x), np.flatnonzero(parameters(model).reported)


@partial(jax.jit, static_argnums=(0, 1))
def _metric_root(place: Any, circuit: Any, params: Any, x: Any, entries: Any) -> jax.Array:
    return simulator.root_of(*place.tangents(circuit, params, x, entries))


_tangents = jax.jit(simulator.tangents, static_argnums=0)


def _marginal(values: np.ndarray, read: tuple[int, ...], n: int) -> np.ndarray:
    """Sums over the bits of all other wires."""
    gone = tuple(w for w in range(n) if w not in read)
    return values.reshape(*(2,) * n, -1).sum(axis=gone).reshape(2 ** len(read), -1)


def _precision() -> float:
    """Relative rounding of what JAX computes."""
    return float(jnp.finfo(jnp.result_type(float)).eps)


def _positive(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"expected {name} >= 1, got {count}. Take the default.")
