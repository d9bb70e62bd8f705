"""A QNN inside models of other libraries: the examples train, and the circuit does its part."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PARTS = {"flax_nnx": "flax", "equinox_mlp": "equinox"}


@pytest.mark.parametrize("name", PARTS)
def test_the_example_trains_classical_and_quantum_parameters(name):
    pytest.importorskip(PARTS[name], reason=f"{PARTS[name]} is not installed: pip install qdl[dev]")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    start, _, _ = example.main(steps=0)
    trained, losses, accuracy = example.main()
    assert len(losses) == 150 and losses[-1] < 0.3 * losses[0]
    assert accuracy > 0.9
    before, after = jax.tree.leaves(start.quantum.params), jax.tree.leaves(trained.quantum.params)
    assert sum(np.size(leaf) for leaf in after) == trained.quantum.model.n_params == 24
    assert all(np.abs(np.subtract(a, b)).max() > 1e-3 for a, b in zip(before, after, strict=True))
    assert trained.quantum(np.zeros(3)).shape == (3,)
