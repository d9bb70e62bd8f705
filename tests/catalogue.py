"""The one list of layers: a row here is checked by everything that loops over layers."""

from typing import NamedTuple

import numpy as np
import pennylane as qp

from qdl.initializers import gaussian
from qdl.layers import (
    QAOA,
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    Evolution,
    Hadamards,
    IQPEncoding,
    Layer,
    Mirrored,
    MPSEncoding,
    Noise,
    OpenQASM,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Sequential,
    Template,
)
from qdl.photonic import (
    CrossKerr,
    CubicPhase,
    Displacement,
    DisplacementEncoding,
    Interferometer,
    Kerr,
    Squeezing,
    haar,
    normal,
)


class Row(NamedTuple):
    layer: Layer
    shape: object  # of the parameters on 3 wires
    least: int = 1  # wires
    columns: int = 0  # features on 3 wires
    left: tuple = (0, 1, 2)  # active wires after it
    slow: bool = False


def strongly_entangling(params, x, wires):
    return qp.StronglyEntanglingLayers(params, wires)


def two_layers(wires):
    return (2, len(wires), 3)


def diagonal(params, x, wires):
    """A derived angle, a matrix and a multi-controlled gate: no fast path for any of them."""
    yield qp.MultiRZ(params[0] * params[1] + 0.1, wires=wires)
    yield qp.QubitUnitary(np.array([[0.6, 0.8j], [0.8j, 0.6]]), wires=wires[0])
    yield qp.PauliRot(params[2], ("XYZ" * 2)[: len(wires)], wires=wires)


QASM = """OPENQASM 3.0;
input float[64] x_0; input float[64] x_1; input float[64] w_0; input float[64] w_1;
qubit[2] q;
gphase(0.3);
U(2*w_0 + x_0/3 - 0.7, 0.4, w_1) q[1];
crx(sin(w_1)*x_1) q[1], q[0];
barrier q[0], q[1];
sxdg q[0];
"""
WORDS = ((0.7, "ZZ", (0, 2)), (-1.3, "X", (1,)), (0.4, "YXZ", (2, 0, 1)), (1.0, "ZZZ", (0, 1, 2)))

BLOCKS = {
    "su4": 15, "ttn": 2, "u5": 10, "u6": 10, "u9": 2, "u13": 6, "u14": 6, "u15": 4, "so4": 6,
    "hur_su4": 15,
}  # fmt: skip
QUICK = ("su4", "u9")  # the rest of the blocks at every width: slow
FIXED = ("cnot", "cy", "cz", "ch", "swap", "iswap")
ANGLED = ("crx", "cry", "crz", "cphase", "isingxx", "isingyy", "isingzz", "isingxy")
PATTERNS = ("chain", "ring", "brick", "all")

ROWS = {
    "angle": Row(AngleEncoding(), None, columns=3),
    "angle-x-scaled": Row(AngleEncoding("x", scale=0.7), None, columns=3),
    "angle-trainable": Row(AngleEncoding("z", scale=1.3, trainable=True), (3,), columns=3),
    "amplitude": Row(AmplitudeEncoding(), None, columns=8),
    "mps": Row(MPSEncoding(2), None, columns=24),
    "mps-complex": Row(MPSEncoding(3, real=False), None, columns=108, slow=True),
    "basis": Row(BasisEncoding(), None, columns=3),
    "iqp": Row(IQPEncoding(2), None, columns=3),
    "rotation": Row(Rotation("zyz"), (3, 3)),
    "rotation-x": Row(Rotation("x", initializer=gaussian(1.0)), (3, 1), slow=True),
    "random-rotation": Row(RandomRotation(), {"angle": (3,), "axis": (3, 3)}),
    "evolution": Row(Evolution(WORDS), (1,), least=3),
    "evolution-unshared": Row(Evolution(WORDS, shared=False), (4,), least=3),
    "hadamards": Row(Hadamards(), None),
    "qaoa": Row(
        QAOA([(1.0, "ZZ", (0, 1)), (0.5, "Z", (1,))], depth=2),
        {"start": None, "turns": [(2, 1), (2, 1)]},
        least=2,
    ),
    "entangler-pairs": Row(Entangler("CRX", ((2, 0), (0, 1))), (2,), least=3),
    "pooling": Row(Pooling(), (2,), least=2, left=(0, 2)),
    "pooling-yz-measured": Row(
        Pooling("yz", kind="measured"), (2,), least=2, left=(0, 2), slow=True
    ),
    "pooling-discard": Row(Pooling(""), None, least=2, left=(0, 2)),
    "convolution-unshared": Row(Convolution("u13", shared=False), (2, 6), least=2),
    "sequential": Row(
        Sequential([Rotation("y"), Convolution("ttn"), Pooling("x"), Rotation("xz")]),
        [(3, 1), (2,), (1,), (2, 2)],
        least=2,
        left=(0, 2),
    ),
    "repeat": Row(
        Repeat([AngleEncoding(trainable=True), RandomRotation(), Entangler("cz", "ring")], 3),
        [(3, 3), {"angle": (3, 3), "axis": (3, 3, 3)}, None],
        columns=3,
    ),
    "adjoint": Row(
        Adjoint([Rotation("zyz"), AngleEncoding(), Entangler("crx")]),
        [(3, 3), None, (2,)],
        columns=3,
    ),
    "mirrored": Row(
        Mirrored([Rotation("xy"), Entangler("cnot")]),
        {"block": [(3, 2), None], "adjoint": [(3, 2), None]},
    ),
    "template": Row(Template(strongly_entangling, two_layers), (2, 3, 3), least=2),
    "template-derived": Row(Template(diagonal, (3,)), (3,)),
    "openqasm": Row(OpenQASM(QASM, ("a", "b"), ("c", "d")), (2,), least=2, columns=2),
    "template-class": Row(Template(qp.QAOAEmbedding, n_layers=2), (2, 6), least=3, columns=3),
    "entangler-angled": Row(Sequential([Entangler(g) for g in ANGLED]), [(2,)] * len(ANGLED)),
    **{
        f"convolution-{b}": Row(Convolution(b), (p,), least=2, slow=b not in QUICK)
        for b, p in BLOCKS.items()
    },
    **{f"entangler-{g}": Row(Entangler(g), None) for g in FIXED},
    **{f"entangler-{g}": Row(Entangler(g), (2,), slow=True) for g in ANGLED},
    "entangler-cz-ring": Row(Entangler("cz", "ring"), None),
    "entangler-cnot-brick": Row(Entangler("cnot", "brick"), None),
    "entangler-crx-all": Row(Entangler("crx", "all"), (3,), slow=True),
}

# Channels have no state vector: their operators are checked, not their numbers.
CHANNELS = ("depolarizing", "amplitude_damping", "phase_damping", "bit_flip")
NOISE = {f"noise-{name}": Row(Noise(name, 0.1), None) for name in CHANNELS}

# Layers of modes, which run on other places: 3 modes.
OF_MODES = {
    "displacement-encoding": Row(DisplacementEncoding(0.5), None, columns=3),
    "displacement-encoding-trainable": Row(
        DisplacementEncoding(0.5, trainable=True), (3,), columns=3
    ),
    "displacement-encoding-features": Row(
        DisplacementEncoding(features=(1, 1, 0)), None, columns=2
    ),
    "interferometer": Row(Interferometer(), {"theta": (3,), "phi": (3,), "rotation": (3,)}),
    "interferometer-haar": Row(
        Interferometer(initializer=haar()), {"theta": (3,), "phi": (3,), "rotation": (3,)}
    ),
    "squeezing": Row(Squeezing(), {"r": (3,)}),
    "squeezing-phase": Row(
        Squeezing(True, initializer=normal(active=0.1)), {"r": (3,), "phi": (3,)}
    ),
    "displacement": Row(Displacement(), {"re": (3,), "im": (3,)}),
    "kerr": Row(Kerr(), (3,)),
    "cross-kerr": Row(CrossKerr("ring"), (3,)),
    "cross-kerr-pairs": Row(CrossKerr(((2, 0),)), (1,)),
    "cubic-phase": Row(CubicPhase(), (3,)),
    "modes-repeat": Row(
        Repeat([Interferometer(), Squeezing(), Displacement(), Kerr()], 2),
        [
            {"theta": (2, 3), "phi": (2, 3), "rotation": (2, 3)},
            {"r": (2, 3)},
            {"re": (2, 3), "im": (2, 3)},
            (2, 3),
        ],
    ),
}
