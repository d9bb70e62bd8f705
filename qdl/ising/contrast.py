"""A step of a Boltzmann machine: moments of the data, less those that the machine draws by itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .draws import as_many, equal, programmed, scaled, unsorted
from .gibbs import GibbsSampler
from .machine import Machine, Moments
from .quantum import Exact, field_means, trotter
from .temperature import along_fields, effective_temperature

CHECKED = 20  # updates between two looks at the temperature, where it is corrected
SETTLED = 20  # sweeps for coupled hidden spins given the data, where we choose the sampler
QUENCHED, COLD, WARM = 0.1, 0.5, 2.0  # temperatures of the reads that are warned of
ENOUGH = 100  # Fisher information on 1 / T, at the temperature wanted: 10 % is its standard error


@dataclass
class State:
    """What goes on from one update to the next, besides the weights.

    Attributes:
        chains: the last states of persistent chains, int8 ``(reads, n)``, or None.
        scale: what fields and couplings are multiplied by before a sampler is given them.
        updates: how many there have been.
        temperature: of the last reads that were looked at; NaN if none were.
        due: look at the temperature in this update.
        warned: what has been warned of in this fit.
    """

    chains: np.ndarray | None = None
    scale: float = 1.0
    updates: int = 0
    temperature: float = np.nan
    due: bool = False
    warned: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Contrast:
    r"""Stochastic gradient ascent of the log-likelihood.

    $$\Delta J_{ij} = -\eta \left(\langle s_i s_j \rangle_{\rm data}
    - \langle s_i s_j \rangle_{\rm model}\right)$$

    and h likewise. Hidden spins that are not coupled with each other enter by their means given the
    visible ones, in both phases. In a transverse field the data phase is that of the bound of Amin
    et al., unless the machine is ``exact``: then it is the likelihood's own gradient.

    Args:
        sampler: of the model phase, and of coupled hidden spins given the data.
        steps: sweeps from the data, for contrastive divergence; None to sample instead.
        num_reads: states of the model phase, and of each row where hidden spins are coupled.
        persistent: reads start from the last ones.
        correct: the problem is scaled so that reads are at temperature 1.
        learning_rate: of all weights.
        batch_size: rows of an update.
        gamma: the transverse field.
        exact: diagonalise instead of sampling.

    Reference: Hinton, Neural Computation 14, 1771 (2002); Tieleman, ICML 2008; Amin, Andriyash,
    Rolfe, Kulchytskyy, Melko, Physical Review X 8, 021050 (2018), Eqs. 12-25.
    """

    sampler: Any
    steps: int | None
    num_reads: int
    persistent: bool
    correct: bool
    learning_rate: float
    batch_size: int
    gamma: float = 0.0
    exact: bool = False

    def epoch(
        self, machine: Machine, X: np.ndarray, state: State, rng: np.random.Generator
    ) -> None:
        """One pass over the rows in random order; machine and state change in place."""
        grey = not np.isin(X, (0, 1)).all()
        order = rng.permutation(len(X))
        for first in range(0, len(X), self.batch_size):
            rows = X[order[first : first + self.batch_size]]
            # Grey values are drawn anew each time: samples are +-1, and grey rows would look less
            # correlated than they are, so that weights shrink.
            bits = rng.random(rows.shape, dtype=np.float32) < rows if grey else rows > 0
            last = first + self.batch_size >= len(X)
            state.due = (
                last or state.updates == 0 or (self.correct and state.updates % CHECKED == 0)
            )
            self.update(machine, 2 * bits.astype(X.dtype) - 1, state, rng)

    def update(
        self, machine: Machine, v: np.ndarray, state: State, rng: np.random.Generator
    ) -> None:
        """Move the weights once, for rows of visible spins."""
        spins, products = self.gradient(machine, v, state, rng)
        machine.h[...] += self.learning_rate * spins
        machine.weights[...] += self.learning_rate * products
        if not np.isfinite(machine.h.sum() + machine.weights.sum()):
            raise ValueError(
                "the weights are no longer finite. Lower learning_rate "
                f"({self.learning_rate:g}): a rate in spins acts as 16 times itself in bits."
            )
        state.updates += 1

    def gradient(
        self, machine: Machine, v: np.ndarray, state: State, rng: np.random.Generator
    ) -> Moments:
        """Of the mean log-likelihood of these rows, or its estimate."""
        if self.exact:
            index = ((1 - v.astype(int)) // 2) @ 2 ** np.arange(machine.visible - 1, -1, -1)
            target = np.bincount(index, minlength=2**machine.visible) / len(v)
            return Exact.of(machine, self.gamma).gradient(target)
        if self.steps is not None:
            data, model = (
                self.data_moments(machine, v, state, rng),
                self._from_data(machine, v, rng),
            )
        else:
            data, model = (
                self.data_moments(machine, v, state, rng),
                self._drawn(machine, state, rng),
            )
        return Moments(model.spins - data.spins, model.products - data.products)

    def data_moments(
        self, machine: Machine, v: np.ndarray, state: State, rng: np.random.Generator
    ) -> Moments:
        """With the visible spins at the rows."""
        if machine.among_hidden is None:
            fields = machine.hidden_fields(v)
            means = field_means(fields, self.gamma) if self.gamma else -np.tanh(fields)
            return machine.moments(np.concatenate([v, means], axis=1))
        hidden = self._hidden_given(machine, v, state.scale, rng).reshape(-1, machine.hidden)
        rows = np.repeat(v, len(hidden) // len(v), axis=0)
        return machine.moments(np.concatenate([rows, hidden], axis=1))

    def _hidden_given(
        self, machine: Machine, v: np.ndarray, scale: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Reads ``(rows, reads, hidden)`` of coupled hidden spins: problems that share couplings."""
        inner = (
            np.zeros((machine.hidden,) * 2)
            if machine.among_hidden is None
            else machine.among_hidden
        )
        h, J = scale * machine.hidden_fields(v), scale * inner
        sampler = self.sampler if self.steps is None else GibbsSampler(SETTLED)
        if not self.gamma:
            return unsorted(sampler, h, J, self.num_reads, rng)
        h, J = trotter(h, J, self.gamma)
        spins = unsorted(sampler, h, J, self.num_reads, rng)
        return spins.reshape(len(v), -1, machine.hidden)

    def hidden_probabilities(
        self, machine: Machine, v: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """How often each hidden spin is +1 given each row, among reads."""
        spins = self._hidden_given(machine, v, 1.0, rng)
        return ((1 + spins.mean(axis=1)) / 2).astype(v.dtype)

    def _from_data(self, machine: Machine, v: np.ndarray, rng: np.random.Generator) -> Moments:
        """After a few sweeps from the data: contrastive divergence."""
        if machine.among_hidden is None:
            up = rng.random((len(v), machine.hidden)) < (1 + machine.hidden_means(v)) / 2
            hidden = 2 * up.astype(np.int8) - 1
        else:
            sampler, fields = GibbsSampler(SETTLED), machine.hidden_fields(v)
            hidden = unsorted(sampler, fields, machine.among_hidden, 1, rng)[:, 0]
        start = np.concatenate([v.astype(np.int8), hidden], axis=1)
        steps = GibbsSampler(self.steps or 1)
        spins = steps.draw(machine.h[None], machine.J, len(v), rng, start[None])[0]
        return self._moments(machine, spins)

    def _drawn(self, machine: Machine, state: State, rng: np.random.Generator) -> Moments:
        """From reads of the sampler."""
        h, J = scaled(machine, state.scale)
        if self.gamma:
            h, J = trotter(h, J, self.gamma)
        state.chains = as_many(state.chains, self.num_reads, h.shape[-1], rng)
        try:
            spins = unsorted(self.sampler, h[None], J, self.num_reads, rng, state.chains)[0]
        except ValueError as error:
            if state.chains is None:
                raise
            raise ValueError(
                f"{error} Chains go on from given states: pass persistent=False."
            ) from error
        state.chains = spins if self.persistent else None
        if state.due:
            self.look(machine, state, spins)
        if self.gamma:  # all copies of a read are states of the quantum machine
            return machine.moments(spins.reshape(-1, len(machine.h)))
        return self._moments(machine, spins)

    def _moments(self, machine: Machine, spins: np.ndarray) -> Moments:
        """Of classical reads, hidden spins by their means where these are known in closed form."""
        spins = spins.astype(machine.h.dtype)
        if machine.among_hidden is None:
            spins[:, machine.visible :] = machine.hidden_means(spins[:, : machine.visible])
        return machine.moments(spins)

    def look(self, machine: Machine, state: State, spins: np.ndarray) -> None:
        """Estimate the temperature of reads, warn of what it says, correct the scale if asked to."""
        asked = scaled(machine, state.scale)
        if self.gamma:
            asked = trotter(asked[0], asked[1], self.gamma)
        h, J = programmed(self.sampler, asked[0], asked[1])
        if not equal(asked, (h, J)):
            _warn(
                state, "range",
                "the weights have left the range of the sampler's machine: it was given values that "
                "are cut off, and the temperature is estimated for these. Train less, lower "
                "learning_rate, or use a colder machine.",
            )  # fmt: skip
        along = along_fields(h, J, spins) / (state.scale if self.correct else 1.0)
        information = np.sum((along / np.cosh(np.minimum(np.abs(along), 300))) ** 2)
        if not along.any():
            return
        T = state.temperature = effective_temperature(h, J, spins)
        if information < ENOUGH:
            return
        unit = state.scale if self.correct else 1.0
        if 0 < T < np.inf and self.correct:
            state.scale = (state.scale + T) / 2
        who = repr(self.sampler)
        if 0 <= T < QUENCHED * unit:
            _warn(
                state, "quench",
                f"{who} quenches: its reads have the temperature {T:.2g}, but a model phase needs "
                "them at 1, and states of lowest energy make a worse model than independent "
                "features. Use GibbsSampler(), or a sampler that stops at a temperature.",
            )  # fmt: skip
        elif not self.correct and not COLD < T < WARM:
            _warn(
                state, "temperature",
                f"{who} draws at the temperature {T:.2g}, but a model phase needs 1. Pass "
                "correct_temperature=True.",
            )  # fmt: skip


def _warn(state: State, what: str, text: str) -> None:
    """Once in a fit."""
    if what not in state.warned:
        state.warned.add(what)
        warnings.warn(text, RuntimeWarning, stacklevel=9)
