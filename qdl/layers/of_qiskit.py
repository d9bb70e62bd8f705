"""Circuits of Qiskit as layers: taken apart by Qiskit, and written down as OpenQASM text."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from ..refused import Refused
from .base import Initializer
from .openqasm import FUNCTIONS, SAME, WRITTEN, OpenQASM

# Of the gates that are written, those that OpenQASM's standard library lacks.
DEFINED = {
    "sxdg": "gate sxdg a { inv @ sx a; }",
    "iswap": "gate iswap a, b { s a; s b; h a; cx a, b; cx b, a; h b; }",
    "ecr": "gate ecr a, b { h b; cx a, b; rz(pi/4) b; cx a, b; h b; x a; h b; cx a, b; rz(-pi/4) b; "
    "cx a, b; h b; }",
    "ccz": "gate ccz a, b, c { h c; ccx a, b, c; h c; }",
    "rxx": "gate rxx(t) a, b { h a; h b; cx a, b; rz(t) b; cx a, b; h a; h b; }",
    "ryy": "gate ryy(t) a, b { rx(pi/2) a; rx(pi/2) b; cx a, b; rz(t) b; cx a, b; rx(-pi/2) a; "
    "rx(-pi/2) b; }",
    "rzz": "gate rzz(t) a, b { cx a, b; rz(t) b; cx a, b; }",
}
ARCS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}  # sympy's name: OpenQASM's


def from_qiskit(
    circuit: Any,
    inputs: Any = (),
    weights: Any = None,
    *,
    initializer: Initializer | None = None,
) -> OpenQASM:
    """A circuit of Qiskit as a layer: its parameters are features and weights.

    Qubit i is wire i, over all registers as Qiskit counts them; qdl counts wire 0 as the most significant
    bit, Qiskit qubit 0 as the least, so that ``model.state`` is ``Statevector(circuit.reverse_bits())``.
    Gates that PennyLane has not are taken apart by Qiskit's transpiler, also user-defined, controlled and
    inverse ones. Angles may be sums, products and functions of parameters. Barriers and global phases are
    kept; measurements at the end are left out, since the readout of the model says what is measured. A gate
    that Qiskit approximates, as ``PauliEvolutionGate`` by Trotter steps, is what its transpiler makes of it.

    Args:
        circuit: a ``QuantumCircuit`` of gates.
        inputs: the parameters that are features, column by column: names, ``Parameter`` or
            ``ParameterVector``, which stands for all of its elements, by its name too.
        weights: those that are trained, in the order of the layer's parameters; None for all others in the
            order of ``circuit.parameters``, which is Qiskit's own: by name as text, so that p10 comes before
            p2, and elements of a vector by their index.
        initializer: of the weights; None for the model's.

    Returns:
        A layer that keeps OpenQASM 3 text; ``layer.inputs`` and ``layer.weights`` are the names in order.

    Raises:
        TypeError: no ``QuantumCircuit``.
        ValueError: names that the circuit has not, or one that is named twice or not at all.
        Refused: by name, what is no gate (resets, conditions, loops, measurements before other gates,
            delays), gates without a definition, functions without a derivative.

    Example:
        >>> from qiskit.circuit import Parameter, QuantumCircuit
        >>> x, theta = Parameter("x"), Parameter("theta")
        >>> circuit = QuantumCircuit(2)
        >>> circuit.ry(2 * theta + x, 0)  # doctest: +ELLIPSIS
        <...>
        >>> circuit.cx(0, 1)  # doctest: +ELLIPSIS
        <...>
        >>> layer = from_qiskit(circuit, inputs=["x"])
        >>> layer.shape((0, 1)), layer.n_features((0, 1)), layer.weights
        ((1,), 1, ('theta',))
    """
    from qiskit import QuantumCircuit

    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(
            f"from_qiskit takes a QuantumCircuit, got {type(circuit).__name__}. Text goes to "
            "qdl.layers.from_qasm."
        )
    if not circuit.num_qubits:
        raise ValueError("the circuit has no qubits. Expected a QuantumCircuit with gates.")
    features = _chosen(circuit, inputs, "inputs")
    rest = [p for p in circuit.parameters if p not in features]
    trained = rest if weights is None else _chosen(circuit, weights, "weights")
    _check_split(circuit, features, trained)
    text = _written(circuit, features, trained)
    names = tuple(p.name for p in features), tuple(p.name for p in trained)
    return OpenQASM(text, *names, initializer=initializer)


def from_qasm(
    text: str,
    inputs: Any = (),
    weights: Any = None,
    *,
    initializer: Initializer | None = None,
) -> OpenQASM:
    """OpenQASM text, version 2 or 3, as a layer: read by Qiskit, then as ``from_qiskit``.

    In version 3 each ``input float`` or ``input angle`` is a parameter; version 2 has none.

    Args:
        text: the program.
        inputs: the names that are features, column by column.
        weights: the names that are trained, in order; None for all others sorted as text: p10 before p2.
        initializer: of the weights; None for the model's.

    Raises:
        TypeError: no text.
        ValueError: text that Qiskit cannot read, or names as for ``from_qiskit``.
        Refused: as ``from_qiskit``.

    Example:
        >>> text = '''OPENQASM 3.0;
        ... include "stdgates.inc";
        ... input float[64] feature;
        ... input float[64] w;
        ... qubit[2] q;
        ... ry(w / 2 + feature) q[0];
        ... cx q[0], q[1];
        ... '''
        >>> from_qasm(text, inputs=["feature"])
        OpenQASM(2 qubits, 2 gates, inputs=['feature'], weights=['w'])

    Reference: Cross et al., ACM Transactions on Quantum Computing 3, 12 (2022).
    """
    if not isinstance(text, str):
        raise TypeError(
            f"from_qasm takes text, got {type(text).__name__}. A QuantumCircuit goes to "
            "qdl.layers.from_qiskit, a file is read by pathlib.Path(file).read_text()."
        )
    if ";" not in text:  # every statement ends in one
        raise ValueError(
            f"from_qasm takes the text of a program, got {text[:60]!r}, which has no statement. A file is "
            "read by pathlib.Path(file).read_text()."
        )
    from qiskit import qasm2, qasm3

    try:
        if _version(text) == 2:
            circuit = qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
        else:
            circuit = qasm3.loads(text)
    except Exception as error:  # Qiskit's own, and what its importer does to what it does not know
        raise ValueError(f"Qiskit cannot read this OpenQASM text: {error}") from error
    return from_qiskit(circuit, inputs, weights, initializer=initializer)


def _version(text: str) -> int:
    """That of the first line that is no comment; 3 where none is named."""
    for line in text.splitlines():
        if line.strip().startswith("OPENQASM"):
            return int(line.split()[1].rstrip(";").split(".")[0])
    return 3


def _chosen(circuit: Any, asked: Any, what: str) -> list[Any]:
    """The parameters that names, parameters and vectors stand for."""
    from qiskit.circuit import Parameter, ParameterVector

    known = {p.name: p for p in circuit.parameters}
    vectors = {p.vector.name: p.vector for p in known.values() if hasattr(p, "vector")}
    vector = isinstance(asked, str | Parameter | ParameterVector)
    found = []
    for each in [asked] if vector else asked:
        if isinstance(each, str) and each in vectors and each not in known:
            each = vectors[each]
        if isinstance(each, ParameterVector) and any(p in circuit.parameters for p in each):
            found += list(each)
            continue
        name = each if isinstance(each, str) else getattr(each, "name", repr(each))
        if name not in known or (isinstance(each, Parameter) and each != known[name]):
            names = [*known, *vectors]
            near = get_close_matches(str(name), names, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{what} names {name!r}, which the circuit has not. It has {_listed(names)}.{hint}"
            )
        found.append(known[name])
    return found


def _check_split(circuit: Any, features: Sequence[Any], trained: Sequence[Any]) -> None:
    """Every parameter is a feature or a weight, and once."""
    every = [p.name for p in [*features, *trained]]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise ValueError(
            f"{_listed(twice)} is named more than once in inputs and weights. Name each parameter once: an "
            "angle may hold several."
        )
    left = [p.name for p in circuit.parameters if p.name not in every]
    if left:
        raise ValueError(
            f"{_listed(left)} is in neither inputs nor weights. Name all parameters, or leave weights "
            "out for all that are no inputs."
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:12])) or "no parameters"
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _written(circuit: Any, features: Sequence[Any], trained: Sequence[Any]) -> str:
    """The circuit as text, one gate a line, its parameters called x_i and w_i."""
    from qiskit.circuit import Parameter

    flat = _taken_apart(circuit)
    names = {p: f"x_{i}" for i, p in enumerate(features)}
    names |= {p: f"w_{i}" for i, p in enumerate(trained)}
    flat = flat.assign_parameters({p: Parameter(names[p]) for p in flat.parameters})
    lines, used, measured = [], set(), set()
    for item in flat.data:
        name, qubits = item.operation.name, [flat.find_bit(q).index for q in item.qubits]
        where = ", ".join(f"q[{q}]" for q in qubits)
        if name == "measure":
            measured.update(qubits)
        elif name == "barrier":
            lines.append(f"barrier {where};")
        elif name not in SAME.values():
            raise Refused(_refusal(name))
        elif measured & set(qubits):
            raise Refused(_refusal("measure", name))
        else:
            used.add(name)
            angles = ", ".join(map(_expression, item.operation.params))
            lines.append(f"{WRITTEN.get(name, name)}{f'({angles})' if angles else ''} {where};")
    phase = _expression(flat.global_phase)
    head = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    head += [DEFINED[name] for name in DEFINED if name in used]
    head += [f"input float[64] {name};" for name in names.values()]
    head += [f"qubit[{flat.num_qubits}] q;"]
    head += [] if phase == "0.0" else [f"gphase({phase});"]
    return "\n".join([*head, *lines])


def _taken_apart(circuit: Any) -> Any:
    """The circuit in gates that are written; what cannot be is refused by its name."""
    from qiskit import transpile
    from qiskit.circuit import ControlFlowOp
    from qiskit.transpiler.exceptions import TranspilerError

    for item in circuit.data:
        if isinstance(item.operation, ControlFlowOp) or item.operation.name == "initialize":
            raise Refused(_refusal(item.operation.name))
    try:
        return transpile(
            circuit,
            basis_gates=list(SAME.values()),
            optimization_level=0,
            seed_transpiler=0,
            qubits_initially_zero=False,  # a layer may stand anywhere
        )
    except TranspilerError as error:
        opaque = sorted(
            {i.operation.name for i in circuit.data if i.operation.name not in SAME.values()}
            & {i.operation.name for i in circuit.data if i.operation.definition is None}
        )
        raise Refused(_refusal(", ".join(opaque) or "a gate", str(error))) from None


def _refusal(name: str, other: str = "") -> str:
    """Why an instruction of Qiskit is no gate of a layer."""
    reasons = {
        "measure": f"a measurement before {other}, in the middle of the circuit. Measure at the end, or use "
        "Pooling(kind='measured') as a layer of its own.",
        "reset": "a reset, which is no gate and has no inverse. Start from |0> on another qubit.",
        "initialize": "initialize, which resets its qubits. Use StatePreparation, or AmplitudeEncoding as "
        "the first layer.",
        "delay": "a delay, which has no matrix. Leave it out, or use a Noise layer.",
    }
    conditional = (
        "if_else",
        "while_loop",
        "for_loop",
        "switch_case",
        "box",
        "break_loop",
        "continue_loop",
    )
    if name in conditional:
        return (
            f"a layer is made of gates, got {name}: what depends on outcomes, or is repeated by them, is not "
            "taken. Write loops out, and use Pooling(kind='measured') for a gate that waits for an outcome."
        )
    if name in reasons:
        return f"a layer is made of gates, got {reasons[name]}"
    said = f" Qiskit says: {other}" if other else ""
    return f"a layer is made of gates, got {name}, which Qiskit cannot take apart into {_gates()}.{said}"


def _gates() -> str:
    return ", ".join(sorted(SAME.values()))


def _expression(angle: Any) -> str:
    """An angle in OpenQASM's words, with all digits."""
    if not getattr(angle, "parameters", ()):
        return repr(float(angle))
    return _printer().doprint(angle.sympify())


def _printer() -> Any:
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):
        def _print_Float(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Rational(self, expr: Any) -> str:  # 1/3 of whole numbers is 0 in OpenQASM
            return repr(float(expr))

        def _print_Function(self, expr: Any) -> str:
            name = type(expr).__name__
            name = ARCS.get(name, name)
            if name not in FUNCTIONS:
                raise Refused(
                    f"an angle holds the function {name}. Layers take sums, products, powers and "
                    f"{', '.join(FUNCTIONS)}, which have derivatives."
                )
            return f"{name}({', '.join(map(self._print, expr.args))})"

        _print_Abs = _print_sign = _print_conjugate = _print_Function

        def _print_ImaginaryUnit(self, expr: Any) -> Any:
            raise Refused("an angle is complex. Expected real sums and products of parameters.")

    return Printer()
