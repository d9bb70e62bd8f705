"""The one contract of samplers: fields and couplings in, spins and energies out."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import Any, NamedTuple

import dimod
import numpy as np

from ..arguments import check_whole
from .energy import Couplings, Ising, check_problem, energies

PIECE = 2**22  # spins whose energies are computed at once: 16 MiB in float32


class Reads(NamedTuple):
    """What a sampler returns, sorted: the lowest energy first.

    So the first k of many reads are not a sample: they are the coldest ones. And a read has no
    place of its own: with ``initial`` given, the i-th read need not have started from the i-th
    state. Together they are a sample, and chains to go on from; what follows single ones
    (annealed importance sampling does) takes ``draw``, which keeps the order.

    Attributes:
        spins: int8 ``(..., reads, n)``, each -1 or +1.
        energies: ``(..., reads)``, in the floating type of the fields.
    """

    spins: np.ndarray
    energies: np.ndarray


class Sampler(dimod.Sampler):
    r"""Draws states of low energy $E = h \cdot s + \sum_{i<j} J_{ij} s_i s_j$.

    A subclass gives ``draw``; checks, energies and order are done here. Every sampler is a
    ``dimod.Sampler`` too: called with a dimod model, ``sample(bqm, num_reads=10)`` answers with a
    ``dimod.SampleSet``. Calling the sampler itself is calling ``sample``. A frozen dataclass of plain
    fields is saved with its classifier.

    Example:
        >>> class Aligned(Sampler):  # exact where there are no couplings
        ...     def draw(self, h, J, num_reads, rng, initial):
        ...         return np.repeat(np.where(h > 0, -1, 1)[:, None], num_reads, axis=1)
        >>> Aligned().sample([0.5, -2.0], np.zeros((2, 2)), num_reads=1, key=0).energies.tolist()
        [-2.5]

    Reference: the names and the sign are those of dimod, docs.dwavequantum.com.
    """

    @abstractmethod
    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        """Spins ``(problems, num_reads, n)`` for fields ``(problems, n)``; all of it is checked.

        ``initial`` is None or has the shape of the answer.
        """

    def programmed(self, h: np.ndarray, J: Couplings) -> tuple[np.ndarray, Couplings]:
        """What of a problem reaches the machine behind, in the same units: cut to its range, say."""
        return h, J

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        h: Any,
        J: Any = None,
        num_reads: int = 1,
        key: Any = None,
        initial: Any = None,
        **unknown: Any,
    ) -> Any:
        """Low-energy states of one problem, or of many that share their couplings.

        Args:
            h: fields ``(..., n)``; or a dimod model, and then no J.
            J: couplings, ``(n, n)`` upper triangular or ``Bipartite``.
            num_reads: states to draw for each problem.
            key: a whole number (or several), a JAX key, or a NumPy generator, which is advanced.
            initial: states to start from, ``(..., num_reads, n)`` or what broadcasts to it.
            unknown: dimod asks samplers to ignore further words, with a warning.

        Returns:
            ``Reads`` of spins ``(..., num_reads, n)`` and energies; a ``dimod.SampleSet`` for a
            dimod model.

        Raises:
            ValueError: h, J or initial of a wrong shape, or with other values than they may have.
            TypeError: no key; a dimod model and J.
        """
        self.remove_unknown_kwargs(**unknown)
        check_whole("num_reads", num_reads, "num_reads=10")
        if isinstance(h, dimod.BinaryQuadraticModel):
            if J is not None:
                raise TypeError("a dimod model holds its couplings, got J beside it. Leave out J.")
            return self._sample_bqm(h, num_reads, key, initial)
        h, J = check_problem(h, J)
        rng = generator(key)
        shape = (*h.shape[:-1], num_reads, h.shape[-1])
        if 0 in shape:  # an empty model, or no problem at all
            return Reads(np.empty(shape, np.int8), np.zeros(shape[:-1], h.dtype))
        if initial is not None:
            initial = _check_initial(initial, shape).reshape(-1, *shape[-2:])
        spins = self.draw(h.reshape(-1, h.shape[-1]), J, num_reads, rng, initial).reshape(shape)
        return ordered(spins, _energies(h, J, spins))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.sample(*args, **kwargs)

    def _sample_bqm(self, bqm: Any, num_reads: int, key: Any, initial: Any) -> dimod.SampleSet:
        problem = Ising.from_bqm(bqm)
        key = np.random.default_rng() if key is None else key  # dimod: no seed is a new one
        spins = self.sample(problem.h, problem.J, num_reads, key, initial).spins
        values = spins if bqm.vartype is dimod.SPIN else (spins + 1) // 2
        return dimod.SampleSet.from_samples_bqm((values, list(bqm.variables)), bqm)

    @property
    def parameters(self) -> dict[str, Any]:
        """dimod: the words that ``sample`` takes."""
        return {"num_reads": [], "key": [], "initial": []}

    @property
    def properties(self) -> dict[str, Any]:
        """dimod: what is fixed about this sampler."""
        return {"sampler": repr(self)}


def generator(key: Any) -> np.random.Generator:
    """The random numbers that a key stands for; a generator stands for itself.

    Example:
        >>> int(generator(3).integers(100)) == int(generator(3).integers(100))
        True
    """
    if isinstance(key, np.random.Generator):
        return key
    if hasattr(key, "dtype") and not isinstance(key, np.generic | np.ndarray):
        import jax

        is_typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
        key = np.asarray(jax.random.key_data(key) if is_typed else key)
    if key is not None and not isinstance(key, bool | np.bool_):
        with suppress(TypeError, ValueError):
            return np.random.default_rng(key)  # pyright: ignore[reportArgumentType]
    raise TypeError(
        f"a sampler needs a key, got {key!r}. Pass key=0 (any whole number >= 0), "
        "key=jax.random.key(0), or a NumPy generator."
    )


def _energies(h: np.ndarray, J: Couplings, spins: np.ndarray) -> np.ndarray:
    """The energies, problem by problem where all spins as floats would take much memory."""
    if h.ndim == 1 or spins.size <= PIECE:
        return energies(h, J, spins)
    return np.stack([_energies(fields, J, reads) for fields, reads in zip(h, spins, strict=True)])


def ordered(spins: np.ndarray, energy: np.ndarray) -> Reads:
    """The reads with the lowest energy first; equal ones stay in the order of drawing."""
    order = np.argsort(energy, axis=-1, kind="stable")
    flat = spins.reshape(-1, *spins.shape[-2:])  # whole rows are moved, not spin by spin
    rows = order.reshape(-1, spins.shape[-2])
    spins = flat[np.arange(len(flat))[:, None], rows].reshape(spins.shape)
    return Reads(spins.astype(np.int8, copy=False), np.take_along_axis(energy, order, axis=-1))


def check_answer(spins: np.ndarray, shape: tuple[int, ...], who: object) -> np.ndarray:
    """Refuse what a sampler should not have returned."""
    spins = np.asarray(spins)
    if spins.shape != shape:
        raise ValueError(
            f"{who!r} returned spins of shape {spins.shape}, expected {shape}: (..., reads, n). "
            "qdl.testing.check_sampler finds such errors."
        )
    if not (np.abs(spins) == 1).all():
        bad = spins[np.abs(spins) != 1].flat[0]
        raise ValueError(
            f"{who!r} returned the spin {bad}, expected -1 or +1. Bits b become spins by 2 * b - 1."
        )
    return spins


def _check_initial(initial: Any, shape: tuple[int, ...]) -> np.ndarray:
    initial = np.asarray(initial)
    try:
        initial = np.broadcast_to(initial, shape)
    except ValueError:
        raise ValueError(
            f"initial has shape {initial.shape}, expected (..., reads, n) = {shape}. "
            "One state per read, or one for all of them."
        ) from None
    if not (np.abs(initial) == 1).all():
        bad = initial[np.abs(initial) != 1].flat[0]
        raise ValueError(f"initial spins must be -1 or +1, got {bad}.")
    return initial.astype(np.int8)
