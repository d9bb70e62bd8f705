"""How the variance of a gradient is measured: ``choose`` takes the engine asked for, or the best valid one.

``statevector`` and ``light_cone`` draw random starts, ``dense_moment`` is exact on few wires; the Pauli walk
has a room of its own. ``sampled`` asks a place with shots twice (``runs``), ``halves`` takes out the noise.
``state_moments`` are exact moments of states instead of costs.
"""
