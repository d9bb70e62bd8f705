"""A quantum model with its entanglers taken out: what is left is a product of single qubits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from .. import layers
from ..hybrid import Hybrid
from ..reading import read_gates, rewritten


def without_entanglers(model: Any) -> Any:
    r"""The same model without any gate on two wires: a product of single qubits.

    ================  =====================================================================
    layer             what is left of it
    ================  =====================================================================
    ``Entangler``     nothing
    ``Evolution``     its words of one letter
    ``Convolution``   ``Rotation("zyz")``: each wire gets every gate that a product allows
    ``Pooling``       ``Pooling("")``: the same wires are dropped, none is rotated
    ``IQPEncoding``   its Hadamards and $R_Z(x_i)$
    blocks            the same block of what is left; a composite becomes its parts
    others            themselves, if all their gates are on single wires
    ================  =====================================================================

    After ``Pooling`` the readout then sees the features of the wires that are kept, and of no
    others: what a QCNN loses in this comparison is also its view of the data. Parameters of wires
    that the readout does not see stay, and stay counted.

    Args:
        model: a QNN or a Hybrid.

    Raises:
        ValueError: a layer whose gates cannot be told apart from here: ``AmplitudeEncoding``, whose
            states are entangled themselves, OpenQASM text and layers of your own with gates on several
            wires.

    Example:
        >>> import qdl
        >>> print(without_entanglers(qdl.models.data_reuploading(2, 3)))
        QNN  2 wires, 24 parameters, 2 features
          Repeat x 3, 24 parameters
            AngleEncoding(axis='y', scale=1.0, trainable=True, features=None)  wires 0-1, 2 parameters
            Rotation(axes='zyz', initializer=None)  wires 0-1, 6 parameters
          ExpZ  wires 0-1 -> 2 values

    Reference: the separable model of Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024).
    """
    if isinstance(model, Hybrid):
        return Hybrid(without_entanglers(s) if _quantum(s) else s for s in model.stages)
    if not hasattr(model, "layers"):
        raise ValueError(
            f"{model!r} has no layers to take entanglers from: expected a QNN or a Hybrid. Build the "
            "model without them yourself, and pass it to compare in rows=[quantum(name, model)]."
        )
    kept = partial(_local, n=model.n_features)
    return replace(model, layers=rewritten(model.layers, model.wires, kept))


def _quantum(stage: Any) -> bool:
    return isinstance(stage, Hybrid) or hasattr(stage, "layers")


def _local(layer: layers.Layer, wires: tuple[int, ...], n: int) -> tuple[layers.Layer, ...] | None:
    """What is left of a layer: none, one or several; None where its parts decide."""
    if isinstance(layer, layers.Composite | layers.Repeat | layers.Adjoint):
        return None
    if isinstance(layer, layers.Entangler):
        return ()
    if isinstance(layer, layers.Evolution):
        alone = tuple(term for term in layer.terms if len(term[1]) == 1)
        return (replace(layer, terms=alone),) if alone else ()
    if isinstance(layer, layers.Convolution):
        return (layers.Rotation("zyz"),)
    if isinstance(layer, layers.Pooling):
        return (replace(layer, axes=""),)
    if isinstance(layer, layers.IQPEncoding):
        block = [layers.Hadamards(), layers.AngleEncoding("z")]
        return (layers.Repeat(block, layer.repeats),)
    gates = read_gates(layer, wires, (n,) if n else None, lambda operator: [operator])
    if not layer.first_only and all(len(gate.operator.wires) == 1 for gate in gates):
        return (layer,)
    if isinstance(layer, layers.OpenQASM):
        raise ValueError(
            f"cannot take the entanglers out of {layer!r}: text has gates, and does not say what they "
            "are parts of: a phase between two CX is one on two wires, and without them one on a single "
            "wire. Take them out of the circuit, and pass the model of what is left to compare in "
            "rows=[quantum('no entanglers', model)]."
        )
    raise ValueError(
        f"cannot take the entanglers out of {layer!r}: expected layers whose two-qubit gates are "
        f"known, but {type(layer).__name__} yields what it likes. Write the model without them "
        "yourself, and pass it to compare in rows=[quantum('no entanglers', model)]."
    )
