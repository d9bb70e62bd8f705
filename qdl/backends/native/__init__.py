"""Places of the native simulator: pure states, density matrices, trajectories, and a PennyLane device."""
