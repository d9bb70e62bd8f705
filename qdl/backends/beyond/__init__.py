"""Places above the state vector: light cones, exact contraction, propagation of Pauli words."""
