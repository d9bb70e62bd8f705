"""What every sampler must do, as one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ising.base import generator
from ..ising.energy import Bipartite, Ising


def check_sampler(
    sampler: Any,
    n_spins: int = 6,
    num_reads: int = 8,
    key: Any = 0,
    initial: bool = False,
    repeatable: bool = True,
) -> None:
    """Check that a sampler keeps the contract: shapes, spins, energies, order, keys, input left as is.

    Energies are compared with those of dimod's model of the same problem, to 1e-4. That the states
    are low in energy is asked for only in the weakest sense: below the mean of random states.

    Args:
        sampler: what has ``sample(h, J, num_reads, key, initial=None)``.
        n_spins: the size of the problems, at least 3.
        num_reads: states per problem.
        key: of the problems and of the sampler.
        initial: check that it starts from given states too.
        repeatable: check that the same key gives the same reads; False for a machine, which has
            noise of its own.

    Raises:
        AssertionError: the contract is broken; the text says how.

    Example:
        >>> from qdl.ising import BlockSampler
        >>> check_sampler(BlockSampler(sweeps=5), initial=True)
    """
    rng = generator(key)
    left = n_spins // 2
    network = Bipartite(rng.normal(size=(left, n_spins - left)))
    dense = np.triu(rng.normal(size=(n_spins, n_spins)), 1)
    for J in (network, network.dense(), dense):
        for lead in ((), (3,), (2, 2)):
            h = rng.normal(size=(*lead, n_spins))
            start = rng.choice([-1, 1], size=(*lead, num_reads, n_spins)) if initial else None
            _check(sampler, h, J, num_reads, int(rng.integers(2**31)), start, repeatable)
    h32, J32 = h[0, 0].astype(np.float32), Bipartite(network.block.astype(np.float32))
    _check(sampler, h32, J32, num_reads, 0, None, repeatable)


def _check(
    sampler: Any, h: Any, J: Any, num_reads: int, key: int, start: Any, repeatable: bool
) -> None:
    name = repr(sampler)
    before = h.copy()
    words = {} if start is None else {"initial": start}
    spins, energies = sampler.sample(h, J, num_reads=num_reads, key=key, **words)
    assert np.array_equal(h, before), f"{name} changed the fields that it was given."
    spins, energies = np.asarray(spins), np.asarray(energies)
    shape = (*h.shape[:-1], num_reads, h.shape[-1])
    assert spins.shape == shape, f"{name}: spins have shape {spins.shape}, expected {shape}."
    assert energies.shape == shape[:-1], (
        f"{name}: energies have shape {energies.shape}, expected {shape[:-1]}."
    )
    values = np.unique(spins)
    assert np.isin(values, (-1, 1)).all(), f"{name}: spins are {values}, expected -1 and +1."
    assert (np.diff(energies, axis=-1) >= 0).all(), f"{name}: the lowest energy must come first."
    states = spins.reshape(-1, *shape[-2:])
    models = [Ising(fields, J).to_bqm() for fields in h.reshape(-1, shape[-1])]
    expected = [model.energies(rows) for model, rows in zip(models, states, strict=True)]
    error = np.abs(energies.reshape(len(states), -1) - expected).max()
    assert error <= 1e-4 * (1 + np.abs(expected).max()), (
        f"{name}: energies differ by {error:.2e} from those of a dimod model of the same problem."
    )
    # The mean over all states is 0: no field and no coupling favours a random state.
    assert np.mean(energies) < 0, (
        f"{name}: the mean energy is {np.mean(energies):.3g}, above random."
    )
    if repeatable:
        again = sampler.sample(h, J, num_reads=num_reads, key=key, **words)
        assert np.array_equal(again[0], spins), f"{name}: the same key gave other reads."
