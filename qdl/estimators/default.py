"""The model of an estimator that was given none."""

from __future__ import annotations

from itertools import combinations, islice
from math import sqrt
from typing import Any

MOST_WIRES = 4
LEAST_ROUNDS = 4  # of encoding, rotations and entanglers


def reuploading(n_features: int, n_outputs: int = 1) -> Any:
    r"""The default model: data re-uploading on at most 4 wires, the features dealt out in turn.

    Feature $i$ goes to wire $i$ modulo the number of wires; when every wire has one, the next
    round follows after trained rotations and a ring of CZ. At least four such rounds. The trained
    factors start at 2 over the square root of their number, so that standardised features turn a
    wire by about 2 radians in all, however many they are. The readout is $\langle Z \rangle$ of the
    first wires, and of products of Z when there are more outputs than wires.

    Args:
        n_features: columns of X.
        n_outputs: values to read; 1 for two classes and for regression.

    Raises:
        ValueError: more outputs than products of Z on the wires.

    Example:
        >>> model = reuploading(30, 3)
        >>> model.n_wires, model.n_features, model.readout.size(model.active)
        (4, 30, 3)

    Reference: Perez-Salinas, Cervera-Lierta, Gil-Fuster, Latorre, Quantum 4, 226 (2020).
    """
    from ..layers import AngleEncoding, Entangler, Repeat, Rotation
    from ..model import QNN

    n_wires = min(MOST_WIRES, max(2, n_features, n_outputs))
    rounds = -(-n_features // n_wires)
    times = max(1, -(-LEAST_ROUNDS // rounds))
    scale = 2 / sqrt(rounds * times)
    block: list[Any] = []
    for start in range(0, rounds * n_wires, n_wires):
        columns = tuple((start + wire) % n_features for wire in range(n_wires))
        encoding = AngleEncoding(scale=scale, trainable=True, features=columns)
        block += [encoding, Rotation("zyz"), Entangler("cz", "ring")]
    return QNN(n_wires, Repeat(block, times), readout=_readout(n_wires, n_outputs))


def _readout(n_wires: int, n_outputs: int) -> Any:
    """The first of Z0, Z1, ..., Z0 Z1, Z0 Z2, ...: as many as there are outputs."""
    from ..readout import Expval, ExpZ

    if n_outputs <= n_wires:
        return ExpZ(tuple(range(n_outputs)))
    if n_outputs >= 2**n_wires:
        raise ValueError(
            f"the default model reads at most {2**n_wires - 1} values from {n_wires} wires, got "
            f"{n_outputs} classes. Pass model=f with f(n_features, n_outputs) -> a wider QNN."
        )
    import pennylane as qp

    sizes = range(1, n_wires + 1)
    words = (wires for size in sizes for wires in combinations(range(n_wires), size))
    return Expval(
        [qp.prod(*map(qp.Z, w)) if w[1:] else qp.Z(w[0]) for w in islice(words, n_outputs)]
    )
