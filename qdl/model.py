"""A QNN: a circuit, how its parameters start, and the place where it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
import pennylane as qp

from . import simulator
from .backends import Statevector, as_place
from .backends.program import to_qasm2
from .circuit import Circuit, count, over_batch
from .layers.base import Initializer, Layer, Wires, check_key
from .layers.compose import Adjoint, Composite, Repeat, Sequential, Step
from .observables import as_hamiltonian
from .refused import Refused
from .sampled import Sampled
from .shown import Shown


@dataclass(frozen=True)
class QNN(Circuit, Shown):
    r"""A variational quantum neural network $f(\theta, x) = \langle O \rangle_{U(\theta, x)|0\rangle}$.

    A circuit with a start and a place. Immutable and hashable; parameters live outside, in a plain
    pytree. Wire 0 is the most significant bit wherever basis states are numbered.

    Args:
        n_wires: number of qubits.
        layers: a layer or a list of layers, in time order.
        readout: what is measured.
        initializer: for every layer that has none of its own.
        place: where it runs; see ``on``.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import AngleEncoding, Entangler, Rotation
        >>> model = qdl.QNN(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")])
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((5, 2))).shape
        (5, 2)
    """

    initializer: Initializer | None = None
    place: Any = field(default_factory=Statevector)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "place", as_place(self.place))

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit alone."""
        return Circuit(self.n_wires, self.layers, self.readout)

    @property
    def size(self) -> int:
        """The number k of readout values, at this place."""
        return self.place.size(self.circuit)

    def init(self, key: jax.Array) -> Any:
        """Draw parameters: a list with one entry per layer, angles in radians."""
        return self.layers.init(check_key(key, "init"), self.wires, self.initializer)

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
        self.check_params(params)
        return self.place.apply(self.circuit, params, self.check_features(x), key)

    def operators(self, params: Any, x: Any = None) -> list[Any]:
        """The circuit as a flat list of PennyLane operators."""
        self.check_params(params)
        return super().operators(params, self.check_features(x, row=True))

    def state(self, params: Any, x: Any = None) -> jax.Array:
        """The final state vector, ``(2**n_wires,)`` or ``(batch, 2**n_wires)``, complex.

        On ``fock(cutoff)`` amplitudes ``(cutoff**n_modes,)``, mode 0 the slowest, not normalised.

        Raises:
            Refused: a place with errors, whose states are mixed.
        """
        self.check_params(params)
        return over_batch(partial(self.place.state, self.circuit, params), self.check_features(x))

    def sample(self, params: Any, x: Any, shots: int, key: jax.Array) -> jax.Array:
        """Measured bits of the active wires, ``(..., shots, n_active)``, in {0, 1}, errors of the place in.

        Raises:
            Refused: a place with errors that cannot say what it would measure.
        """
        simulator.check_shots(shots, key)
        self.check_params(params)

        def bits(x: Any) -> jax.Array:
            return self.place.bits(self.circuit, params, x, shots, key)

        return over_batch(bits, self.check_features(x))

    def sampled(self, params: Any, x: Any = None, *, key: jax.Array) -> Sampled:
        r"""Readout values with the standard errors that shots leave in them.

        Native places know the distribution that they draw from. Machines estimate it from what they
        count: $\sigma^2 = \frac{1}{S - 1} \sum_{ij} c_i c_j (\langle P_i P_j \rangle - \langle P_i \rangle
        \langle P_j \rangle)$ over the words of a value that share outcomes; where a place does not say which
        do, they are taken to err together. Mitigated values have the errors of their runs, propagated.

        Args:
            params: as returned by ``init``.
            x: as in ``apply``.
            key: a JAX key.

        Raises:
            Refused: a place whose values are exact, or of one shot.
        """
        check_key(key, "sampled")
        self.check_params(params)
        features = self.check_features(x)
        values, errors = self.place.sampled(self.circuit, params, features, key)
        return Sampled(values, errors, self.place.draws or 0)

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
            with qp.QueuingManager.stop_recording():
                asked = self.readout.measurements(self.active)
            sums = (None if each.obs is None else as_hamiltonian(each.obs) for each in asked)
            results = [
                qp.apply(each) if observable is None else qp.expval(observable)
                for each, observable in zip(asked, sums, strict=True)
            ]
            return results[0] if len(results) == 1 else tuple(results)

        return qp.QNode(circuit, device, **options)

    def draw(self, params: Any, x: Any = None, **options: Any) -> str:
        """The circuit as text; ``options`` go to ``pennylane.draw``."""
        node = self.qnode(qp.device("default.qubit", wires=self.n_wires))
        return qp.draw(node, **options)(jax.tree.map(np.asarray, params), x)

    def draw_mpl(
        self,
        params: Any = None,
        x: Any = None,
        *,
        symbolic: bool = False,
        path: Any = None,
        **options: Any,
    ) -> tuple[Any, Any]:
        r"""The circuit as a figure of Matplotlib, as PennyLane draws it.

        Args:
            params: as returned by ``init``; not needed for symbols.
            x: one sample, or None.
            symbolic: angles as $\theta_i$, numbered through all parameters, and $x_i$; sums and products of
                them are written out, other functions as $f(\ldots)$.
            path: where to save it, as the ending says; text in PDF and SVG stays text.
            options: for ``pennylane.draw_mpl``, with symbols for ``pennylane.drawer.tape_mpl``; both take
                ``style`` and ``decimals``.

        Returns:
            The figure and its axes.

        Raises:
            ValueError: no params where numbers are to be shown, or ``max_length``, for several figures.

        Example:
            >>> import qdl
            >>> model = qdl.QNN(2, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("z")])
            >>> figure, axes = model.draw_mpl(symbolic=True)
            >>> [text.get_text() for text in axes.texts][2:]
            ['RY\n$x_{0}$', 'RY\n$x_{1}$', 'RZ\n$\\theta_{0}$', 'RZ\n$\\theta_{1}$']
        """
        from .drawing import PAPER, symbolic_figure

        if options.get("max_length") is not None:
            raise ValueError(
                f"draw_mpl gives one figure, and max_length={options['max_length']} asks for several. Draw "
                "the repeated block alone: QNN(n_wires, block).draw_mpl(symbolic=True)."
            )
        if symbolic:
            figure, axes = symbolic_figure(self.circuit, **options)
        elif params is None and self.n_params:
            raise ValueError(
                "draw_mpl shows angles as numbers, so it needs params. Pass model.init(key), or "
                "symbolic=True for symbols."
            )
        else:
            node = self.qnode(qp.device("default.qubit", wires=self.n_wires))
            given = [None] * len(self.layers.layers) if params is None else params
            figure, axes = qp.draw_mpl(node, **options)(jax.tree.map(np.asarray, given), x)
        if path is not None:
            import matplotlib

            with matplotlib.rc_context(PAPER):
                figure.savefig(path, bbox_inches="tight")
        return figure, axes

    def to_qasm(self, params: Any = None, x: Any = None, *, version: int = 2) -> str:
        """OpenQASM text of the circuit for one sample, measuring the active wires.

        Qubit i is wire i. Version 2 measures the j-th active wire into bit ``c[j]``. Version 3 counts from
        the other end, the last active wire into ``c[0]``: the register, read as a binary number, is the
        index into ``Probs``. Version 2 has no global phase. Version 3 without ``params`` declares each
        angle as an ``input float``, named as in ``to_qiskit``.
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
        if any(isinstance(o, qp.operation.CV) for o in operators):
            raise Refused(
                "OpenQASM has gates of qubits alone, and this circuit is one of modes of light. Use "
                "model.operators(params, x), PennyLane's operators."
            )
        return to_qasm2(operators, self.wires, self.active)

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
        for _, layer, wires in self.layers.steps(self.wires):
            lines += _tree(layer, wires, 1)
        read = _span(tuple(sorted(self.measured.wires)))
        lines.append(f"  {type(self.readout).__name__}  wires {read} -> {self._count()} values")
        return "\n".join(lines)

    def _count(self) -> str:
        try:
            return str(self.size)
        except Refused:  # as many as a place says that it is not on
            return "?"


def _span(wires: Wires) -> str:
    """0-3 for a run of wires, 0,2,4 otherwise."""
    if len(wires) > 1 and wires == tuple(range(wires[0], wires[0] + len(wires))):
        return f"{wires[0]}-{wires[-1]}"
    return ",".join(map(str, wires))


def _tree(layer: Layer, wires: Wires, depth: int, name: str = "") -> Iterator[str]:
    """One line per layer, parts indented under what they make up."""
    pad = "  " * depth + name
    n = count(layer.shape(wires))
    size = f", {n} parameters" if n else ""
    if isinstance(layer, Composite):
        yield f"{pad}{type(layer).__name__}{size}"
        steps = layer.steps(wires)
    elif isinstance(layer, Repeat | Adjoint):
        times = f" x {layer.times}" if isinstance(layer, Repeat) else ""
        yield f"{pad}{type(layer).__name__}{times}{size}"
        block = layer.block
        steps = block.steps(wires) if isinstance(block, Sequential) else [Step(0, block, wires)]
    else:
        yield f"{pad}{layer!r}  wires {_span(wires)}{size}"
        return
    for key, part, on in steps:
        yield from _tree(part, on, depth + 1, f"{key}: " if isinstance(key, str) else "")
