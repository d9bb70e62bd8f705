"""The pictures of layers.md: its code is run, and each ``circuits/NAME.svg`` draws the layer NAME."""

import functools
import io
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
    """A layer with its angles named; wires that it drops get no meter."""
    import matplotlib.pyplot as plt
    import pennylane as qp

    from qdl.circuit import Circuit
    from qdl.drawing import figure_of, symbolic

    circuit = Circuit(n_wires, layer)
    kept = circuit.active
    meters = [] if kept == circuit.wires else [qp.expval(qp.Z(wire)) for wire in kept]
    figure, axes = figure_of(*symbolic(circuit), meters, circuit.wires)
    axes.set_ylim(n_wires - 0.4, -0.6)  # less empty room above and below
    figure.set_figheight(n_wires + 0.2)
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", bbox_inches="tight", transparent=True)
    plt.close(figure)
    return svg.getvalue()
