"""The pictures of layers.md: its code is run, and each ``circuits/NAME.svg`` draws the layer NAME."""

import functools
import io
import itertools
import math
import re
from pathlib import Path

from mkdocs.structure.files import File

PAGE = Path(__file__).parents[1] / "layers.md"
CODE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
PICTURE = re.compile(r"!\[[^\]]* on (\d) wires\]\(circuits/(\w+)\.svg\)")


def on_files(files, config):
    """Adds the pictures that the page asks for."""
    for name, svg in pictures(PAGE.read_text(encoding="utf-8")).items():
        files.append(File.generated(config, f"circuits/{name}.svg", content=svg))
    return files


@functools.cache  # `mkdocs serve` builds again at every change of any page
def pictures(text):
    """SVG by name: each layer that the page defines and shows, on as many wires as its caption says."""
    import matplotlib

    matplotlib.use("agg")
    names = {}
    exec("\n".join(CODE.findall(text)), names)
    return {name: draw(names[name], int(n)) for n, name in PICTURE.findall(text)}


def draw(layer, n_wires):
    """A layer as PennyLane draws it, its angles named; wires that it drops get no meter."""
    import jax
    import matplotlib.pyplot as plt
    import numpy as np
    import pennylane as qp

    wires = tuple(range(n_wires))
    rng = np.random.default_rng(0)
    params = layer.init(jax.random.key(0), wires)
    params = jax.tree.map(lambda leaf: rng.uniform(size=leaf.shape), params)
    leaves = np.concatenate([np.ravel(leaf) for leaf in [*jax.tree.leaves(params), []]])
    x = rng.uniform(size=layer.n_features(wires) or n_wires)
    names = symbols(x, leaves)
    operators = [named(operator, names) for operator in layer.gates(params, x, wires)]
    kept = layer.active(wires)
    meters = [] if kept == wires else [qp.expval(qp.Z(wire)) for wire in kept]
    tape = qp.tape.QuantumScript(operators, meters)
    figure, axes = qp.drawer.tape_mpl(tape, wire_order=wires, decimals=1)
    axes.set_ylim(n_wires - 0.4, -0.6)  # less empty room above and below
    figure.set_figheight(n_wires + 0.2)
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", bbox_inches="tight", transparent=True)
    plt.close(figure)
    return svg.getvalue()


def symbols(x, params):
    """What an angle is called, by its value: a feature, a parameter, or a product of two of these."""
    names = {float(value): f"x_{{{i}}}" for i, value in enumerate(x)}
    names |= {float(value): rf"\theta_{{{i}}}" for i, value in enumerate(params)}
    pairs = itertools.combinations(names.items(), 2)
    names |= {a * b: f"{second} {first}" for (a, first), (b, second) in pairs}
    return names | {math.pi * value: rf"\pi {name}" for value, name in names.items()}


def named(operator, names):
    """The gate, labelled with its one angle; a gate of several angles shows its name alone."""
    import pennylane as qp

    value = operator.data[0] if operator.num_params == 1 else None
    angle = float(value) if getattr(value, "shape", None) == () else None
    name = names.get(abs(angle)) if angle is not None else None
    symbol = f"${'-' if angle < 0 else ''}{name}$" if name else ""
    if symbol and isinstance(operator, qp.ops.Controlled):  # drawing makes it anew from its angle
        return qp.ops.functions.bind_new_parameters(operator, [symbol])
    text = f"{operator.label()}\n{symbol}".strip()
    operator.label = lambda **_: text
    return operator
