"""Quantum and classical stages in one model."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import threefry
from .arguments import check_whole
from .readout import Readout

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda x: x,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}


@dataclass(frozen=True)
class Dense:
    r"""A classical linear stage, $x \mapsto x W + b$.

    Args:
        n_in: features that come in.
        n_out: features that go out.

    Params: ``{"weight": (n_in, n_out), "bias": (n_out,)}``; weights start Glorot-uniform, biases 0.

    Example:
        >>> layer = Dense(64, 4)
        >>> layer.apply(layer.init(jax.random.key(0)), jnp.zeros((5, 64))).shape
        (5, 4)

    Reference: Glorot, Bengio, AISTATS (2010).
    """

    n_in: int
    n_out: int

    def __post_init__(self) -> None:
        for name, value in (("n_in", self.n_in), ("n_out", self.n_out)):
            check_whole(name, value, owner="Dense")

    @property
    def n_features(self) -> int:
        """How many features come in."""
        return self.n_in

    @property
    def n_outputs(self) -> int:
        """How many values go out."""
        return self.n_out

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return (self.n_in + 1) * self.n_out

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """Draw parameters."""
        dtype = jnp.result_type(float)
        weight = jax.nn.initializers.glorot_uniform()(key, (self.n_in, self.n_out), dtype)
        return {"weight": weight, "bias": jnp.zeros(self.n_out, dtype)}

    def apply(self, params: Any, x: Any) -> jax.Array:
        """``(..., n_in)`` to ``(..., n_out)``."""
        x = jnp.asarray(x)
        given = x.shape[-1] if x.ndim else 1
        if x.ndim == 0 or given != self.n_in:
            raise ValueError(
                f"Dense({self.n_in}, {self.n_out}) takes {self.n_in} features, got x of shape "
                f"{x.shape}. Write Dense({given}, {self.n_out}), or change x."
            )
        weight, bias = _checked(params, {"weight": (self.n_in, self.n_out), "bias": (self.n_out,)})
        return x @ weight + bias


def _checked(params: Any, shapes: dict[str, tuple[int, ...]]) -> list[Any]:
    got = {k: jnp.shape(v) for k, v in params.items()} if isinstance(params, dict) else params
    if got != shapes:
        raise ValueError(
            f"params are not of this Dense: got {got}, expected {shapes}. "
            "Use params from this model's init(key)."
        )
    return [jnp.asarray(params[name]) for name in shapes]


@dataclass(frozen=True)
class Hybrid:
    """Stages one after another: each one's values are the next one's features.

    A stage is a ``Dense``, a ``QNN``, another ``Hybrid``, anything hashable with ``init`` and
    ``apply``, or the name of an activation: ``"identity"``, ``"relu"``, ``"sigmoid"``,
    ``"softplus"``, ``"tanh"``. Into a QNN go angles in radians.

    Args:
        stages: in order.

    Params: a list, one entry per stage; None for an activation.

    Raises:
        ValueError: unknown activation; a stage that does not fit the one before it.

    Example:
        >>> model = Hybrid([Dense(8, 4), "tanh", Dense(4, 2)])
        >>> model.n_features, model.n_outputs, model.n_params
        (8, 2, 46)
        >>> model.apply(model.init(jax.random.key(0)), jnp.zeros((5, 8))).shape
        (5, 2)

    Reference: Mari, Bromley, Izaac, Schuld, Killoran, Quantum 4, 340 (2020).
    """

    stages: tuple[Any, ...]

    def __init__(self, stages: Iterable[Any]):
        object.__setattr__(self, "stages", tuple(stages))
        if not self.stages:
            raise ValueError("Hybrid needs at least one stage, got none. Example: [Dense(4, 2)].")
        for stage in self.stages:
            _check_stage(stage)
        _check_widths(self.stages)

    @property
    def n_features(self) -> int:
        """How many features the first stage reads; 0 if it does not say."""
        return next((n_in(s) for s in self.stages if not isinstance(s, str)), 0)

    @property
    def n_outputs(self) -> int | None:
        """How many values the last stage gives; None if it does not say."""
        return next((n_out(s) for s in reversed(self.stages) if not isinstance(s, str)), None)

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return sum(getattr(stage, "n_params", 0) for stage in self.stages)

    @property
    def readout(self) -> Readout | None:
        """What is measured, if a quantum stage comes last; None after a classical one."""
        return getattr(self.stages[-1], "readout", None)

    def init(self, key: jax.Array) -> list[Any]:
        """Draw parameters: a list with one entry per stage."""
        keys = threefry.split(key, len(self.stages))
        return [
            None if isinstance(stage, str) else stage.init(k)
            for stage, k in zip(self.stages, keys, strict=True)
        ]

    def apply(self, params: Any, x: Any, key: jax.Array | None = None) -> jax.Array:
        """The last stage's values.

        Args:
            params: as returned by ``init``.
            x: ``(n_features,)`` or ``(batch, n_features)``.
            key: a JAX key; needed where a quantum stage draws shots.
        """
        if not isinstance(params, list | tuple) or len(params) != len(self.stages):
            given = len(params) if isinstance(params, list | tuple) else type(params).__name__
            raise ValueError(
                f"params are not of this model: got {given}, expected a list with "
                f"{len(self.stages)} entries. Use params from this model's init(key)."
            )
        from .circuit import check_features  # here: the classical stages need no PennyLane

        return self._run(params, check_features(x), key, given=True)

    def _run(self, params: Any, x: Any, key: Any, given: bool) -> Any:
        """All stages; ``given`` where x is the user's and not that of a stage before."""
        for i, (stage, p) in enumerate(zip(self.stages, params, strict=True)):
            own = None if key is None else jax.random.fold_in(key, i)
            x = self._through(stage, p, x, own, given and i == 0)
        return x

    def _through(self, stage: Any, params: Any, x: Any, key: Any, given: bool) -> Any:
        """One stage. Of features that a stage computed the shape alone is looked at, as inside of ``fit``."""
        if isinstance(stage, str):
            return ACTIVATIONS[stage](jnp.asarray(x))
        if not given and isinstance(stage, Hybrid):
            return stage._run(params, x, key, given)
        if not given and hasattr(stage, "circuit") and hasattr(stage, "place"):
            stage.check_params(params)
            stage.layers.check(np.ones(np.shape(x)), stage.wires)
            return stage.place.apply(stage.circuit, params, jnp.asarray(x), key)
        return applied(stage, params, x, key)

    def quantum_stages(
        self, params: Any, x: Any, key: jax.Array | None = None
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Every quantum stage with its parameters and the features that reach it."""
        for i, (stage, p) in enumerate(zip(self.stages, params, strict=True)):
            key_here = None if key is None else jax.random.fold_in(key, i)
            yield from quantum_stages(stage, p, x, key_here)
            if any(_has_places(later) for later in self.stages[i + 1 :]):
                x = self._through(stage, p, x, key_here, i == 0)

    def on(self, place: Any) -> Hybrid:
        """The same model and parameters, its quantum stages evaluated elsewhere."""
        return Hybrid(s.on(place) if hasattr(s, "on") else s for s in self.stages)

    def __str__(self) -> str:
        """The tree: stages, widths, parameter counts."""
        widths = f"{self.n_features or '?'} features -> {self.n_outputs or '?'} values"
        lines = [f"Hybrid  {len(self.stages)} stages, {self.n_params} parameters, {widths}"]
        for stage in self.stages:
            count = f"  {stage.n_params} parameters" if isinstance(stage, Dense) else ""
            lines += [f"  {line}" for line in f"{stage}{count}".splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Patches:
    r"""A stage that slides a small model over an image: a quanvolution, where the model is a circuit.

    The image is cut into patches of ``size`` x ``size`` pixels, ``stride`` apart, row by row; what does not
    fill a patch at the right and lower edge is left out. Every patch, its pixels row by row, is one sample of
    the model, whose parameters are the same for all. With $h' = \lfloor (h - s)/t \rfloor + 1$ rows of
    $w'$ patches and $k$ values of the model there are $h' w' k$ values an image, in the order (row,
    column, value).

    Images are ``(batch, height, width)`` or ``(batch, height, width, channels)``; ``(batch, pixels)`` and
    ``(pixels,)`` are square images, flat. Pixels are what the model takes: angles in radians for a circuit.

    Args:
        model: anything with ``init`` and ``apply`` that takes ``size * size * channels`` features.
        size: pixels of a patch's side.
        stride: pixels from one patch to the next; None for ``size``, so that none overlap.

    Params: those of the model.

    Raises:
        ValueError: sizes that are no whole numbers, a model of another width, images that are smaller than
            a patch or, if flat, not square.

    Example:
        >>> import qdl
        >>> stage = Patches(qdl.models.data_reuploading(4, 1), 2, 2)
        >>> model = Hybrid([stage, Dense(16 * 4, 2)])
        >>> model.apply(model.init(jax.random.key(0)), jnp.zeros((5, 8, 8))).shape
        (5, 2)

    Reference: Henderson, Shakya, Pradhan, Cook, "Quanvolutional neural networks", Quantum Machine
    Intelligence 2, 2 (2020).
    """

    model: Any
    size: int
    stride: int | None = None

    def __post_init__(self) -> None:
        check_whole("size", self.size, owner="Patches")
        check_whole("stride", self.step, owner="Patches")
        _check_stage(self.model)
        if isinstance(self.model, str):
            raise TypeError(f"Patches takes a model with init and apply, got {self.model!r}.")
        wanted, pixels = n_in(self.model), self.size**2
        if wanted and wanted % pixels:
            raise ValueError(
                f"Patches of {self.size} x {self.size} have {pixels} pixels a channel, but the model takes "
                f"{wanted} features. Use a model of {pixels} features."
            )

    @property
    def step(self) -> int:
        """Pixels from one patch to the next."""
        return self.size if self.stride is None else self.stride

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return getattr(self.model, "n_params", 0)

    def init(self, key: jax.Array) -> Any:
        """Draw parameters: those of the model."""
        return self.model.init(key)

    def cut(self, x: Any) -> jax.Array:
        """The patches of images, ``(batch * patches, pixels of a patch)``, or of one, ``(patches, ...)``."""
        images = self._images(jnp.asarray(x))
        size = self.size
        rows, columns = (range(0, n - size + 1, self.step) for n in images.shape[1:3])
        patches = jnp.stack(
            [images[:, r : r + size, c : c + size] for r in rows for c in columns], axis=1
        )
        return patches.reshape(len(images) * len(rows) * len(columns), -1)

    def apply(self, params: Any, x: Any, key: jax.Array | None = None) -> jax.Array:
        """The model's values on every patch, ``(batch, patches * k)``, or ``(patches * k,)`` of one image.

        Args:
            params: as returned by ``init``.
            x: images, see above.
            key: a JAX key; needed where the model draws shots.
        """
        values = applied(self.model, params, self.cut(x), key)
        return values.reshape(-1) if jnp.ndim(x) == 1 else values.reshape(len(x), -1)

    def on(self, place: Any) -> Patches:
        """The same stage, its model evaluated elsewhere."""
        return dataclasses.replace(self, model=self.model.on(place))

    def _images(self, x: jax.Array) -> jax.Array:
        """``(batch, height, width, channels)``."""
        shape = x.shape
        if x.ndim in (1, 2):
            side = isqrt(shape[-1])
            if side * side != shape[-1]:
                raise ValueError(
                    f"x has {shape[-1]} pixels a row, which make no square image. Pass images of shape "
                    "(batch, height, width)."
                )
            x = x.reshape(-1, side, side, 1)
        elif x.ndim == 3:
            x = x[..., None]
        elif x.ndim != 4:
            raise ValueError(
                f"Patches takes images (batch, height, width), with channels or flat; got {shape}."
            )
        if min(x.shape[1:3]) < self.size:
            raise ValueError(
                f"the images have {x.shape[1]} x {x.shape[2]} pixels, fewer than a patch of {self.size} x "
                f"{self.size}. Use smaller patches."
            )
        wanted, given = n_in(self.model), self.size**2 * x.shape[3]
        if wanted not in (0, given):
            raise ValueError(
                f"patches of {self.size} x {self.size} with {x.shape[3]} channel(s) have {given} values, but "
                f"the model takes {wanted} features. Use a model of {given} features."
            )
        return x

    def __str__(self) -> str:
        """The stage and the model in it."""
        lines = f"{self.model}".splitlines()
        return "\n".join(
            [
                f"Patches  {self.size} x {self.size} pixels, {self.step} apart",
                *(f"  {one}" for one in lines),
            ]
        )


def applied(model: Any, params: Any, x: Any, key: Any) -> jax.Array:
    """The outputs of anything with ``apply``; the key goes to what takes one (shots)."""
    if key is not None and "key" in inspect.signature(model.apply).parameters:
        return model.apply(params, x, key=key)
    return model.apply(params, x)


def quantum_stages(
    model: Any, params: Any, x: Any, key: Any = None
) -> Iterator[tuple[Any, Any, Any]]:
    """The circuits on places that a model is made of: each with its parameters and features."""
    if isinstance(model, Hybrid):
        yield from model.quantum_stages(params, x, key)
    elif isinstance(model, Patches):
        yield from quantum_stages(model.model, params, model.cut(x), key)
    elif _has_places(model):
        yield model, params, x


def _has_places(model: Any) -> bool:
    if isinstance(model, Hybrid):
        return any(map(_has_places, model.stages))
    if isinstance(model, Patches):
        return _has_places(model.model)
    return hasattr(model, "place") and hasattr(model, "circuit")


def trained(model: Any, params: Any, x: Any, key: Any) -> tuple[jax.Array, dict[str, Any]]:
    """The outputs; and of the places of a model by name the ``penalty`` and the most that is ``dropped``."""
    if _has_places(model) and _is_plain(model):
        model.check_params(params)
        outputs, *found = model.place.trained(model.circuit, params, model.check_features(x), key)
        parts = [found]
    else:
        outputs = applied(model, params, x, key)
        stages = [(s.place, s.circuit, p, x) for s, p, x in quantum_stages(model, params, x, key)]
        parts = [(place.penalty(*at), place.dropped(*at)) for place, *at in stages]
    penalties = [each for each, _ in parts if each is not None]
    dropped = [each for _, each in parts if each is not None]
    named = {"dropped": jnp.max(jnp.stack(dropped))} if dropped else {}
    return outputs, named | ({"penalty": sum(penalties)} if penalties else {})


def _is_plain(model: Any) -> bool:
    """Whether it is a QNN whose outputs are the values of its place."""
    from .model import QNN  # here: the classical stages need no PennyLane

    return isinstance(model, QNN) and type(model).apply is QNN.apply


def after_fit(model: Any, params: Any, x: Any, key: Any = None) -> None:
    """Let the places of a trained model warn of what their values hide."""
    from .backends import Place, places_of  # here: the classical stages need no PennyLane

    if all(type(place).after_fit is Place.after_fit for place in places_of(model)):
        return
    for stage, p, there in quantum_stages(model, params, x, key):
        stage.place.after_fit(stage.circuit, p, there)


def n_in(stage: Any) -> int:
    """How many features a stage reads; 0 if it does not say."""
    return getattr(stage, "n_features", 0) or 0


def n_out(stage: Any) -> int | None:
    """How many values a stage gives; None if it does not say."""
    if hasattr(stage, "circuit") and hasattr(stage, "place"):
        return stage.size
    return getattr(stage, "n_outputs", None)


def _check_stage(stage: Any) -> None:
    if isinstance(stage, str):
        if stage not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation {stage!r}. Use one of {sorted(ACTIVATIONS)}, or an object "
                "with init(key) and apply(params, x)."
            )
    elif not (hasattr(stage, "init") and hasattr(stage, "apply")) or inspect.isclass(stage):
        raise TypeError(
            f"Hybrid takes stages with init and apply, or the name of an activation "
            f"({', '.join(sorted(ACTIVATIONS))}); got {stage!r}."
        )


def _check_widths(stages: tuple[Any, ...]) -> None:
    """Refuse a stage that does not read what the one before it gives, where both say."""
    given, giver = None, ""
    for i, stage in enumerate(stages):
        if isinstance(stage, str):
            continue
        if given is not None:
            problem = _misfit(stage, given)
            if problem:
                raise ValueError(f"stage {i} of Hybrid does not fit {giver}: {problem}")
        given, giver = n_out(stage), f"the {n_out(stage)} values of stage {i}"


def _misfit(stage: Any, given: int) -> str:
    """Why a stage cannot read ``given`` features; empty if it can, or does not say."""
    if hasattr(stage, "layers") and hasattr(stage, "wires"):
        try:
            stage.layers.check(np.ones(given), stage.wires)
        except ValueError as error:
            return str(error)
        return ""
    wanted = n_in(stage)
    if wanted in (0, given):
        return ""
    return (
        f"{stage!r} takes {wanted} features. Put qdl.Dense({given}, {wanted}) between them, "
        "or change one."
    )
