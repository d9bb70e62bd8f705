"""Gradient variance from 2 to 200 wires, three families: ``python -m benchmarks.plateaus``.

Writes ``docs/gradient_variance.png``. Arrows are upper bounds: no walk was seen to arrive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import pennylane as qp

import qdl
from qdl.commands import plots
from qdl.diagnostics import gradient_variance
from qdl.layers import Convolution, Entangler, Pooling, Repeat, Rotation, Template

PICTURE = Path(__file__).parent.parent / "docs" / "gradient_variance.png"
WIDTHS = (2, 4, 6, 8, 10, 14, 20, 30, 50, 100, 200)


def layered(n: int, measured: range) -> qdl.QNN:
    """Four times RY and RZ on every wire and a brick wall of CZ; a product of Z is measured."""
    block = [Rotation("yz"), Entangler("cz", "brick")]
    observable = qp.prod(*[qp.Z(i) for i in measured])
    return qdl.QNN(n, Repeat(block, 4), readout=qdl.Expval(observable))


def neighbours(n: int) -> range:
    """Two wires in the middle, at the same place in the brick wall at every width."""
    return range(2 * (n // 4), 2 * (n // 4) + 2)


def qcnn(n: int) -> qdl.QNN:
    """Convolutions with weights of their own on every pair, pooling by a CNOT, down to one wire."""
    layers: list[Any] = []
    left = n
    while left > 1:
        layers += [Convolution(shared=False), Template(_cnots), Pooling("")]
        left = (left + 1) // 2
    return qdl.QNN(n, layers)


def _cnots(params: Any, x: Any, wires: Any) -> Any:
    for keep, drop in zip(wires[::2], wires[1::2], strict=False):
        yield qp.CNOT([drop, keep])


FAMILIES = {
    "4 layers, all wires measured": (lambda n: layered(n, range(n)), 2**19),
    "4 layers, two neighbours measured": (lambda n: layered(n, neighbours(n)), 2**19),
    "QCNN, weights of its own": (qcnn, 2**21),
}  # with walks a width


def main() -> None:
    """Measure, print and draw."""
    figure, axes = plots.panels(1, 1, (6.4, 4.2))
    for colour, (name, (build, samples)) in zip(plots.COLOURS, FAMILIES.items(), strict=False):
        sweep = gradient_variance(
            build, WIDTHS, parameter="median", samples=samples, key=jax.random.key(0)
        )
        print(f"{name}\n{sweep.table()}\n", flush=True)
        sweep.plot(axes[0, 0], label=name, colour=colour)
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xticks([2, 5, 10, 20, 50, 100, 200], ["2", "5", "10", "20", "50", "100", "200"])
    axes[0, 0].minorticks_off()
    axes[0, 0].set(xlabel="wires", ylabel="variance of the median derivative")
    axes[0, 0].set_title("Gradient over random starts; open triangles: upper bounds", loc="left")
    axes[0, 0].legend(**plots.KEY, loc="lower left")
    plots.save(figure, PICTURE)


if __name__ == "__main__":
    main()
