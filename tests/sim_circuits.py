"""The circuits of Sim, Johnson, Aspuru-Guzik (2019), figure 2, on 4 wires, one layer each."""

from itertools import permutations

import pennylane as qp

import qdl
from qdl.layers import Entangler, Rotation, Template

UP = ((3, 2), (2, 1), (1, 0))  # from the last wire upwards
RING = ((3, 0), (2, 3), (1, 2), (0, 1))
BACK = ((3, 2), (0, 3), (1, 0), (2, 1))
OUTER, INNER = ((1, 0), (3, 2)), ((2, 1),)
ALL = tuple(sorted(permutations(range(4), 2), key=lambda pair: (-pair[0], -pair[1])))


def hadamards(params, x, wires):
    return [qp.H(wire) for wire in wires]


def inner_rotations(params, x, wires):
    for i, wire in enumerate(wires[1:3]):
        yield qp.RY(params[i, 0], wires=wire)
        yield qp.RZ(params[i, 1], wires=wire)


def block(number):
    xz, y, yz = Rotation("xz"), Rotation("y"), Rotation("yz")
    inner = Template(inner_rotations, (2, 2))
    return {
        1: [xz],
        2: [xz, Entangler("cnot", UP)],
        3: [xz, Entangler("crz", UP)],
        4: [xz, Entangler("crx", UP)],
        5: [xz, Entangler("crz", ALL), xz],
        6: [xz, Entangler("crx", ALL), xz],
        7: [xz, Entangler("crz", OUTER), xz, Entangler("crz", INNER)],
        8: [xz, Entangler("crx", OUTER), xz, Entangler("crx", INNER)],
        9: [Template(hadamards), Entangler("cz", UP), Rotation("x")],
        10: [y, Entangler("cz", (*UP, (0, 3))), y],
        11: [yz, Entangler("cnot", OUTER), inner, Entangler("cnot", INNER)],
        12: [yz, Entangler("cz", OUTER), inner, Entangler("cz", INNER)],
        13: [y, Entangler("crz", RING), y, Entangler("crz", BACK)],
        14: [y, Entangler("crx", RING), y, Entangler("crx", BACK)],
        15: [y, Entangler("cnot", RING), y, Entangler("cnot", BACK)],
        16: [xz, Entangler("crz", (*OUTER, *INNER))],
        17: [xz, Entangler("crx", (*OUTER, *INNER))],
        18: [xz, Entangler("crz", RING)],
        19: [xz, Entangler("crx", RING)],
    }[number]


def sim_circuit(number):
    return qdl.QNN(4, block(number))
