r"""Quantum trajectories: each sample of the circuit meets errors of its own, drawn at random.

A Pauli channel $\rho \mapsto \sum_P p_P P \rho P$ applies the word $P$ with probability $p_P$. A word is
$R_X(\pi b_X) R_Z(\pi b_Z)$ on each wire up to a global phase, with bits b that are drawn per trajectory and
per use of the channel: angles with a batch axis. So every trajectory is a unitary circuit, run along the
batch axis by the fast path, with its exact gradient; the average over trajectories is unbiased.

Any other channel applies the Kraus matrix $K_k / \sqrt{q_k}$ with probability $q_k = \mathrm{tr}\,K_k^\dagger
K_k / d$, what a maximally mixed state would meet. States are not normalised, so that values stay unbiased.
"""

from __future__ import annotations

import math
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..circuit import Circuit, leading
from . import measure
from .execute import Execution, execute
from .memory import check_memory
from .read import CONSTANTS, Gate, Reading, Slot, read


def evaluate_trajectories(
    circuit: Circuit, params: Any, x: Any, samples: int, key: jax.Array
) -> jax.Array:
    """The readout values ``(k,)`` or ``(batch, k)`` with channels, averaged over trajectories."""
    lead = leading(x)
    batch = math.prod(lead) * samples
    instead = f"fewer than {samples} samples for each of {math.prod(lead)} inputs"
    check_memory(circuit.n_wires, batch, jnp.result_type(float), instead=instead)
    if lead:
        x = jnp.repeat(x, samples, axis=0)
    reading = read(circuit.layers, circuit.wires, params, x, channels=True)
    kept = None if _undoable(reading) else (lambda elements, wires: (elements, wires))
    reading = with_errors(reading, batch, key)
    head = measure.head(circuit.measured)
    values = execute(Execution(reading, circuit.wires, head, lift=kept), batch)
    return values.reshape(*lead, samples, -1).mean(-2)


def with_errors(reading: Reading, batch: int, key: jax.Array) -> Reading:
    """The reading with each channel replaced by what it does in every trajectory."""
    out = Reading([], [*reading.numbers], [*reading.pieces], {**reading.constants}, [])
    alike: dict[Any, list[int]] = {}  # uses of channels, by what they draw from
    uses = [_law(g) for g in reading.gates if isinstance(g.operator, qp.operation.Channel)]
    for use, law in enumerate(uses):
        alike.setdefault(law, []).append(use)
    errors: dict[int, Any] = {}
    for i, (law, same) in enumerate(alike.items()):
        drawn = _drawn(law, len(same), batch, out, jax.random.fold_in(key, i))
        errors |= zip(same, drawn, strict=True)
    fences, use = set(reading.fences), 0
    for i, gate in enumerate(reading.gates):
        if i in fences:
            out.fences.append(len(out.gates))
        if isinstance(gate.operator, qp.operation.Channel):
            out.gates += errors[use](gate)
            use += 1
        else:
            out.gates.append(gate)
    return out


def _drawn(law: Any, uses: int, batch: int, out: Reading, key: jax.Array) -> list[Any]:
    """For every use of a channel, what puts the drawn gates in its place."""
    if isinstance(law, Kraus):
        matrices = law.matrices()
        shares = np.einsum("kij,kij->k", matrices, matrices.conj()).real / matrices.shape[-1]
        chosen = jax.random.categorical(key, jnp.log(jnp.asarray(shares)), shape=(uses, batch))
        scaled = jnp.asarray(matrices / np.sqrt(shares)[:, None, None], jnp.result_type(complex))
        pieces = [out.add(scaled[row], batched=True, arrays=True) for row in chosen]
        return [partial(_matrix, piece=piece) for piece in pieces]
    bits = _draw(key, law, uses, batch)
    piece = out.add(bits.reshape(-1, batch) * jnp.pi, batched=True)
    return [partial(_errors, piece=piece, start=use * bits.shape[1]) for use in range(uses)]


def _matrix(gate: Gate, piece: int) -> list[Gate]:
    wires = gate.operator.wires
    return [Gate(qp.QubitUnitary(np.eye(2 ** len(wires)), wires), (), piece)]


def _errors(gate: Gate, piece: int, start: int) -> list[Gate]:
    wires = list(gate.operator.wires)
    letters = [kind(0.1, wire) for kind in (qp.RX, qp.RZ) for wire in wires]
    return [Gate(letter, (Slot(piece, start + i),)) for i, letter in enumerate(letters)]


def _draw(key: jax.Array, probabilities: tuple[float, ...], uses: int, batch: int) -> jax.Array:
    """Bits ``(uses, 2 k, batch)``: on which of k wires there is an X, then on which there is a Z."""
    width = int(math.log2(len(probabilities)))
    logits = jnp.log(jnp.asarray(probabilities, jnp.result_type(float)))
    word = jax.random.categorical(key, logits, shape=(uses, 1, batch))
    return word >> np.arange(width - 1, -1, -1)[:, None] & 1


class Kraus(NamedTuple):
    """Kraus matrices that no Pauli words stand for, hashable."""

    values: bytes
    shape: tuple[int, ...]

    def matrices(self) -> np.ndarray:
        return np.frombuffer(self.values, complex).reshape(self.shape)


def _undoable(reading: Reading) -> bool:
    """True where every trajectory is a unitary circuit."""
    channels = [g for g in reading.gates if isinstance(g.operator, qp.operation.Channel)]
    return not any(isinstance(_law(gate), Kraus) for gate in channels)


def _law(gate: Gate) -> tuple[float, ...] | Kraus:
    """The probability of every Pauli word, the bits of X on each wire before those of Z; or matrices."""
    name = gate.operator.name
    advice = "Use model.on(qdl.backends.density_matrix()) for it."
    if gate.array is not None or any(slot.piece != CONSTANTS for slot in gate.angles):
        raise ValueError(
            f"Trajectories draw errors with fixed probabilities, but a parameter or a feature enters {name}, "
            f"whose derivative a draw does not have. {advice}"
        )
    k = len(gate.operator.wires)
    single = [np.eye(2), np.diag([1, -1]), np.array([[0, 1], [1, 0]]), np.array([[0, -1], [1, 0]])]
    index = np.arange(4**k)
    bits = [(index >> (2 * k - 1 - w) & 1) * 2 + (index >> (k - 1 - w) & 1) for w in range(k)]
    words = np.array([reduce(np.kron, [single[b[i]] for b in bits]) for i in index])
    kraus = np.array(gate.operator.kraus_matrices())
    shares = np.einsum("pij,kij->kp", words, kraus) / 2**k  # of each word in each Kraus matrix
    mixture = np.einsum("kp,kq->pq", shares, shares.conj())
    if np.abs(mixture - np.diag(np.diag(mixture))).max() > 1e-10:
        kraus = kraus[np.abs(kraus).max((1, 2)) > 1e-12]
        return Kraus(kraus.astype(complex).tobytes(), kraus.shape)
    return tuple(np.diag(mixture).real.clip(0).round(12).tolist())
