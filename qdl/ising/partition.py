r"""The partition function $Z = \sum_s e^{-E(s)}$: summed where it can be, else annealed towards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .energy import energies
from .gibbs import GibbsSampler
from .machine import PIECE, Machine, log_2cosh, log_sum_exp
from .samplers import LIMIT, all_states

TEMPERATURES, CHAINS = 1000, 100
MOST_SPREAD = 2.0  # spread of the log weights from which on the estimate is not to be trusted


class LogPartition(NamedTuple):
    """log Z.

    Attributes:
        value: the estimate.
        spread: standard deviation of the log weights of the chains; 0 if the sum is exact.
    """

    value: float
    spread: float


def log_partition(machine: Machine, base: np.ndarray, rng: np.random.Generator) -> LogPartition:
    """Log Z exactly where at most 2^20 states are to be summed, else by ``annealed``."""
    machine = in_double(machine)
    value = summed(machine)
    return LogPartition(value, 0.0) if value is not None else annealed(machine, base, rng)


def in_double(machine: Machine) -> Machine:
    """The same weights in float64."""
    h, weights = machine.h.astype(float), machine.weights.astype(float)
    return Machine(h, weights, machine.visible, machine.mask)


def summed(machine: Machine) -> float | None:
    """Log Z by summing over states, or None where there are too many.

    Where hidden spins are not coupled with each other, they are summed in closed form; in a
    restricted machine visible ones can be, if they are the more.
    """
    if machine.mask is None and machine.hidden < machine.visible:
        v = machine.visible
        machine = Machine(np.roll(machine.h, -v), machine.weights.T, machine.hidden)
    if machine.among_hidden is None and machine.visible <= LIMIT:
        parts = [log_sum_exp(-machine.free_energy(v)) for v in _states(machine.visible, machine.h)]
    elif len(machine.h) <= LIMIT:
        h, J = machine.h, machine.J
        parts = [log_sum_exp(-energies(h, J, s)) for s in _states(len(h), h)]
    else:
        return None
    return float(log_sum_exp(np.array(parts)))


def _states(n: int, like: np.ndarray) -> Iterator[np.ndarray]:
    """All states of n spins in pieces, as floats."""
    states = all_states(n)
    step = max(1, PIECE // max(n, len(like)))
    return (states[i : i + step].astype(float) for i in range(0, len(states), step))


def annealed(
    machine: Machine,
    base: np.ndarray,
    rng: np.random.Generator,
    temperatures: int = TEMPERATURES,
    chains: int = CHAINS,
) -> LogPartition:
    r"""Log Z by annealed importance sampling, from independent visible spins with fields ``base``.

    At $\beta$ the fields are $(1 - \beta) a + \beta h$ and the couplings $\beta J$, where a is
    ``base`` on visible and 0 on hidden spins. If hidden spins are not coupled with each other they
    are summed out; else chains of all spins take one sweep of block Gibbs sampling at each
    temperature, drawn unsorted: a chain must keep its weight.

    Args:
        machine: float64.
        base: ``(visible,)``, such as those of the data's base rates.
        rng: of the chains.
        temperatures: steps from 0 to 1.
        chains: how many.

    Reference: Salakhutdinov, Murray, ICML 2008, Eqs. 13-18; Neal, Statistics and Computing 11, 125
    (2001).
    """
    n, v = len(machine.h), machine.visible
    start = np.concatenate([base.astype(float), np.zeros(n - v)])
    betas = np.linspace(0, 1, temperatures + 1)
    states = np.where(rng.random((chains, n)) < 1 / (1 + np.exp(2 * start)), 1.0, -1.0)
    run = _over_visible if machine.among_hidden is None else _over_all
    weights = run(machine, start, betas, states, rng)
    top = float(log_2cosh(start).sum())  # log Z of the start
    spread = float(np.std(weights))
    return LogPartition(top + float(log_sum_exp(weights)) - float(np.log(chains)), spread)


def _at(machine: Machine, start: np.ndarray, beta: float) -> Machine:
    h = (1 - beta) * start + beta * machine.h
    return Machine(h, beta * machine.weights, machine.visible, machine.mask)


def _over_visible(
    machine: Machine,
    start: np.ndarray,
    betas: np.ndarray,
    states: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log weights of chains of visible spins; hidden ones are summed out, and drawn to step."""
    n = machine.visible
    (a, b, c), across = (start[:n], machine.h[:n], machine.h[n:]), machine.across
    inner = None if machine.mask is None else machine.weights[:n, :n]
    v, weights = states[:, :n], np.zeros(len(states))
    for before, beta in zip(betas, betas[1:], strict=False):
        said = v @ across + c
        slope = machine.visible_energy(v) - v @ a
        gain = log_2cosh(beta * said).sum(axis=1) - log_2cosh(before * said).sum(axis=1)
        weights += gain - (beta - before) * slope
        hidden = _drawn(beta * said, rng)
        fields = (1 - beta) * a + beta * (b + hidden @ across.T)
        if inner is None or not inner.any():
            v = _drawn(fields, rng)
        else:  # visible spins that are coupled take one sweep given the hidden ones
            chains = v[:, None].astype(np.int8)
            v = GibbsSampler(1).draw(fields, beta * inner, 1, rng, chains)[:, 0].astype(float)
    return weights


def _over_all(
    machine: Machine,
    start: np.ndarray,
    betas: np.ndarray,
    states: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log weights of chains of all spins."""
    weights, chains = np.zeros(len(states)), states.astype(np.int8)
    slope = energies(machine.h - start, machine.J, states)
    for before, beta in zip(betas, betas[1:], strict=False):
        weights -= (beta - before) * slope
        now = _at(machine, start, beta)
        chains = GibbsSampler(1).draw(now.h[None], now.J, len(chains), rng, chains[None])[0]
        slope = energies(machine.h - start, machine.J, chains)
    return weights


def _drawn(fields: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Independent spins in fields."""
    with np.errstate(over="ignore"):
        return np.where(rng.random(fields.shape) < 1 / (1 + np.exp(2 * fields)), 1.0, -1.0)
