"""The photonic network of ``qdl train``: a classifier of features in [0, pi]."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from typing import Any

MOST = 500  # amplitudes of a state


def classifier(n_features: int, outputs: int, depth: int) -> Any:
    """A ``cvqnn`` with one mode a feature, read by the quadratures of its first modes.

    All features together are coherent light of about half a photon, and the basis is cut by the photons of
    all modes together, at 8 or where there are 500 amplitudes.
    """
    from .. import models
    from ..backends import fock
    from ..layers import Sequential
    from ..photonic import DisplacementEncoding, Quadrature

    cutoff = max(n for n in range(3, 9) if n == 3 or comb(n_features + n - 1, n_features) <= MOST)
    model = models.cvqnn(n_features, depth, cutoff=cutoff)
    _, *rest = model.layers.layers
    encoded = Sequential((DisplacementEncoding(scale=0.5 / n_features**0.5), *rest))
    place = fock(cutoff, total=True, penalty=1.0)
    return replace(model, layers=encoded, readout=Quadrature(range(outputs)), place=place)
