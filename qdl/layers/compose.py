"""Layers made of layers: composites, sequences, repetitions, adjoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .. import threefry
from .base import Initializer, Layer, Shape, Wires, collect, is_shape


class Step(NamedTuple):
    """A part of a composite: its place among the parameters, the layer, the wires it acts on."""

    key: int | str
    layer: Layer
    wires: Wires


class Composite(Layer):
    """A layer made of layers: subclass it, and say the parts; everything else follows from them.

    One method is required, ``parts``. Shape, start, gates, active wires, features and checks are those
    of the parts one after another, each on the wires that the one before left active. Whatever qdl
    knows about layers it then knows about yours: loops of a ``Repeat`` inside are compiled once, exact
    engines see the gates, ``print`` shows the parts.

    Params: a list with one entry per part, or a dict of the parts' names (None for a part without
    parameters).

    Example:
        >>> from dataclasses import dataclass
        >>> from qdl.layers import Entangler, Rotation
        >>> @dataclass(frozen=True)
        ... class Sandwich(Composite):
        ...     bread: Layer
        ...     def parts(self, wires):
        ...         return {"below": self.bread, "filling": Entangler("cz"), "above": self.bread}
        >>> Sandwich(Rotation("y")).shape((0, 1))
        {'below': (2, 1), 'filling': None, 'above': (2, 1)}
    """

    def parts(self, wires: Wires) -> Sequence[Any] | Mapping[str, Any]:
        """The parts in time order: layers or lists of layers; with names, a dict."""
        raise NotImplementedError(
            f"{type(self).__name__} must define parts(wires): layers in time order, or a dict of them."
        )

    def steps(self, wires: Wires) -> list[Step]:
        """The parts, each with its key among the parameters and the wires it acts on."""
        parts = self._parts(wires)
        named = parts.items() if isinstance(parts, Mapping) else enumerate(parts)
        steps = []
        for key, part in named:
            layer = as_layer(part, f"{type(self).__name__}.parts")
            steps.append(Step(key, layer, wires))
            wires = layer.active(wires)
        return steps

    def _parts(self, wires: Wires) -> Sequence[Any] | Mapping[str, Any]:
        """The parts as they were written: one layer alone and a generator are taken too."""
        parts = self.parts(wires)
        if isinstance(parts, Layer):
            return (parts,)
        return parts if isinstance(parts, Mapping) else tuple(parts)

    def tree(self, wires: Wires, of: Callable[[Step], Any]) -> Any:
        """What ``of`` gives for each part, as a list or a dict like the parts."""
        found = {step.key: of(step) for step in self.steps(wires)}
        return found if isinstance(self._parts(wires), Mapping) else list(found.values())

    def shape(self, wires: Wires) -> Shape:
        return self.tree(wires, lambda step: step.layer.shape(step.wires))

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for key, layer, on in self.steps(wires):
            yield from collect(layer, params[key], x, on)

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        keys = iter(threefry.split(key, max(len(self._parts(wires)), 1)))
        return self.tree(wires, lambda step: step.layer.init(next(keys), step.wires, initializer))

    def active(self, wires: Wires) -> Wires:
        steps = self.steps(wires)
        return steps[-1].layer.active(steps[-1].wires) if steps else wires

    def n_features(self, wires: Wires) -> int:
        return max((layer.n_features(on) for _, layer, on in self.steps(wires)), default=0)

    def check(self, x: Any, wires: Wires) -> None:
        for _, layer, on in self.steps(wires):
            layer.check(x, on)


@dataclass(frozen=True)
class Sequential(Composite):
    """Layers one after another; each acts on the wires that the one before left active.

    Params: a list, one entry per layer (None for a layer without parameters).

    Example:
        >>> from qdl.layers import Entangler, Rotation
        >>> Sequential([Rotation("y"), Entangler("cz")]).shape((0, 1))
        [(2, 1), None]
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        super().__post_init__()
        for layer in self.layers:
            if not isinstance(layer, Layer):
                mend = "Wrap a function or a PennyLane template as Template(fn, shape)."
                if isinstance(layer, type) and issubclass(layer, Layer):
                    mend = f"Write {layer.__name__}(), with brackets."
                raise TypeError(f"Sequential takes layers, got {layer!r}. {mend}")
        for layer in self.layers[1:]:
            if layer.first_only:
                raise ValueError(
                    f"{layer!r} prepares the state, so it must be the first layer, but it comes "
                    f"after {self.layers[0]!r}. Move it to the front, or use AngleEncoding here."
                )

    @property
    def first_only(self) -> bool:  # type: ignore[override]
        """True when the first layer prepares a state."""
        return bool(self.layers) and self.layers[0].first_only

    def parts(self, wires: Wires) -> Sequence[Layer]:
        return self.layers


def as_layer(block: Layer | Iterable[Layer], owner: str = "") -> Layer:
    """A layer as it is; a list of layers as a Sequential."""
    if isinstance(block, Layer):
        return block
    if not isinstance(block, Iterable):
        mend = "Example: Repeat([Rotation()], 3)."
        if isinstance(block, type) and issubclass(block, Layer):
            mend = f"Write {block.__name__}(), with brackets."
        who = f"{owner}: " if owner else ""
        raise TypeError(f"{who}expected a layer or a list of layers, got {block!r}. {mend}")
    return Sequential(tuple(block))


class _Block(Layer):
    """What Repeat, Adjoint and Mirrored share: one block that keeps its wires."""

    block: Layer

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", as_layer(self.block))
        super().__post_init__()
        if self.block.first_only:
            raise ValueError(
                f"{type(self).__name__} cannot hold a layer that prepares the state: got "
                f"{self.block!r}. Put that layer in front, and only gates inside."
            )

    def active(self, wires: Wires) -> Wires:
        left = self.block.active(wires)
        if left != wires:
            raise ValueError(
                f"{type(self).__name__} needs a block that keeps its wires, but its block turns "
                f"{len(wires)} wires into {len(left)}. Write Pooling outside of it, one level after "
                "another."
            )
        return wires

    def n_features(self, wires: Wires) -> int:
        return self.block.n_features(wires)

    def check(self, x: Any, wires: Wires) -> None:
        self.block.check(x, wires)


@dataclass(frozen=True)
class Repeat(_Block):
    """The same block ``times`` times, each time with parameters of its own.

    The block is compiled once, however often it is repeated and wherever the ``Repeat`` stands. With an
    encoding inside, this is data re-uploading.

    Params: those of the block, each with a leading axis of length ``times``.

    Example:
        >>> from qdl.layers import Rotation
        >>> Repeat(Rotation("zyz"), 5).shape((0, 1))
        (5, 2, 3)

    Reference: data re-uploading: Perez-Salinas et al., Quantum 4, 226 (2020).
    """

    block: Any  # given as a layer or a list of layers, kept as a layer
    times: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.times, bool) or not isinstance(self.times, int) or self.times < 1:
            raise ValueError(
                f"Repeat needs a whole number of times >= 1, got {self.times!r}. "
                "Leave the block out for none."
            )

    def shape(self, wires: Wires) -> Shape:
        self.active(wires)
        shape = self.block.shape(wires)
        return jax.tree.map(lambda leaf: (self.times, *leaf), shape, is_leaf=is_shape)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for t in range(self.times):
            own = jax.tree.map(lambda p, t=t: p[t], params)
            yield from collect(self.block, own, x, wires)

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        def one(key: jax.Array) -> Any:
            return self.block.init(key, wires, initializer)

        if not threefry.is_known(key):
            return jax.vmap(one)(jax.random.split(key, self.times))
        with jax.ensure_compile_time_eval():
            each = [one(k) for k in threefry.split(key, self.times)]
        return jax.tree.map(_stacked, *each)


def _stacked(*leaves: Any) -> jax.Array:
    """Leaves under one another; by NumPy where they are known, so that nothing is compiled."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return jnp.stack(leaves)
    return jax.device_put(np.stack(leaves))


@dataclass(frozen=True)
class Adjoint(_Block):
    r"""The inverse of a block: $U^\dagger$, its operators reversed and adjoined.

    Params: the block's shapes, values of its own.

    Example:
        >>> from qdl.layers import Rotation
        >>> import numpy as np
        >>> [gate] = Adjoint(Rotation("y")).gates(np.array([[0.3]]), None, (0,))
        >>> gate.name, float(gate.data[0])
        ('RY', -0.3)
    """

    block: Any  # given as a layer or a list of layers, kept as a layer

    def shape(self, wires: Wires) -> Shape:
        self.active(wires)
        return self.block.shape(wires)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for gate in reversed(collect(self.block, params, x, wires)):
            if isinstance(gate, qp.operation.Channel):
                raise ValueError(
                    f"Adjoint needs unitary gates, got the channel {gate.name}: noise has no "
                    "inverse. Put Noise outside of Adjoint and Mirrored."
                )
            yield qp.adjoint(gate, lazy=False)

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        return self.block.init(key, wires, initializer)


@dataclass(frozen=True)
class Mirrored(_Block, Composite):
    r"""A block followed by its adjoint: $V(\theta_2)^\dagger\, U(\theta_1)$.

    With ``initializer=qdl.initializers.identity_blocks()`` both halves start with the same parameters,
    so the whole starts as the identity and its gradient does not vanish at the start.

    Params: ``{"block": ..., "adjoint": ...}``, each with the block's shapes.

    Example:
        >>> from qdl.layers import Rotation
        >>> Mirrored(Rotation("y")).shape((0, 1))
        {'block': (2, 1), 'adjoint': (2, 1)}

    Reference: Grant, Wossnig, Ostaszewski, Benedetti, Quantum 3, 214 (2019).
    """

    block: Any  # given as a layer or a list of layers, kept as a layer

    def parts(self, wires: Wires) -> Mapping[str, Layer]:
        self.active(wires)
        return {"block": self.block, "adjoint": Adjoint(self.block)}

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        if getattr(initializer, "mirrored_only", False):
            half = self.block.init(key, wires, initializer.base)  # type: ignore[union-attr]
            return {"block": half, "adjoint": half}
        return super().init(key, wires, initializer)
