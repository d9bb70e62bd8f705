"""Simulating modes of light: matrix elements, states of photon numbers, and phase space."""
