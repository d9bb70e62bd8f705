"""The models of estimators that were given none, and how the classifier's is trained."""

from __future__ import annotations

from itertools import combinations, islice
from math import sqrt
from typing import Any

MOST_WIRES = 4
LEAST_ROUNDS = 4  # of encoding, rotations and entanglers
STEPS, RATE = 600, 0.1  # of the default classifier


def reuploading(n_features: int, n_outputs: int = 1) -> Any:
    r"""The default of ``QNNRegressor``: re-uploading on at most 4 wires, features dealt out in turn.

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
    from ..model import QNN
    from ..readout import ExpZ

    n_wires = min(MOST_WIRES, max(2, n_features, n_outputs))
    layers = _blocks(n_features, n_wires, 2.0)
    if n_outputs <= n_wires:
        return QNN(n_wires, layers, readout=ExpZ(tuple(range(n_outputs))))
    import pennylane as qp

    return QNN(n_wires, layers, readout=_words(qp.Z, n_wires, n_outputs))


def reuploading_head(n_features: int, n_outputs: int = 1) -> Any:
    r"""The default classifier: re-uploading on at most 4 wires, and a linear layer on what is read.

    The blocks of ``reuploading``, with encodings of a quarter of the size, so that standardised features
    turn a wire by about half a radian in all, and rotations that start near none. The readout is $\langle
    X \rangle$ of every wire, and of products of X when there are more outputs than wires: around the middle
    of the data the model starts as a linear one, $\langle X_w \rangle \approx \sum_i s_i x_i$, and bends as
    far as the data ask for. A ``Dense`` of ``(wires + 1) * n_outputs`` numbers gives the logits.
    ``without_entanglers`` says what the circuit adds to single qubits.

    Args:
        n_features: columns of X.
        n_outputs: logits; 1 for two classes.

    Raises:
        ValueError: more outputs than products of X on the wires.

    Example:
        >>> model = reuploading_head(30, 1)
        >>> model.n_features, model.n_outputs, model.stages[1].n_params
        (30, 1, 5)

    Reference: Perez-Salinas, Cervera-Lierta, Gil-Fuster, Latorre, Quantum 4, 226 (2020).
    """
    import pennylane as qp

    from ..hybrid import Dense, Hybrid
    from ..initializers import gaussian
    from ..model import QNN

    n_wires = min(MOST_WIRES, max(2, n_features, n_outputs))
    values = max(n_wires, n_outputs)
    circuit = QNN(
        n_wires, _blocks(n_features, n_wires, 0.5), readout=_words(qp.X, n_wires, values),
        initializer=gaussian(0.1),
    )  # fmt: skip
    return Hybrid([circuit, Dense(values, n_outputs)])


def decaying_adam(learning_rate: float, steps: int, weight_decay: float = 0.0) -> Any:
    r"""Adam whose rate falls to 0 by a cosine: how the default classifier is trained.

    With a weight decay $\lambda$ every step at the rate $\eta$ also takes $\eta \lambda \theta$ off the
    parameters, as AdamW does.

    Args:
        learning_rate: at the start.
        steps: to where it is 0.
        weight_decay: 0 for none. Decays and rates share one compiled program.

    Example:
        >>> import jax.numpy as jnp
        >>> decaying_adam(0.1, 600).init({"a": jnp.zeros(2)}) is not None
        True

    Reference: Loshchilov, Hutter, arXiv:1711.05101 (2019).
    """
    import jax.numpy as jnp
    import optax

    from .named import named_optimizer

    wrap: Any = optax.inject_hyperparams
    decayed = wrap(optax.add_decayed_weights, ("mask",), hyperparam_dtype=jnp.result_type(float))
    # Rate and decay are numbers in the state, and a fall that is the same for all.
    fall = optax.scale_by_schedule(optax.cosine_decay_schedule(1.0, steps))
    taken = decayed(weight_decay=-float(learning_rate * weight_decay))
    return optax.chain(named_optimizer("adam", learning_rate), taken, fall)


def _blocks(n_features: int, n_wires: int, angle: float) -> Any:
    """Encoding, rotations and a ring of CZ, until every feature was read and there are four rounds."""
    from ..layers import AngleEncoding, Entangler, Repeat, Rotation

    rounds = -(-n_features // n_wires)
    times = max(1, -(-LEAST_ROUNDS // rounds))
    scale = angle / sqrt(rounds * times)
    block: list[Any] = []
    for start in range(0, rounds * n_wires, n_wires):
        columns = tuple((start + wire) % n_features for wire in range(n_wires))
        encoding = AngleEncoding(scale=scale, trainable=True, features=columns)
        block += [encoding, Rotation("zyz"), Entangler("cz", "ring")]
    return Repeat(block, times)


def _words(letter: Any, n_wires: int, count: int) -> Any:
    """The first of P0, P1, ..., P0 P1, P0 P2, ...: as many as there are outputs."""
    from ..readout import Expval

    if count >= 2**n_wires:
        raise ValueError(
            f"the default model reads at most {2**n_wires - 1} values from {n_wires} wires, got "
            f"{count} classes. Pass model=f with f(n_features, n_outputs) -> a wider QNN."
        )
    import pennylane as qp

    sizes = range(1, n_wires + 1)
    words = (wires for size in sizes for wires in combinations(range(n_wires), size))
    return Expval(
        [qp.prod(*map(letter, w)) if w[1:] else letter(w[0]) for w in islice(words, count)]
    )
