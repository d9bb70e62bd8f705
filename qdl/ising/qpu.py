"""A D-Wave machine as a sampler: embedded once, scaled always alike, priced before it is asked."""

from __future__ import annotations

import warnings
from typing import Any

import dimod
import numpy as np

from ..arguments import check_number
from .base import Sampler
from .energy import Bipartite, Couplings, Ising
from .samplers import rows

REVERSE = ((0.0, 1.0), (10.0, 0.25), (20.0, 1.0))  # microseconds, s: Laydevant et al.
PROGRAMMING, READOUT = 8.5e-3, 62e-6  # seconds a call and a read, where a solver gives no estimate


class QPUSampler(Sampler):
    r"""Samples on a D-Wave quantum annealer; a forward anneal, or a reverse one from given states.

    - A network's complete bipartite graph is embedded once and the embedding kept: between images
      only fields change.
    - Fields and couplings are multiplied by ``scale`` and never rescaled by the machine
      (``auto_scale=False``), and the chain strength is fixed: so the effective temperature does not
      move while weights grow. Weights that leave the machine's range are refused, or clipped.
    - The machine takes one initial state per call: reads are grouped by it. Nine wrong classes are
      nine calls.
    - Access time is estimated before each call and added up in ``seconds_used``.

    No quantum processor was available when this was written: it has run against D-Wave's mock
    alone, which shows the wiring and says nothing about accuracy.

    Args:
        machine: a structured ``dimod.Sampler`` with D-Wave's words; None for ``DWaveSampler()``,
            with the account in D-Wave's own configuration.
        scale: factor of h and J.
        chain_strength: ferromagnetic coupling in a chain, in units of the machine's J.
        clip: cut values beyond the range off, with a warning; else they are an error.
        annealing_time: of forward reads, microseconds.
        reverse_schedule: ``(microseconds, s)`` points of the anneal from given states.
        most_broken: warn when a larger fraction of the chains is broken.
        max_access_seconds: budget of QPU time; None for none.

    Raises:
        ValueError: a problem that does not fit, values beyond the machine's range.
        RuntimeError: the budget would be exceeded; nothing was sent.

    Example:
        >>> QPUSampler(max_access_seconds=5).max_access_seconds  # connects at the first sample
        5

    Reference: Laydevant, Markovic, Grollier, Nature Communications 15, 3671 (2024), for schedule,
    chain strength and fixed scale; embeddings: minorminer's busclique.
    """

    def __init__(
        self,
        machine: dimod.Sampler | None = None,
        *,
        scale: float = 1.0,
        chain_strength: float = 1.0,
        clip: bool = False,
        annealing_time: float = 20.0,
        reverse_schedule: tuple[tuple[float, float], ...] = REVERSE,
        most_broken: float = 0.1,
        max_access_seconds: float | None = None,
    ):
        check_number("scale", scale, "scale=1.0", positive=True)
        check_number("chain_strength", chain_strength, "chain_strength=1.0")
        check_number("annealing_time", annealing_time, "annealing_time=20.0", positive=True)
        check_number("most_broken", most_broken, "most_broken=0.1")
        if max_access_seconds is not None:
            check_number("max_access_seconds", max_access_seconds, "max_access_seconds=60")
        _check_reverse(reverse_schedule)
        self.machine = machine
        self.scale = scale
        self.chain_strength = chain_strength
        self.clip = clip
        self.annealing_time = annealing_time
        self.reverse_schedule = reverse_schedule
        self.most_broken = most_broken
        self.max_access_seconds = max_access_seconds
        self.seconds_used = 0.0
        self.embedded: dict[tuple[int, ...], Any] = {}  # composites by the size of the graph

    def __deepcopy__(self, memo: Any) -> QPUSampler:
        return self  # one connection and one budget, also for scikit-learn's clones

    def __repr__(self) -> str:
        return f"QPUSampler(scale={self.scale}, chain_strength={self.chain_strength})"

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        del rng  # the machine has noise of its own
        composite = self.embed(J)
        self._check_limits(num_reads)
        h, J = self._in_range(h, J)
        calls = []
        for i, fields in enumerate(h):
            for start, reads in _starts(None if initial is None else initial[i], num_reads):
                calls.append((i, fields, start, reads))
        self._spend(sum(self.access_seconds(c[3], J, c[2] is not None) for c in calls))
        spins: list[list[np.ndarray]] = [[] for _ in h]
        for i, fields, start, reads in calls:
            answer = composite.sample(Ising(fields, J).to_bqm(), **self._words(start, reads))
            self._look_at_chains(answer)
            spins[i].append(rows(answer, reads))
        return np.stack([np.concatenate(parts) for parts in spins])

    def access_seconds(self, num_reads: int, J: Couplings, reverse: bool = False) -> float:
        """Estimated QPU access time of one call: the solver's own estimate where it gives one."""
        embedding = self.embed(J).embedding
        qubits = sum(len(chain) for chain in embedding.values())
        anneal = self.reverse_schedule[-1][0] if reverse else self.annealing_time
        solver: Any = getattr(self.machine, "solver", None)
        if hasattr(solver, "estimate_qpu_access_time"):
            words: dict[str, Any] = {"annealing_time": anneal}
            if reverse:  # of the initial state only its presence counts
                words = {
                    "anneal_schedule": self._schedule(),
                    "initial_state": [(0, 1)],
                    "reinitialize_state": True,
                }
            return 1e-6 * solver.estimate_qpu_access_time(qubits, num_reads=num_reads, **words)
        return PROGRAMMING + num_reads * (READOUT + 1e-6 * anneal)

    def embed(self, J: Couplings) -> Any:
        """The machine behind the embedding for a graph of this size; found in the first call."""
        size = J.block.shape if isinstance(J, Bipartite) else (len(J),)
        if size not in self.embedded:
            from dwave.system import DWaveSampler, FixedEmbeddingComposite
            from minorminer.busclique import busgraph_cache

            if self.machine is None:
                try:
                    self.machine = DWaveSampler()
                except ValueError as error:  # before anything is sent: no token, no such solver
                    raise ValueError(
                        f"no D-Wave machine can be reached: {error}. Expected an account in D-Wave's "
                        "configuration: run 'dwave config create', or pass machine=."
                    ) from error
            machine: Any = self.machine
            find = busgraph_cache(machine.to_networkx_graph())
            bipartite = isinstance(J, Bipartite)
            found = (find.find_biclique_embedding if bipartite else find.find_clique_embedding)(
                *size
            )
            if not found:
                raise ValueError(
                    f"a {'bipartite' if bipartite else 'complete'} graph of {size} spins does not "
                    f"fit on this machine of {len(machine.nodelist)} qubits. Use fewer hidden spins "
                    "or a smaller redundancy, or BlockSampler."
                )
            self.embedded[size] = FixedEmbeddingComposite(machine, embedding=found)
        return self.embedded[size]

    def programmed(self, h: np.ndarray, J: Couplings) -> tuple[np.ndarray, Couplings]:
        self.embed(J)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # draw has said it
            h, J = self._in_range(h, J)
        J = Bipartite(J.block / self.scale) if isinstance(J, Bipartite) else J / self.scale
        return h / self.scale, J

    def _check_limits(self, num_reads: int) -> None:
        """Refuse chains and reads that the machine would refuse, where it says what it takes."""
        machine: Any = self.machine
        lowest = machine.properties.get("extended_j_range", machine.properties["j_range"])[0]
        if -self.chain_strength < lowest:
            raise ValueError(
                f"chain_strength={self.chain_strength:g} is too strong: this machine takes "
                f"couplings from {lowest:g} on. Lower chain_strength, and scale with it."
            )
        most = machine.properties.get("num_reads_range", (1, np.inf))[1]
        if num_reads > most:
            raise ValueError(
                f"num_reads={num_reads} is too many: this machine takes 1 to {most} a call. Sample "
                "several times."
            )

    def _in_range(self, h: np.ndarray, J: Couplings) -> tuple[np.ndarray, Couplings]:
        """Both times ``scale``, within what the machine takes."""
        machine: Any = self.machine
        values = J.block if isinstance(J, Bipartite) else J
        cut = []
        for name, array in (("h", h), ("J", values)):
            low, high = machine.properties[f"{name.lower()}_range"]
            array = self.scale * array
            if array.min(initial=0) < low or array.max(initial=0) > high:
                text = (
                    f"{name} times scale={self.scale:g} goes from {array.min():.3g} to "
                    f"{array.max():.3g}, but this machine takes [{low:g}, {high:g}]."
                )
                if not self.clip:
                    raise ValueError(f"{text} Lower scale, train less, or pass clip=True.")
                warnings.warn(f"{text} Values beyond are cut off.", RuntimeWarning, stacklevel=5)
            cut.append(np.clip(array, low, high))
        return cut[0], Bipartite(cut[1]) if isinstance(J, Bipartite) else cut[1]

    def _spend(self, seconds: float) -> None:
        total, most = self.seconds_used + seconds, self.max_access_seconds
        if most is not None and total > most:
            raise RuntimeError(
                f"the next {seconds:.3g} s of QPU access time would make it {total:.3g} s, but the "
                f"budget is max_access_seconds={most:g}. Nothing was sent: raise the budget, or ask "
                "for fewer reads."
            )
        self.seconds_used = total

    def _words(self, start: np.ndarray | None, reads: int) -> dict[str, Any]:
        words = {
            "num_reads": reads,
            "answer_mode": "raw",
            "auto_scale": False,
            "chain_strength": self.chain_strength,
        }
        if start is None:
            return {**words, "annealing_time": self.annealing_time}
        return {
            **words,
            "initial_state": dict(enumerate(start.tolist())),
            "anneal_schedule": self._schedule(),
            "reinitialize_state": True,
        }

    def _schedule(self) -> list[list[float]]:
        return [list(point) for point in self.reverse_schedule]

    def _look_at_chains(self, answer: dimod.SampleSet) -> None:
        if "chain_break_fraction" not in answer.record.dtype.names:
            return
        broken = float(answer.record.chain_break_fraction.mean())
        if broken > self.most_broken:
            warnings.warn(
                f"{broken:.0%} of the chains were broken, more than most_broken="
                f"{self.most_broken:.0%}: majority votes stand in for them. Raise chain_strength "
                f"({self.chain_strength:g}), or lower scale ({self.scale:g}).",
                RuntimeWarning,
                stacklevel=6,
            )


def _check_reverse(schedule: Any) -> None:
    """Refuse what is no anneal back from s = 1 and forth again."""
    points = np.asarray(schedule, float)
    known = points.ndim == 2 and points.shape[1] == 2 and len(points) > 1
    if known:
        time, s = points.T
        known = time[0] == 0 and s[0] == s[-1] == 1 and (np.diff(time) > 0).all()
    if not known:
        raise ValueError(
            "reverse_schedule must be (microseconds, s) points from (0, 1) to s = 1, with times that "
            f"grow, got {schedule!r}. Example: {REVERSE}."
        )


def _starts(initial: np.ndarray | None, num_reads: int) -> list[tuple[Any, int]]:
    """(state to start from, reads): one call each."""
    if initial is None:
        return [(None, num_reads)]
    states, counts = np.unique(initial, axis=0, return_counts=True)
    return list(zip(states, counts.tolist(), strict=True))
