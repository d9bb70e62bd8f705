"""Gradients of photonic circuits over modes and over the energy of the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import jax
import numpy as np

from .result.sweep import Sweep

STARTS = 8  # that are looked at for what the cut-off leaves out
LEAK = 1e-3  # from which on it is said


@dataclass(frozen=True, eq=False, repr=False)
class EnergySweep:
    """Gradients against the number of modes, for several energies of the start.

    Attributes:
        energies: photons per mode.
        sweeps: one ``Sweep`` over modes for each energy.
        leaks: what the cut-off leaves out of the state in the mean of some starts, ``(energies, modes)``;
            0 where nothing is cut.
    """

    energies: tuple[float, ...]
    sweeps: tuple[Sweep, ...]
    leaks: np.ndarray

    def __getitem__(self, energy: float) -> Sweep:
        if energy not in self.energies:
            raise KeyError(
                f"no sweep for energy {energy}: there are {list(self.energies)}. Use one of those."
            )
        return self.sweeps[self.energies.index(energy)]

    def __iter__(self) -> Iterator[Sweep]:
        return iter(self.sweeps)

    @property
    def n_wires(self) -> tuple[int, ...]:
        """The numbers of modes."""
        return self.sweeps[0].n_wires

    @property
    def values(self) -> np.ndarray:
        """What is followed, ``(energies, modes)``."""
        return np.array([sweep.followed()["value"] for sweep in self.sweeps])

    @property
    def errors(self) -> np.ndarray:
        """Its standard errors, ``(energies, modes)``."""
        return np.array([sweep.followed()["standard_error"] for sweep in self.sweeps])

    def power(self, n: int | None = None) -> tuple[float, float]:
        r"""The power k of $E^k$ at n modes, and its standard error; NaN with fewer than three energies.

        A straight line through the logarithms, each with the weight of its error.

        Args:
            n: modes; None for the most.
        """
        column = len(self.n_wires) - 1 if n is None else self.n_wires.index(n)
        values, errors = self.values[:, column], self.errors[:, column]
        known = (values > 0) & np.isfinite(values)
        if known.sum() < 3:
            return float("nan"), float("nan")
        e, v = np.log(np.array(self.energies)[known]), np.log(values[known])
        relative = np.maximum(np.nan_to_num(errors[known]) / values[known], 1e-9)
        design = np.stack([np.ones_like(e), e], 1)
        line, cov = np.polyfit(e, v, 1, w=1 / relative, cov="unscaled")
        residual = (v - design @ line[::-1]) / relative
        scale = max(1.0, float(residual @ residual) / max(len(e) - 2, 1))
        return float(line[0]), float(np.sqrt(cov[0, 0] * scale))

    @property
    def verdict(self) -> str:
        """Where the gradient goes with the modes at each energy, and with the energy at the most modes."""
        modes = "; ".join(
            f"at E = {e:g} {sweep.verdict.kind}"
            for e, sweep in zip(self.energies, self.sweeps, strict=True)
        )
        k, error = self.power()
        energy = (
            "inconclusive, three energies are needed"
            if np.isnan(k)
            else f"as E^({k:.2f} +- {error:.2f}) on {self.n_wires[-1]} modes"
        )
        return f"with the modes: {modes}. With the energy: {energy}.{self._left_out()}"

    def _left_out(self) -> str:
        if not self.leaks.max() > LEAK:
            return ""
        e, n = np.unravel_index(self.leaks.argmax(), self.leaks.shape)
        return (
            f" The cut-off leaves out {self.leaks[e, n]:.2g} of the state at E = {self.energies[e]:g} on "
            f"{self.n_wires[n]} modes: raise it, unless the readout does not see that."
        )

    def table(self) -> str:
        """Modes in columns, energies in rows."""
        first = self.sweeps[0]
        lines = [
            f"{first.subject}; energy E in photons per mode; modes in columns",
            "         E " + " ".join(f"{n:>10}" for n in self.n_wires),
        ]
        for e, row in zip(self.energies, self.values, strict=True):
            lines.append(f"{e:>10g} " + " ".join(f"{v:>10.3e}" for v in row))
        return "\n".join([*lines, f"verdict: {self.verdict}"])

    __repr__ = table  # what a notebook shows


def check_energies(energy: Any) -> tuple[float, ...]:
    """Energies above zero, each once."""
    given = tuple(energy) if np.iterable(energy) else (energy,)
    numbers = all(isinstance(e, Real) and not isinstance(e, bool) for e in given)
    if not (given and numbers and len(set(given)) == len(given)) or not all(
        np.isfinite(e) and e > 0 for e in given
    ):
        raise ValueError(
            f"energy must be distinct numbers > 0, photons per mode, got {energy!r}. Example: "
            "energy=(0.5, 1.0, 2.0)."
        )
    return tuple(map(float, given))


def mean_leak(model: Any, x: Any, key: Any) -> float:
    """What a place that cuts leaves out of the states of some starts; 0 where it cuts nothing."""
    if not hasattr(model.place, "leak"):
        return 0.0
    keys = jax.random.split(key, STARTS)
    x = model.check_features(x)
    return float(np.mean([model.place.leak(model.circuit, model.init(k), x) for k in keys]))
