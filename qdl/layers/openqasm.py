"""A circuit written as OpenQASM text, as a layer; its angles are expressions of features and weights."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import pennylane as qp

from ..refused import Refused
from .base import Initializer, Layer, Shape, Wires

# Gates with the same matrix, angles and order of wires in PennyLane and in Qiskit, by their names there.
SAME = {
    "Hadamard": "h", "PauliX": "x", "PauliY": "y", "PauliZ": "z", "S": "s", "T": "t", "SX": "sx",
    "Adjoint(S)": "sdg", "Adjoint(T)": "tdg", "Adjoint(SX)": "sxdg",
    "CNOT": "cx", "CY": "cy", "CZ": "cz", "CH": "ch", "SWAP": "swap", "ISWAP": "iswap", "ECR": "ecr",
    "Toffoli": "ccx", "CSWAP": "cswap", "CCZ": "ccz",
    "RX": "rx", "RY": "ry", "RZ": "rz", "PhaseShift": "p", "U3": "u",
    "CRX": "crx", "CRY": "cry", "CRZ": "crz", "ControlledPhaseShift": "cp",
    "IsingXX": "rxx", "IsingYY": "ryy", "IsingZZ": "rzz",
}  # fmt: skip
WRITTEN = {"u": "U"}  # by OpenQASM's name where that is another
OURS = {WRITTEN.get(theirs, theirs): ours for ours, theirs in SAME.items()}
ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow
}  # fmt: skip
FUNCTIONS = {
    "sin": jnp.sin, "cos": jnp.cos, "tan": jnp.tan, "exp": jnp.exp, "log": jnp.log, "sqrt": jnp.sqrt,
    "arcsin": jnp.arcsin, "arccos": jnp.arccos, "arctan": jnp.arctan,
}  # fmt: skip


class Instruction(NamedTuple):
    """One line of the text: a gate by PennyLane's name, its angles as expressions, its qubits."""

    name: str
    angles: tuple[Any, ...]
    qubits: tuple[int, ...]


class Parsed(NamedTuple):
    """What a text says."""

    qubits: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, repr=False)
class OpenQASM(Layer):
    """A circuit as OpenQASM 3 text, as ``from_qiskit`` and ``from_qasm`` write it.

    Qubit i is the i-th of the wires that the layer acts on, other wires are left alone. In the text feature i
    is called ``x_i``, weight i ``w_i``; an angle is any sum, product, power or function of them. A global
    phase is kept.

    Args:
        text: gates of a fixed set, one a line.
        inputs: what the features were called, in the order of the columns of x.
        weights: what the weights were called, in the order of the parameters.
        initializer: of the weights; None for the model's.

    Params: ``(n_weights,)``, None without weights; in radians where they are angles.

    Raises:
        ValueError: text that cannot be read, fewer wires than qubits, fewer columns than inputs.
        Refused: statements that are no gates.

    Example:
        >>> text = "OPENQASM 3.0; input float[64] x_0; input float[64] w_0; qubit[2] q; rx(2*w_0 + x_0) q[1];"
        >>> layer = OpenQASM(text, inputs=("x",), weights=("theta",))
        >>> [gate] = layer.gates(jnp.array([0.1]), jnp.array([0.5]), (0, 1))
        >>> gate.name, round(float(gate.data[0]), 6), gate.wires.tolist()
        ('RX', 0.7, [1])

    Reference: Cross et al., ACM Transactions on Quantum Computing 3, 12 (2022).
    """

    text: str
    inputs: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    initializer: Initializer | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = {f"x_{i}" for i in range(len(self.inputs))}
        names |= {f"w_{i}" for i in range(len(self.weights))}
        for instruction in parsed(self.text).instructions:
            for angle in instruction.angles:
                if unknown := sorted(_identifiers(angle) - names):
                    raise ValueError(
                        f"this text has the angle {unknown[0]}, which is none of {len(self.inputs)} "
                        f"inputs x_i and {len(self.weights)} weights w_i. Use qdl.layers.from_qasm."
                    )

    def __repr__(self) -> str:
        found = parsed(self.text)
        gates = sum(i.name not in ("Barrier", "GlobalPhase") for i in found.instructions)
        size = f"{found.qubits} qubits, {gates} gates"
        return f"OpenQASM({size}, inputs={_short(self.inputs)}, weights={_short(self.weights)})"

    def shape(self, wires: Wires) -> Shape:
        if len(wires) < (qubits := parsed(self.text).qubits):
            raise ValueError(
                f"the circuit has {qubits} qubits, and there are {len(wires)} wires. Give the model "
                f"{qubits} wires or more."
            )
        return (len(self.weights),) if self.weights else None

    def n_features(self, wires: Wires) -> int:
        return len(self.inputs)

    def check(self, x: Any, wires: Wires) -> None:
        n = len(self.inputs)
        if n and (x is None or x.shape[-1] < n):
            raise ValueError(
                f"the circuit has {n} inputs, {_short(self.inputs)}, got x "
                f"{'= None' if x is None else f'of shape {tuple(x.shape)}'}: expected x of shape ({n},) or "
                f"(batch, {n}). Pass x to apply(params, x)."
            )

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        self.shape(wires)
        self.check(x, wires)
        names = {f"x_{i}": x[..., i] for i in range(len(self.inputs))}
        names |= {f"w_{i}": params[i] for i in range(len(self.weights))}
        for name, angles, qubits in parsed(self.text).instructions:
            yield _gate(name, [_value(a, names) for a in angles], [wires[q] for q in qubits])


def _gate(name: str, angles: list[Any], wires: list[Any]) -> Any:
    if name == "GlobalPhase":  # PennyLane's is exp(-i phi)
        return qp.GlobalPhase(-angles[0])
    if name.startswith("Adjoint("):
        return qp.adjoint(getattr(qp, name[8:-1])(wires=wires))
    return getattr(qp, name)(*angles, wires=wires)


def _short(names: tuple[str, ...]) -> str:
    return str(list(names)) if len(names) < 5 else f"[{names[0]!r}, ..., {names[-1]!r}]"


@lru_cache(maxsize=64)
def parsed(text: str) -> Parsed:
    """The gates of a text, read by the parser that OpenQASM 3 comes with."""
    import openqasm3
    from openqasm3 import ast

    try:
        statements = openqasm3.parse(text).statements
    except Exception as error:  # the parser's own, and what it does to broken text
        raise ValueError(f"this is no OpenQASM 3: {error}") from None
    qubits, instructions = 0, []
    for each in statements:
        if isinstance(each, ast.QubitDeclaration):
            qubits += 1 if each.size is None else each.size.value  # pyright: ignore
        elif isinstance(each, ast.QuantumPhase):
            instructions.append(Instruction("GlobalPhase", (each.argument,), ()))
        elif isinstance(each, ast.QuantumBarrier):
            instructions.append(Instruction("Barrier", (), _indices(each.qubits)))
        elif isinstance(each, ast.QuantumGate) and not each.modifiers and each.name.name in OURS:
            name = OURS[each.name.name]
            instructions.append(Instruction(name, tuple(each.arguments), _indices(each.qubits)))
        elif not isinstance(each, ast.Include | ast.IODeclaration | ast.QuantumGateDefinition):
            name = each.name.name if isinstance(each, ast.QuantumGate) else type(each).__name__
            raise Refused(
                f"a layer of OpenQASM text is made of the gates {', '.join(sorted(OURS))}, got {name}. "
                "qdl.layers.from_qasm takes others apart."
            )
    if not qubits:
        raise ValueError("this OpenQASM text declares no qubits. Example: qubit[3] q;")
    return Parsed(qubits, tuple(instructions))


def _indices(qubits: Iterable[Any]) -> tuple[int, ...]:
    """Of q[0], q[1], ...: the text has one register."""
    return tuple(qubit.indices[0][0].value for qubit in qubits)


def _value(node: Any, names: Mapping[str, Any]) -> Any:
    """An expression of the text for numbers of NumPy or JAX."""
    kind = type(node).__name__
    if kind in ("FloatLiteral", "IntegerLiteral"):
        return node.value
    if kind == "Identifier":
        return math.pi if node.name == "pi" else names[node.name]
    if kind == "UnaryExpression" and node.op.name == "-":
        return -_value(node.expression, names)
    if kind == "BinaryExpression" and node.op.name in ARITHMETIC:
        return ARITHMETIC[node.op.name](_value(node.lhs, names), _value(node.rhs, names))
    if kind == "FunctionCall" and node.name.name in FUNCTIONS:
        return FUNCTIONS[node.name.name](*(_value(a, names) for a in node.arguments))
    raise Refused(
        f"an angle is made of + - * / ** and {', '.join(FUNCTIONS)}, got {kind} "
        f"{getattr(getattr(node, 'name', None), 'name', '')}."
    )


class _Names(dict):
    """Takes every name for 1 and remembers it."""

    def __missing__(self, name: str) -> float:
        self[name] = 1.0
        return 1.0


def _identifiers(node: Any) -> set[str]:
    names = _Names()
    _value(node, names)
    return set(names)
