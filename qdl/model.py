"""A QNN: a circuit made of layers, a readout, and the place where it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from . import simulator
from .backends import Statevector, as_place
from .layers.base import Initializer, Layer, Wires, check_key, is_shape, start
from .layers.compose import Sequential, as_layer
from .readout import ExpZ, Readout


@dataclass(frozen=True, init=False)
class QNN:
    r"""A variational quantum neural network $f(\theta, x) = \langle O \rangle_{U(\theta, x)|0\rangle}$.

    Immutable and hashable: equal models share one compilation. Parameters live outside, in a plain
    pytree. Wire 0 is the most significant bit wherever basis states are numbered.

    Args:
        n_wires: number of qubits.
        layers: a layer or a list of layers, in time order.
        readout: what is measured.
        init: an initialiser for every layer that has none of its own.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import AngleEncoding, Entangler, Rotation
        >>> model = qdl.QNN(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")])
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((5, 2))).shape
        (5, 2)
    """

    n_wires: int
    layers: Sequential
    readout: Readout
    initializer: Initializer | None
    place: Any

    def __init__(
        self,
        n_wires: int,
        layers: Layer | Iterable[Layer],
        readout: Readout | None = None,
        init: Initializer | None = None,
        *,
        initializer: Initializer | None = None,
        place: Any = None,
    ):
        # The argument and the method share the name `init`; the field cannot.
        whole = isinstance(n_wires, int | np.integer) and not isinstance(n_wires, bool)
        if not whole or n_wires < 1:
            raise ValueError(
                f"QNN needs a whole number of wires >= 1, got {n_wires!r}. Example: QNN(4, layers)."
            )
        layers = as_layer(layers)
        if not isinstance(layers, Sequential):
            layers = Sequential((layers,))
        set_field = partial(object.__setattr__, self)
        set_field("n_wires", int(n_wires))
        set_field("layers", layers)
        set_field("readout", ExpZ() if readout is None else readout)
        set_field("initializer", init if init is not None else initializer)
        set_field("place", Statevector() if place is None else place)
        if not isinstance(self.readout, Readout):
            raise TypeError(
                f"readout must be ExpZ, Expval or Probs, got {self.readout!r}. "
                "Wrap PennyLane observables as Expval([...])."
            )
        layers.shape(self.wires)  # every layer refuses wires that make no sense for it here
        self.readout.measurements(self.active)

    def __deepcopy__(self, memo: Any) -> QNN:
        """Itself: nothing in a model can change."""
        return self

    @property
    def wires(self) -> Wires:
        """All wires, ``(0, ..., n_wires - 1)``."""
        return tuple(range(self.n_wires))

    @property
    def active(self) -> Wires:
        """The wires still active at the end of the circuit."""
        return self.layers.active(self.wires)

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return _count(self.layers.shape(self.wires))

    @property
    def n_features(self) -> int:
        """How many features the encodings read; 0 for a circuit without data."""
        return self.layers.n_features(self.wires)

    def init(self, key: jax.Array) -> Any:
        """Draw parameters: a list with one entry per layer, angles in radians."""
        return start(self.layers, check_key(key, "init"), self.wires, self.initializer)

    def apply(self, params: Any, x: Any = None, key: jax.Array | None = None) -> jax.Array:
        """The readout values.

        Args:
            params: as returned by ``init``.
            x: ``(n_features,)`` or ``(batch, n_features)``; None for a circuit without data.
            key: a JAX key; needed where the place draws shots.

        Returns:
            ``(k,)`` or ``(batch, k)``, real. It can be jitted, mapped and differentiated in reverse
            mode, also twice: the Hessian is ``jax.jacrev(jax.grad(f))``. Forward mode (``jax.jvp``,
            ``jax.hessian``) is not there.
        """
        self._check_params(params)
        return self.place.apply(self, params, self._check_features(x), key)

    def operators(self, params: Any, x: Any = None) -> list[Any]:
        """The circuit as a flat list of PennyLane operators."""
        self._check_params(params)
        x = self._check_features(x)
        with qp.QueuingManager.stop_recording():
            return list(self.layers.gates(params, x, self.wires))

    def state(self, params: Any, x: Any = None) -> jax.Array:
        """The final state vector, ``(2**n_wires,)`` or ``(batch, 2**n_wires)``, complex."""
        self._check_params(params)
        return _state(self, params, self._check_features(x))

    def sample(self, params: Any, x: Any, shots: int, key: jax.Array) -> jax.Array:
        """Measured bits of the active wires, ``(..., shots, n_active)``, in {0, 1}."""
        simulator.check_shots(shots, key)
        self._check_params(params)
        return _sample(self, params, self._check_features(x), shots, key)

    def on(self, place: Any) -> QNN:
        """The same model and parameters, evaluated elsewhere.

        Args:
            place: a place of ``qdl.backends`` or any PennyLane device.
        """
        return replace(self, place=as_place(place))

    def qnode(self, device: Any, **options: Any) -> Any:
        """A PennyLane QNode ``f(params, x=None)`` on a device, returning the measurements."""

        def circuit(params: Any, x: Any = None) -> Any:
            for operator in self.operators(params, x):
                qp.apply(operator)
            results = self.readout.measurements(self.active)  # queued as they are made
            return results[0] if len(results) == 1 else tuple(results)

        return qp.QNode(circuit, device, **options)

    def draw(self, params: Any, x: Any = None, **options: Any) -> str:
        """The circuit as text; ``options`` go to ``pennylane.draw``."""
        node = self.qnode(qp.device("default.qubit", wires=self.n_wires))
        return qp.draw(node, **options)(jax.tree.map(np.asarray, params), x)

    def to_qasm(self, params: Any = None, x: Any = None, *, version: int = 2) -> str:
        """OpenQASM text of the circuit for one sample, measuring the active wires.

        Version 3 without ``params`` declares each angle as an ``input float``, named as in ``to_qiskit``.
        """
        if version == 3:
            from .backends.machines.export import to_qasm3

            return to_qasm3(self, params, x)
        if version != 2 or params is None:
            raise ValueError(
                f"OpenQASM is written in version 2 with numbers, or in version 3; got version="
                f"{version!r}, params={'None' if params is None else 'given'}. Pass params, or "
                "version=3 for a circuit with open angles."
            )
        if np.ndim(x) > 1:
            raise ValueError(
                f"to_qasm writes one circuit, got x of shape {np.shape(x)}. Pass one sample, x[0]."
            )
        operators = self.operators(jax.tree.map(np.asarray, params), x)
        tape = qp.tape.QuantumScript(operators, [qp.sample(wires=self.active)])
        return qp.to_openqasm(tape, wires=qp.wires.Wires(self.wires), measure_all=False)

    def to_qiskit(self) -> tuple[Any, Any]:
        """A Qiskit circuit with a ``Parameter`` for each angle, and the map from params to angles.

        Qubit i is wire i, and nothing is measured. Equal to ``state`` up to a global phase; Qiskit
        counts qubit 0 as the least significant bit, hence ``circuit.reverse_bits()`` to compare.

        Returns:
            The circuit, and the ``AngleMap``: ``angles(params, x)`` gives what
            ``circuit.assign_parameters`` takes, ``angles.sources`` says which entry each one is.

        Example:
            >>> import jax, qdl
            >>> from qdl.layers import AngleEncoding, Rotation
            >>> model = qdl.QNN(2, [AngleEncoding(), Rotation("z")])
            >>> circuit, angles = model.to_qiskit()
            >>> list(angles.sources.values())
            ['x[0]', 'x[1]', 'params[1][0, 0]', 'params[1][1, 0]']
            >>> params = model.init(jax.random.key(0))
            >>> bound = circuit.assign_parameters(angles(params, [0.1, 0.2]))
        """
        from .backends.machines.export import to_qiskit

        return to_qiskit(self)

    def __str__(self) -> str:
        """The tree: layers, wires, parameter counts."""
        lines = [
            f"QNN  {self.n_wires} wires, {self.n_params} parameters, {self.n_features} features"
        ]
        for layer, wires in self.layers.steps(self.wires):
            lines += _tree(layer, wires, 1)
        outputs = self.readout.size(self.active)
        measurements = self.readout.measurements(self.active)
        read = tuple(sorted({int(w) for m in measurements for w in m.wires}))
        lines.append(f"  {type(self.readout).__name__}  wires {_span(read)} -> {outputs} values")
        return "\n".join(lines)

    def _check_params(self, params: Any) -> None:
        check_tree(params, self.layers.shape(self.wires))

    def _check_features(self, x: Any) -> Any:
        x = check_features(x)
        self.layers.check(x, self.wires)
        return x


@partial(jax.jit, static_argnums=0)
def _state(model: QNN, params: Any, x: Any) -> jax.Array:
    return simulator.state(model.layers, model.wires, params, x)


@partial(jax.jit, static_argnums=(0, 3))
def _sample(model: QNN, params: Any, x: Any, shots: int, key: jax.Array) -> jax.Array:
    state = simulator.state(model.layers, model.wires, params, x)
    return simulator.sample_bits(state, model.n_wires, model.active, shots, key)


def check_features(x: Any) -> Any:
    """Features as a float array; NaN and Inf refused by row and column while values are concrete."""
    if x is None or isinstance(x, jax.core.Tracer):
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "biuf" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"x must be real numbers, got dtype {array.dtype}. Encode categories as numbers first, and "
            "complex ones as two features each."
        )
    if array.ndim == 0:
        raise ValueError(
            "x must have shape (n_features,) or (batch, n_features), got one number. "
            "For a single feature pass x[None] or x[:, None]."
        )
    if array.size == 0:
        raise ValueError(
            f"x has shape {array.shape}, so there is nothing to evaluate. Expected at least one "
            "sample and one feature."
        )
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        row = where[0] if len(where) == 2 else where[:-1]
        place = f"column {where[-1]}" + (f", row {row}" if len(where) > 1 else "")
        raise ValueError(
            f"x must be finite, got {array[where]} in {place}. Drop or impute such rows first."
        )
    return jnp.asarray(x, dtype=jnp.result_type(float))


def check_tree(params: Any, shape: Any) -> None:
    """Refuse parameters of another model, naming the first leaf that differs."""
    wanted, tree = jax.tree.flatten(shape, is_leaf=is_shape)
    got, got_tree = jax.tree.flatten(params)
    if got_tree != tree:
        alone = jax.tree_util.treedef_is_leaf(got_tree)
        given = f"one {type(params).__name__}" if alone else f"the tree {got_tree}"
        raise ValueError(
            f"params are not of this model: got {given}, expected the tree {tree}. "
            "Use init(key) of this model, or result.params of a fit; the order is apply(params, x)."
        )
    paths = jax.tree_util.tree_flatten_with_path(params)[0]
    for (path, leaf), expected in zip(paths, wanted, strict=True):
        if np.shape(leaf) != expected:
            raise ValueError(
                f"params{jax.tree_util.keystr(path)} has shape {np.shape(leaf)}, expected "
                f"{expected}. Use params from this model's init(key)."
            )


def _count(shape: Any) -> int:
    return sum(int(np.prod(leaf)) for leaf in jax.tree.leaves(shape, is_leaf=is_shape))


def _span(wires: Wires) -> str:
    """0-3 for a run of wires, 0,2,4 otherwise."""
    if len(wires) > 1 and wires == tuple(range(wires[0], wires[0] + len(wires))):
        return f"{wires[0]}-{wires[-1]}"
    return ",".join(map(str, wires))


def _tree(layer: Layer, wires: Wires, depth: int) -> Iterator[str]:
    """One line per layer, blocks indented under what repeats or mirrors them."""
    pad = "  " * depth
    n = _count(layer.shape(wires))
    count = f", {n} parameters" if n else ""
    block = getattr(layer, "block", None)
    if isinstance(layer, Sequential):
        steps = list(layer.steps(wires))
        yield f"{pad}Sequential{count}"
    elif isinstance(block, Layer):
        times = getattr(layer, "times", None)
        yield f"{pad}{type(layer).__name__}{f' x {times}' if times else ''}{count}"
        steps = list(block.steps(wires)) if isinstance(block, Sequential) else [(block, wires)]
    else:
        yield f"{pad}{layer!r}  wires {_span(wires)}{count}"
        return
    for child, on in steps:
        yield from _tree(child, on, depth + 1)
