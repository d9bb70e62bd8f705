"""Block heat-bath annealing: all spins that do not see each other are drawn at once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..arguments import check_whole
from .base import Sampler
from .energy import Bipartite, Couplings, field_scale

NOISE = 2**20  # entries of the table of noise
CHUNK = 2**17  # spins annealed at once: they stay in the cache, and use an eighth of the table
QUENCH = 100  # sweeps after which a descent is over at the latest
COLDEST, TINY = 1e-6, 1e-30  # in place of a temperature of 0, and of a problem without any field
SIGN, ONE = np.array([-0.0, 1.0], np.float32).view(np.int32)  # the bits of a sign, and of 1


class _Block(NamedTuple):
    """Spins without a coupling among them, and what they see."""

    own: slice
    others: slice  # a stretch that holds all of their neighbours
    pull: np.ndarray  # (own, others): minus the couplings


@dataclass(frozen=True)
class BlockSampler(Sampler):
    r"""Simulated annealing by alternating block heat-bath updates, batched over problems and reads.

    A spin with local field $f_i = h_i + \sum_j J_{ij} s_j$ becomes +1 with probability
    $1 / (1 + e^{2 f_i / T})$. Spins without a coupling among them are drawn together, so a sweep
    of a bipartite network is two matrix products. The temperature falls linearly from ``hot`` to
    ``cold`` and is counted in units of ``field_scale(h, J)``, problem by problem: weights that grow
    in training need no other schedule. Then every spin follows its field until nothing flips. For
    states of Boltzmann's law at a temperature, in the units of h and J, there is ``GibbsSampler``.

    The logistic noise is read from a fixed shuffled table at random places, which is twice as fast
    as drawing it; reads share no sequence, but are not independent to the last digit.

    Args:
        sweeps: updates of every spin while the temperature falls.
        hot: temperature of the first sweep.
        cold: temperature of the last one.
        reverse_sweeps: sweeps when ``initial`` is given.
        reverse_hot: temperature then of the first sweep: warm enough to leave a shallow basin.
        quench: end by descending to a local minimum; False leaves the states at ``cold``.
        absolute: temperatures are in the units of h and J, not in those of the fields' scale.

    Example:
        >>> h, J = np.zeros(4), Bipartite(-np.ones((2, 2)))
        >>> spins, energies = BlockSampler().sample(h, J, num_reads=3, key=0)
        >>> spins.shape, energies.tolist()
        ((3, 4), [-4.0, -4.0, -4.0])

    Reference: heat bath, Geman, Geman, IEEE PAMI 6, 721 (1984); annealing, Kirkpatrick, Gelatt,
    Vecchi, Science 220, 671 (1983).
    """

    sweeps: int = 20
    hot: float = 1.0
    cold: float = 0.05
    reverse_sweeps: int = 6
    reverse_hot: float = 0.5
    quench: bool = True
    absolute: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_whole("sweeps", self.sweeps, "sweeps=20", least=0)
        check_whole("reverse_sweeps", self.reverse_sweeps, "reverse_sweeps=6", least=0)
        if not (0 <= self.cold <= self.hot < np.inf and 0 <= self.reverse_hot < np.inf):
            units = "h and J (absolute=True)" if self.absolute else "the rms field"
            raise ValueError(
                "temperatures must obey 0 <= cold <= hot and 0 <= reverse_hot, got "
                f"cold={self.cold!r}, hot={self.hot!r}, reverse_hot={self.reverse_hot!r}. "
                f"They are in units of {units}; of the rms field 1.0 to 0.05 fits most problems."
            )

    def __repr__(self) -> str:
        # An option that came later is left out at its default: older checkpoints stay equal.
        shown = [f for f in fields(self) if not f.kw_only or getattr(self, f.name) != f.default]
        return f"BlockSampler({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in shown)})"

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        n_problems, n = h.shape
        if n >= NOISE:
            raise ValueError(
                f"BlockSampler takes fewer than {NOISE} spins, got {n}. Split the problem, or use "
                "DimodSampler."
            )
        h, J, factor = _near_one(h, J)
        order, blocks = _blocks(J)
        push = (-h if order is None else -h[:, order]).astype(np.float32, copy=False)
        # Of each problem: the unit of temperature, and the lowest there is.
        if self.absolute:  # the largest entry is near one
            heat = np.full((2, n_problems), ((factor,), (COLDEST,)))
        else:
            heat = np.multiply.outer((1, COLDEST), np.maximum(field_scale(h, J), TINY))
        rows = max(1, CHUNK // max(n, 1))
        reads, problems = min(num_reads, rows), max(1, rows // num_reads)
        spins = np.empty((n_problems, num_reads, n), np.int8)
        for i in range(0, n_problems, problems):
            for r in range(0, num_reads, reads):
                part = np.s_[i : i + problems, r : r + reads]
                start = None if initial is None else initial[part]
                if order is not None and start is not None:
                    start = start[..., order]
                count = min(reads, num_reads - r)
                states = self._anneal(push[part[0]], blocks, count, heat[:, part[0]], rng, start)
                spins[(*part, slice(None) if order is None else order)] = states
        return spins

    def _anneal(
        self,
        push: np.ndarray,
        blocks: list[_Block],
        reads: int,
        heat: np.ndarray,
        rng: np.random.Generator,
        start: np.ndarray | None,
    ) -> np.ndarray:
        """States ``(problems, reads, n)`` for ``push = -h`` of shape ``(problems, n)``.

        ``heat`` holds the unit of temperature of each problem, and its lowest temperature. Here a
        state is a column: the spins of a block are a stretch of memory.
        """
        n_problems, n = push.shape
        size = n_problems * reads * n
        if start is None:
            sweeps, hot = self.sweeps, self.hot
            first = rng.integers(NOISE - size)
            spins = np.copysign(np.float32(1), noise_table()[first : first + size]).reshape(n, -1)
        else:
            sweeps, hot = self.reverse_sweeps, max(self.reverse_hot, self.cold)
            spins = np.ascontiguousarray(start.reshape(-1, n).T, dtype=np.float32)
        push = np.repeat(push.T, reads, axis=1)
        unit, coldest = np.repeat(heat, reads, axis=1)
        temperatures = np.maximum(np.linspace(hot, self.cold, sweeps)[:, None] * unit, coldest)
        betas = (2 / temperatures).astype(np.float32)
        places = rng.integers(NOISE - size, size=(sweeps, len(blocks)))
        for beta, row in zip(betas, places.tolist(), strict=True):
            for block, place in zip(blocks, row, strict=True):
                _heat(spins, block, push, beta, place)
        if self.quench:
            _rest(spins, blocks, push)
        return spins.T.reshape(n_problems, reads, n)


def _near_one(h: np.ndarray, J: Couplings) -> tuple[np.ndarray, Couplings, float]:
    """Both times one power of two, and that power: float32 has room for all squares then."""
    couplings = J.block if isinstance(J, Bipartite) else J
    largest = max(np.abs(h).max(initial=0), np.abs(couplings).max(initial=0))
    shift = -np.frexp(largest)[1]
    h, couplings = (np.ldexp(part, shift) for part in (h, couplings))
    # Temperatures in units of h and J go along, as far as a float reaches.
    factor = float(np.ldexp(1.0, min(shift, 1000)))
    return h, Bipartite(couplings) if isinstance(J, Bipartite) else couplings, factor


def _heat(spins: np.ndarray, block: _Block, push: np.ndarray, beta: np.ndarray, place: int) -> None:
    """Draw the spins of a block from their conditional distribution, in place; beta is 2 / T.

    For u uniform in (0, 1), -2f/T > log(u / (1 - u)) has the probability 1 / (1 + e^(2f/T)).
    """
    field = block.pull @ spins[block.others]
    field += push[block.own]
    field *= beta
    field += noise_table()[place : place + field.size].reshape(field.shape)
    # +-1 by the bits of a float32: a fifth of the time of np.copysign.
    bits = field.view(np.int32)
    bits &= SIGN
    np.bitwise_or(bits, ONE, out=spins[block.own].view(np.int32))


def _rest(spins: np.ndarray, blocks: list[_Block], push: np.ndarray, most: int = QUENCH) -> None:
    """Let every spin follow its field until nothing turns, in place."""
    moving = np.unique(np.concatenate([_descend(spins, block, push) for block in blocks]))
    if len(moving) and most:
        states = np.take(spins, moving, axis=1)
        _rest(states, blocks, np.take(push, moving, axis=1), most - 1)
        spins[:, moving] = states


def _descend(spins: np.ndarray, block: _Block, push: np.ndarray) -> np.ndarray:
    """Turn the spins of a block along their field, in place; the states in which some turned."""
    field = block.pull @ spins[block.others]
    field += push[block.own]
    own = spins[block.own]
    field *= own
    against = np.flatnonzero(field < 0)  # few; where there is no field the spin stays
    own.reshape(-1)[against] *= -1
    return against % spins.shape[1]


@lru_cache(maxsize=1)
def noise_table() -> np.ndarray:
    """Quantiles of the logistic distribution in a fixed random order, float32."""
    u = (np.arange(NOISE) + 0.5) / NOISE
    return np.random.default_rng(0).permutation(np.log(u / (1 - u)).astype(np.float32))


def _blocks(J: Couplings) -> tuple[np.ndarray | None, list[_Block]]:
    """An order of the spins in which blocks are stretches (None: it is that), and the blocks."""
    if isinstance(J, Bipartite):
        p, pull = len(J.block), -J.block.astype(np.float32)
        left, right = slice(0, p), slice(p, J.n)
        return None, [_Block(left, right, pull), _Block(right, left, pull.T)]
    colours = _colours(J)
    order = np.argsort(colours, kind="stable")
    pull = -(J + J.T)[np.ix_(order, order)].astype(np.float32)
    edges = np.searchsorted(colours[order], np.arange(colours.max(initial=-1) + 2))
    blocks = []
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        seen = np.flatnonzero(pull[:, start:stop].any(axis=1))
        others = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 0)
        own = slice(start, stop)
        blocks.append(_Block(own, others, np.ascontiguousarray(pull[own, others])))
    return order, blocks


def _colours(J: np.ndarray) -> np.ndarray:
    """A colour for each spin, no two coupled ones alike: greedily, many neighbours first.

    Reference: Welsh, Powell, The Computer Journal 10, 85 (1967).
    """
    linked = (J != 0) | (J != 0).T
    colours = np.full(len(J), -1)
    for i in np.argsort(-linked.sum(axis=1), kind="stable"):
        taken = set(colours[linked[i]].tolist())
        colours[i] = next(c for c in range(len(J)) if c not in taken)
    return colours
