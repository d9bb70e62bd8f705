"""The effective dimensions of a quantum network, an easier one and a classical one, from the circuits.

As in Abbas et al.: four features, two classes, 40 parameters each; parameters uniform in [-1, 1], features
normal; the output is the parity of all bits. The quantum network encodes by the ZZ feature map of depth 2,
the easier one by rotations without entanglement; both end in nine layers of CNOTs between all wires with
rotations about y before and after. The classical one is a perceptron 4-4-4-2 without biases, with leaky
units and softmax. Larger is not better at learning: it is how much of the space of distributions a model
of this size reaches at a number of data.

`python -m benchmarks.evidence.effective_dimension [--draws 100] [--plot FILE]`

Reference: Abbas, Sutter, Zoufal, Lucchi, Figalli, Woerner, Nature Computational Science 1, 403 (2021),
figure 3.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

import qdl
from qdl.diagnostics import effective_dimension, effective_dimension_of
from qdl.layers import Entangler, Hadamards, Layer, Repeat, Rotation

SIZES = np.unique(np.logspace(3, 6, 13).round().astype(int))  # numbers of data


@dataclass(frozen=True)
class FeatureMap(Layer):
    """Phases 2 x_i, and with `entangled` 2 (pi - x_i)(pi - x_j) on each pair."""

    entangled: bool = True

    def n_features(self, wires: tuple[int, ...]) -> int:
        return len(wires)

    def gates(self, params: Any, x: Any, wires: tuple[int, ...]) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            yield qp.PhaseShift(2 * x[..., i], wires=wire)
        for i, j in combinations(range(len(wires)), 2) if self.entangled else ():
            pair = wires[i], wires[j]
            yield qp.CNOT(wires=pair)
            yield qp.PhaseShift(2 * (math.pi - x[..., i]) * (math.pi - x[..., j]), wires=pair[1])
            yield qp.CNOT(wires=pair)


def quantum(n: int = 4, depth: int = 9, entangled: bool = True) -> qdl.QNN:
    """The network of the paper; without `entangled` the easier one, whose features enter once."""
    encoding = Repeat([Hadamards(), FeatureMap(entangled)], 2 if entangled else 1)
    block = [Entangler("cnot", tuple(combinations(range(n), 2))), Rotation("y")]
    return qdl.QNN(
        n, [encoding, Rotation("y"), Repeat(block, depth)], readout=qdl.ExpZ(),
        initializer=qdl.initializers.uniform(-1.0, 1.0),
    )  # fmt: skip


def parity(bits: np.ndarray) -> np.ndarray:
    """0 or 1 for each row of bits."""
    return bits.sum(axis=1) % 2


def classical_fishers(key: Any, X: Any, draws: int) -> np.ndarray:
    """Fisher matrices of the perceptron, averaged over the features: `(draws, 40, 40)`."""
    shapes = [(4, 4), (4, 4), (4, 2)]
    sizes = [math.prod(shape) for shape in shapes]

    def logs(flat: Any, x: Any) -> Any:
        parts = jnp.split(flat, np.cumsum(sizes)[:-1])
        for i, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
            x = x @ part.reshape(shape)
            x = jax.nn.leaky_relu(x) if i < len(shapes) - 1 else x
        return jax.nn.log_softmax(x)

    def fisher(flat: Any) -> Any:
        def one(x: Any) -> Any:
            slopes = jax.jacrev(logs)(flat, x)
            return jnp.einsum("k,ki,kj->ij", jnp.exp(logs(flat, x)), slopes, slopes)

        return jax.vmap(one)(X).mean(axis=0)

    flat = jax.random.uniform(key, (draws, sum(sizes)), minval=-1.0, maxval=1.0)
    return np.asarray(jax.jit(jax.vmap(fisher))(flat))


def curves(draws: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Dimension over the number of parameters at each of `SIZES`."""
    for_x, for_params = jax.random.split(jax.random.key(seed))
    X = np.asarray(jax.random.normal(for_x, (draws, 4)))
    options: dict[str, Any] = {"n_data": SIZES, "draws": draws, "x": X, "of": parity}
    found = {
        "quantum network": effective_dimension(quantum(), key=for_params, **options),
        "easier quantum model": effective_dimension(
            quantum(entangled=False), key=for_params, **options
        ),
    }
    matrices = classical_fishers(for_params, X, draws)
    found["perceptron"] = np.array([effective_dimension_of(matrices, int(n)) for n in SIZES])
    return {name: values / 40 for name, values in found.items()}


def draw(found: dict[str, np.ndarray], path: str) -> None:
    """The picture of the paper's figure."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(5.4, 3.8), layout="constrained").subplots()
    for colour, (name, values) in zip(
        ("#3b6fb6", "#4f9d69", "#d1663a"), found.items(), strict=True
    ):
        axes.plot(SIZES, values, "o-", color=colour, markersize=4, label=name)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xscale="log", xlabel="number of data", ylabel="effective dimension / 40 parameters")
    axes.legend(frameon=False, fontsize=8.5)
    axes.figure.savefig(path, dpi=130)


def main() -> None:
    """Print the table, and draw it."""
    parser = argparse.ArgumentParser(description="Effective dimensions, as Abbas et al., figure 3.")
    parser.add_argument("--draws", type=int, default=100, help="of parameters, and of features")
    parser.add_argument("--plot", help="write the picture here")
    words = parser.parse_args()
    found = curves(words.draws)
    print("number of data", *found, sep="  ")
    for i, n in enumerate(SIZES):
        print(f"{n:>14}  " + "  ".join(f"{v[i]:>{len(name)}.3f}" for name, v in found.items()))
    if words.plot:
        draw(found, words.plot)


if __name__ == "__main__":
    main()
