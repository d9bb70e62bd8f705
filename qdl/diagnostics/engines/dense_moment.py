r"""Exact second moments on few wires: averages over the angles, no sampling.

$E\,C^2 = \langle\langle \rho_0 \otimes \rho_0 | E[H_1 \otimes H_1] \cdots E[H_G \otimes H_G] | O \otimes O
\rangle\rangle$ over pairs of Pauli words $(Q, Q')$. A pair is kept as $Q$ in the sector $R = QQ'$, a
vector of $4^n$ numbers: uniform angles leave few sectors alive, often only $R = 1$. For a derivative, the
gate's $E[\partial H \otimes \partial H]$ takes the place of its own; all of them come from one pass back
and one forth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from ...pauli.circuit import PauliCircuit
from ...pauli.cones import reduced
from ...pauli.moments import Local, Run, Step, Tables, apply, steps
from ...pauli.reach import silent
from ...pauli.words import digits, local_word, with_digits, x_bits
from ...refused import Refused
from ..engine import Engine, Task, noiseless, refusal
from ..result.variance import Certificate, GradientVariance
from .on_machine import on_machine

MOST_WORK = 2e12  # multiplications: hours beyond this
Vectors = dict[int, np.ndarray]  # sector -> vector over the words


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and mean square of the cost (without its offset), and of each derivative."""

    mean: float
    square: float
    slope_mean: np.ndarray
    slope_square: np.ndarray


@dataclass(frozen=True)
class DenseMoment(Engine):
    """Exact second moments; refused if they take more than ``most_work`` multiplications."""

    most_work: float = MOST_WORK

    @property
    def name(self) -> str:
        return "dense_moment"

    def valid(self, task: Task) -> str | None:
        if hasattr(task.model.place, "physical"):
            return refusal(lambda: on_machine(task))
        return noiseless(task) or refusal(lambda: task.narrow_circuit)

    def measure(self, task: Task) -> GradientVariance:
        machine = hasattr(task.model.place, "physical")
        circuit = on_machine(task) if machine else task.narrow_circuit
        small = reduced(circuit)
        found = moments(small, self.most_work)
        variance = np.maximum(found.slope_square - found.slope_mean**2, 0.0)
        cost_variance = max(found.square - found.mean**2, 0.0)
        # Differences of nearly equal moments leave rounding of their own size.
        zero = silent(small) | (variance <= 1e-14 * found.slope_square)
        wires = "" if small.n_wires == circuit.n_wires else f", light cone of {small.n_wires} wires"
        norm = float(found.slope_square.sum())
        statement = f"exact averages over independent angles, each used once{wires}"
        if machine:
            statement += (
                f", with the gates and the errors of {task.model.place.name}, without its shots"
            )
        return GradientVariance(
            task.model.n_wires, variance, variance, variance, np.zeros(circuit.size), zero, circuit.layers,
            cost_mean=found.mean + circuit.observable.offset,
            cost_variance=cost_variance,
            cost_interval=(cost_variance, cost_variance),
            squared_norm=norm,
            squared_norm_interval=(norm, norm),
            method=self.name,
            certificate=Certificate(statement, exact=True, independent=circuit.independent),
        )  # fmt: skip


def moments(circuit: PauliCircuit, most_work: float = MOST_WORK) -> Moments:
    """All first and second moments of a circuit on few wires."""
    n = circuit.n_wires
    check_size(4.0**n * 8 * 6, n)
    gates = steps(circuit.elements, n)
    pairs, live = _live_pairs(circuit, gates)
    check_size(8.0 * 4**n * max(map(len, live)) * (2 + 2 * len(gates) ** 0.5), n)
    _check_work(4.0**n * sum(map(len, live)) * 40, n, most_work)
    square, slope_square = _run(_Chain(gates, n, 2, live), pairs, circuit.size)
    ones: list[set[int]] = [{0}] * (len(gates) + 1)
    first = {0: _vector(n, {i: c for c, i in _terms(circuit)})}
    needed = any(isinstance(step, Local) and step.slope_mean.any() for step in gates)
    mean, slope_mean = _run(_Chain(gates, n, 1, ones), first, circuit.size if needed else 0)
    if not needed:
        slope_mean = np.zeros(circuit.size)
    return Moments(mean, square, slope_mean, slope_square)


def check_size(size: float, n: int) -> None:
    """Refuse what does not fit in half of the free memory."""
    free = psutil.virtual_memory().available
    if size > free / 2:
        raise Refused(
            f"exact second moments on {n} wires need {size / 2**30:.3g} GiB; this machine has "
            f"{free / 2**30:.3g} GiB free. Use method='pauli_walk' where it is valid, or 'statevector'."
        )


def _check_work(work: float, n: int, most: float) -> None:
    if work > most:
        raise Refused(
            f"exact second moments on {n} wires would take about {work:.1g} multiplications, expected at "
            f"most {most:.0g}. Use method='pauli_walk' where it is valid, or 'statevector'."
        )


def _terms(circuit: PauliCircuit) -> list[tuple[float, int]]:
    """The observable by index of its words."""
    wires = range(circuit.n_wires)
    return [(c, local_word(word, wires)) for c, word in circuit.observable.terms]


def _vector(n: int, values: dict[int, float]) -> np.ndarray:
    out = np.zeros(4**n)
    out[list(values)] = list(values.values())
    return out


def _live_pairs(circuit: PauliCircuit, gates: list[Step]) -> tuple[Vectors, list[set[int]]]:
    """O (x) O by sector, and before each step the sectors that it feeds and the state 0 sees."""
    n, terms = circuit.n_wires, _terms(circuit)
    by_sector: dict[int, dict[int, float]] = {}
    for c, i in terms:
        for other, j in terms:
            by_sector.setdefault(i ^ j, {})[i] = c * other
    reached = [set(by_sector) or {0}]
    for step in reversed(gates):
        reached.append({out for r in reached[-1] for out in step.products(r, n)})
        check_size(8.0 * 4**n * len(reached[-1]) / 64, n)  # even if few of them contribute
    reached.reverse()
    live = [{r for r in reached[0] if not r & x_bits(n)}]
    for step, sectors in zip(gates, reached[1:], strict=True):
        live.append({r for r in sectors if live[-1].intersection(step.products(r, n))})
    pairs = {r: _vector(n, by_sector.get(r, {})) for r in live[-1]}
    return pairs, live


@dataclass(frozen=True, eq=False)
class _Chain:
    """The circuit as a chain of averages of H (order 1) or of H (x) H (order 2)."""

    gates: list[Step]
    n: int
    order: int
    live: list[set[int]]  # before each step, and after the last

    def tables(self, step: Local, slope: bool = False) -> Tables:
        if self.order == 2:
            return step.slope_square if slope else step.square
        return {(0, 0): step.slope_mean if slope else step.mean}

    def sign(self, step: Run, r: int) -> np.ndarray | float:
        if self.order == 1:
            return step.sign
        return step.sign * step.sign[np.arange(4**self.n) ^ r] if r else 1.0

    def back(self, at: int, after: Vectors, slope: bool = False) -> Vectors:
        """Vectors before step ``at`` from those after it: the observable, one step earlier."""
        step, out = self.gates[at], {}
        for r, values in after.items():
            if isinstance(step, Run):
                to = int(step.image[r])
                if to in self.live[at]:
                    out[to] = (self.sign(step, r) * values)[step.source]
                continue
            local = digits(r, step.wires, self.n)
            for (r_out, r_in), matrix in self.tables(step, slope).items():
                to = with_digits(r, step.wires, self.n, r_out)
                if r_in == local and to in self.live[at]:
                    part = apply(matrix, values, step.wires, self.n)
                    out[to] = out[to] + part if to in out else part
        return out

    def forth(self, at: int, before: Vectors) -> Vectors:
        """Vectors after step ``at`` from those before it: the state, one step later."""
        step, out = self.gates[at], {}
        for r in self.live[at + 1]:
            if isinstance(step, Run):
                if int(step.image[r]) in before:
                    out[r] = self.sign(step, r) * before[int(step.image[r])][step.image]
                continue
            local = digits(r, step.wires, self.n)
            for (r_out, r_in), matrix in self.tables(step).items():
                came = before.get(with_digits(r, step.wires, self.n, r_out))
                if r_in == local and came is not None:
                    part = apply(matrix.T, came, step.wires, self.n)
                    out[r] = out[r] + part if r in out else part
        return out


def _run(chain: _Chain, end: Vectors, size: int) -> tuple[float, np.ndarray]:
    """The average, and that of each derivative; ``size`` 0 for none of these.

    Going back, only every sqrt(G)-th vector is kept; the ones between are made again going forth.
    """
    count = len(chain.gates)
    every = max(int(count**0.5), 1)
    kept: dict[int, Vectors] = {count: end}
    vectors = end
    for at in reversed(range(count)):
        vectors = chain.back(at, vectors)
        if at % every == 0:
            kept[at] = vectors
    state = _start(chain)
    average = _dot(state, vectors)
    slopes = np.zeros(size)
    if not size:
        return average, slopes
    for start in range(0, count, every):
        stop = min(start + every, count)
        block = {stop: kept[stop]}
        for at in reversed(range(start + 1, stop)):
            block[at] = chain.back(at, block[at + 1])
        for at in range(start, stop):
            entry = chain.gates[at].entry
            if entry is not None:
                slopes[entry] += _dot(state, chain.back(at, block[at + 1], slope=True))
            state = chain.forth(at, state)
    return average, slopes


def _start(chain: _Chain) -> Vectors:
    """The state 0: every word of I and Z has the value 1."""
    ones = (np.arange(4**chain.n) & x_bits(chain.n) == 0).astype(float)
    return {r: ones for r in chain.live[0] if not r & x_bits(chain.n)}


def _dot(first: Any, second: Any) -> float:
    return float(sum(first[r] @ second[r] for r in first if r in second))
