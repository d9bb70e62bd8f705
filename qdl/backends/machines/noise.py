r"""Noise models of Qiskit Aer: whose gates they hit, and what errors of readout do to exact values.

A noise model names gates. Its errors belong to the gates of a circuit that are called so, as they are
written: such gates are neither merged nor replaced. All others are free of errors, and a gate that Aer
cannot run is replaced by gates that the model does not name. Only a model with ``basis_gates`` of its own,
such as that of a machine, in which those without errors do not suffice to write other gates, has circuits
translated into its gates first.

Readout: with the probabilities u of reading 1 for 0 and d of reading 0 for 1, the value of Z is
$(1 - u - d) \langle Z \rangle + d - u$, and so for X and Y, turned into Z before the readout.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from ...refused import Refused
from .chip import gates_of

# Aer 0.17 binds arrays of parameters wrongly, without an error, in controlled rotations and leaves others
# out (qiskit-aer issues 2323, 2391, 2403): circuits are transpiled to gates that a test found right.
BOUND_WRONGLY = ("crx", "cry", "crz", "cp", "cu", "mcrx", "mcry", "mcrz", "mcp", "mcu")
BASIS = tuple("rx ry rz p h x y z s sdg t tdg sx sxdg cx cy cz swap ccx rxx ryy rzz".split())
FLOW = ("if_else", "measure", "reset")
KEPT = (*BASIS, "id", "unitary", *FLOW)
WRITTEN = (*KEPT, "u", "ecr")  # names that gates can have here
USUAL = ("id", "rz", "sx", "cx")  # the basis of a noise model that was given none
WIDEST = 16  # wires of a word that readout with errors turns into up to 2**wires words


@dataclass(frozen=True)
class HashedNoise:
    """A noise model of the user's, which cannot be compared: a hash of its content stands for it."""

    sha256: str
    model: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.model is None:
            raise ValueError(
                f"only the hash of a noise model is saved with a model, {self.sha256}. Pass the model "
                "itself: qdl.load(path, model=model.on(qdl.backends.aer(noise=...)))."
            )

    @property
    def named(self) -> set[str]:
        """The gates that it has errors for."""
        return set(self.model.noise_instructions)

    @property
    def compiles(self) -> bool:
        """Whether circuits are first translated into its gates."""
        basis = set(self.model.basis_gates)
        own = bool(basis - {*USUAL, *self.named}) or not set(USUAL) <= basis
        return own and not {"sx", "cx"} <= basis - self.named

    @property
    def basis(self) -> list[str]:
        """The gates that a circuit is made of where it runs with this noise."""
        own = self.model.basis_gates
        return sorted({*own, *FLOW} if self.compiles else {*own, *KEPT})

    def circuit(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """A circuit in the gates of ``basis``, those that are named as they are written."""
        if self.compiles:
            return _translated(circuit, self.basis)
        free = [name for name in BASIS if name not in self.named]
        found = _as_written(circuit, set(self.basis), free)
        names = {name for name, _ in gates_of(found)} - {"measure", "reset"}
        if names and self.named & {"sx", "cx"} and not names & self.named:
            warnings.warn(
                f"the noise model has errors on {', '.join(sorted(self.named))}, but the circuit is made "
                f"of {', '.join(sorted(names))}: none of its gates has an error. For circuits that are "
                "first translated into gates of the noise model, use NoiseModel(basis_gates=[...]).",
                UserWarning,
                stacklevel=2,
            )
        return found


def hashed(noise: Any) -> HashedNoise:
    """A noise model with a hash that another one has only if it is the same.

    Raises:
        TypeError: no noise model.
        ValueError: errors on gates that no circuit has here, or that Aer cannot run.
    """
    if not hasattr(noise, "to_dict") or not hasattr(noise, "noise_instructions"):
        raise TypeError(
            f"noise must be None, the name of a fake machine or a NoiseModel, got {noise!r}. "
            "Example: aer(noise='fake_torino')."
        )
    lost = sorted(set(noise.noise_instructions) & set(BOUND_WRONGLY))
    if lost:
        raise ValueError(
            f"the noise model has errors on {', '.join(lost)}, which Aer cannot run with an array of "
            "parameters. Put the errors on the gates that they decompose to, as 'cx' and 'rz'."
        )
    text = json.dumps(noise.to_dict(serializable=True), sort_keys=True)
    found = HashedNoise(hashlib.sha256(text.encode()).hexdigest()[:16], noise)
    foreign = sorted(found.named - set(WRITTEN))
    if foreign and not found.compiles:
        raise ValueError(
            f"the noise model has errors on {', '.join(foreign)}, and no gate that Aer runs here is called "
            f"so: they would never act. Expected names among {', '.join(WRITTEN)}; or a model with "
            "NoiseModel(basis_gates=[...]) of its own, into which circuits are then translated."
        )
    joint = [e["gate_qubits"] for e in _errors(noise, "roerror") if len(e["probabilities"]) > 2]
    if joint:
        raise ValueError(
            f"the noise model has a readout error of several qubits at once, {list(joint[0][0])}, but "
            "every qubit is measured alone: it would never act. Give each qubit a ReadoutError of its own."
        )
    return found


def _errors(noise: Any, kind: str) -> list[dict[str, Any]]:
    return [error for error in noise.to_dict()["errors"] if error["type"] == kind]


def errors_before_readout(noise: Any) -> bool:
    """Whether a measurement itself is a gate with an error of its own."""
    return any("measure" in error["operations"] for error in _errors(noise, "qerror"))


def flips(noise: Any) -> dict[int | None, np.ndarray]:
    """For each qubit, None for all others, the matrix P(read | true) of its readout.

    Example:
        >>> from qiskit_aer.noise import NoiseModel, ReadoutError
        >>> noise = NoiseModel()
        >>> noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
        >>> flips(noise)[1].tolist()
        [[0.9, 0.3], [0.1, 0.7]]
    """
    found: dict[int | None, np.ndarray] = {}
    for error in _errors(noise, "roerror"):
        for [qubit] in error.get("gate_qubits", [[None]]):
            found[qubit] = np.array(error["probabilities"], float).T
    return found


def seen(observable: SparsePauliOp, on: list[np.ndarray]) -> SparsePauliOp:
    """The observable whose exact values are those that a readout with errors gives.

    Args:
        observable: on one qubit for each matrix.
        on: of each qubit P(read | true).

    Raises:
        Refused: a word on too many wires.

    Example:
        >>> found = seen(SparsePauliOp(["Z"]), [np.array([[0.9, 0.3], [0.1, 0.7]])])
        >>> [(word, round(c.real, 6)) for word, c in found.to_list()]
        [('Z', 0.6), ('I', 0.2)]
    """
    words: dict[str, complex] = dict(observable.to_list())
    for qubit, matrix in enumerate(on):
        zero, one = matrix[0] - matrix[1]
        slope, offset = (zero - one) / 2, (zero + one) / 2
        if (slope, offset) == (1, 0):
            continue
        at, more = len(on) - 1 - qubit, {}
        for word, c in words.items():
            if word[at] == "I":
                more[word] = more.get(word, 0) + c
                continue
            blind = word[:at] + "I" + word[at + 1 :]
            more[word] = more.get(word, 0) + slope * c
            more[blind] = more.get(blind, 0) + offset * c
        words = more
        if len(words) > len(observable) * 2**WIDEST:
            raise Refused(
                f"exact values of words on more than {WIDEST} wires, read with errors, take 2**wires words. "
                "Give shots, or measure words on fewer wires."
            )
    return SparsePauliOp.from_list(list(words.items()))


def mixed(p: np.ndarray, on: list[np.ndarray]) -> np.ndarray:
    """Probabilities ``(rows, 2**k)``, first qubit most significant, as a readout with errors gives them."""
    shape, p = p.shape, p.reshape(len(p), *(2,) * len(on))
    for axis, matrix in enumerate(on, start=1):
        p = np.moveaxis(np.tensordot(matrix, p, (1, axis)), 0, axis)
    return p.reshape(shape)


def laid_out(circuit: QuantumCircuit, layout: Sequence[int]) -> QuantumCircuit:
    """The circuit on these qubits of a larger one."""
    found = QuantumCircuit(1 + max(layout))
    found.add_register(*circuit.cregs)
    return found.compose(circuit, list(layout), list(range(circuit.num_clbits)))  # pyright: ignore


def _translated(circuit: QuantumCircuit, basis: list[str]) -> QuantumCircuit:
    from qiskit.transpiler import generate_preset_pass_manager

    # Level 0: no gate is merged with another or taken away.
    return generate_preset_pass_manager(0, basis_gates=basis, seed_transpiler=0).run(circuit)


def _as_written(circuit: QuantumCircuit, kept: set[str], free: list[str]) -> QuantumCircuit:
    """The circuit with gates that are not ``kept`` made of those that are ``free``, in branches too."""
    from qiskit.transpiler.exceptions import TranspilerError

    found = circuit.copy_empty_like()
    for step in circuit.data:
        operation, on = step.operation, [circuit.find_bit(q).index for q in step.qubits]
        blocks = getattr(operation, "blocks", ())
        if blocks:
            operation = operation.replace_blocks([_as_written(b, kept, free) for b in blocks])
        if blocks or operation.name in kept or operation.name == "barrier":
            found.append(operation, step.qubits, step.clbits)
            continue
        alone = QuantumCircuit(len(on))
        alone.append(operation, range(len(on)))
        try:
            found.compose(_translated(alone, free), on, inplace=True)
        except TranspilerError as error:
            raise Refused(
                f"Aer cannot run {operation.name} with an array of parameters, and it cannot be made of "
                f"gates that the noise model does not name ({', '.join(free)}). Yield its decomposition, "
                "or leave rz, sx and cx without errors."
            ) from error
    return found
