"""The light cones of what is measured, each as a state vector of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import simulator
from ...circuit import Circuit, leading
from ...refused import Refused
from ..place import Place
from . import sampling
from .structure import Explanation, alone, cones, explanation, free_bytes


@dataclass(frozen=True)
class Cone(Place):
    """State vectors of the light cones of what is measured; exact."""

    compiles = True

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values; what no gate brings together is never one state."""
        check(circuit, int(np.prod(leading(x), dtype=int)))
        return _values(circuit, params, x)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the active wires: those whose cones meet are drawn from one state.

        Raises:
            Refused: such a state does not fit.
        """
        return sampling.bits(circuit, lambda c: self.values(c, params, x, None), shots, key)

    def explain(self, model: Any) -> Explanation:
        """The wires, operations and bytes of the cones."""
        return explain(alone(model))


def explain(circuit: Circuit) -> Explanation:
    """What state vectors of a circuit's light cones cost; nothing is refused."""
    found = cones(circuit)
    why = f"{len(found.groups)} light cone{'s' if len(found.groups) > 1 else ''} of {circuit.n_wires} wires."
    return explanation("cone", found.widest, found.flops(), found.size(), why)


def check(circuit: Circuit, batch: int) -> None:
    """Refuse a cone whose state does not fit, with the numbers."""
    found = cones(circuit)
    itemsize = np.dtype(jnp.result_type(float)).itemsize
    need, free = found.size(itemsize) * batch, free_bytes()
    if need > free:
        raise Refused(
            f"the readout sees {found.widest} of {circuit.n_wires} wires, whose state vectors need "
            f"{need:.3g} bytes for {batch} samples with work space; {free:.3g} bytes are free here. "
            "Read fewer "
            "wires, take fewer layers or a smaller batch, or use qdl.backends.tensor_network() or "
            "pauli_propagation()."
        )


@partial(jax.jit, static_argnums=0)
def _values(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    found = cones(circuit)

    def run(params: Any, x: Any, key: Any) -> jax.Array:
        groups = [group.measured for group in found.groups]
        parts = simulator.evaluate_groups(circuit, params, x, groups)
        if found.weights is None:
            return parts[0]
        offset = jnp.asarray(found.offset, jnp.result_type(float))
        if not parts:
            return jnp.broadcast_to(offset, (*leading(x), len(offset)))
        columns = np.concatenate([group.columns for group in found.groups])
        terms = jnp.concatenate(parts, axis=-1)
        return terms @ jnp.asarray(found.weights[:, columns].T, terms.dtype) + offset

    return simulator.split_batch(run, params, x)


def cone() -> Cone:
    r"""The native simulator on the light cone of each observable: a local readout sees few wires.

    A gate that no path of gates joins to an observable cancels in $\langle U^\dagger O U \rangle$. Four
    layers
    of neighbours' gates and a readout of two wires are a state of ten wires, however many wires the circuit
    has. With ``Noise`` layers it is a density matrix of the cone. Every observable, and every term of a sum,
    has a cone of its own; those inside of another share its state.

    Raises:
        Refused: when it runs, a cone whose states do not fit into memory, with the numbers.

    Example:
        >>> import jax, pennylane as qp, qdl
        >>> from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation
        >>> layers = [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cz", "chain")], 4)]
        >>> model = qdl.QNN(100, layers, qdl.Expval(qp.Z(49) @ qp.Z(50))).on(cone())
        >>> model.place.explain(model).wires
        10
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((2, 100))).shape
        (2, 1)

    Reference: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021).
    """
    return Cone()
