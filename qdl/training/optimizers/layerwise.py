"""Layer-wise training: one part of the parameters at a time, the others frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...arguments import check_whole


class LayerwiseState(NamedTuple):
    """Steps done, and the state of the optimizer of this stage."""

    count: jax.Array  # pyright: ignore[reportIncompatibleMethodOverride]  # Optax's name
    inner: Any


def layerwise(
    optimizer: optax.GradientTransformation, masks: Sequence[Any], every: int
) -> optax.GradientTransformationExtraArgs:
    r"""Trains ``masks[0]`` for ``every`` steps, then ``masks[1]``, ..., and round again.

    Outside of the mask nothing moves, and ``optimizer`` starts anew with every mask, its schedules
    too. Both phases of Skolik et al. are lists of masks: single layers in time order, those to come
    at zero angles (``initializer=lambda key, shape, dtype: jax.numpy.zeros(shape, dtype)``), then larger
    parts in turn. Layers that wait are truly absent where their entanglers are diagonal (``"cz"``)
    and the readout is; other entanglers act from the start.

    Args:
        optimizer: any Optax transformation; one of ``ValuesOnly`` stays one.
        masks: trees of booleans like the parameters, as ``layer_masks`` makes them.
        every: steps of each mask.

    Raises:
        ValueError: no masks, or not of the parameters' shapes; ``every`` below 1.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation
        >>> model = qdl.QNN(3, [AngleEncoding(), Repeat([Rotation("xy"), Entangler("cz")], 4)])
        >>> grow = qdl.training.layer_masks(model)             # layers 0, 1, 2, 3
        >>> halves = qdl.training.layer_masks(model, size=2)  # layers 0 and 1, then 2 and 3
        >>> optimizer = qdl.training.layerwise(optax.adam(0.01), grow + halves, every=50)

    Reference: Skolik, McClean, Mohseni, van der Smagt, Leib, Quantum Machine Intelligence 3, 5
    (2021).
    """
    check_whole("every", every, owner="layerwise")
    if not masks:
        raise ValueError("layerwise needs at least one mask, got none. Use layer_masks(model).")
    stacked = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(m) for m in leaves]), *masks)
    optimizer = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> LayerwiseState:
        check_shapes(stacked, params)
        return LayerwiseState(jnp.int32(0), optimizer.init(params))

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        value_fn: Any = None,
        **extra: Any,
    ) -> tuple[Any, LayerwiseState]:
        turn = state.count // every % len(masks)

        def keep(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda mask, a, b: jnp.where(mask[turn], a, b), stacked, new, old)

        zeros = optax.tree.zeros_like(updates)
        fresh = state.count % every == 0
        inner = jax.tree.map(
            lambda a, b: jnp.where(fresh, a, b), optimizer.init(params), state.inner
        )
        if value_fn is not None:  # what is frozen must not be tried either
            extra["value_fn"] = lambda trial: value_fn(keep(trial, params))
        if "grad" in extra:
            extra["grad"] = keep(extra["grad"], zeros)
        updates, inner = optimizer.update(keep(updates, zeros), inner, params, **extra)
        return keep(updates, zeros), LayerwiseState(state.count + 1, inner)

    return type(optimizer)(init, update)


def check_shapes(stacked: Any, params: Any) -> None:
    """Refuse masks that are not of the parameters' tree and shapes."""
    given = jax.tree.map(lambda leaf: leaf.shape[1:], stacked)
    wanted = jax.tree.map(jnp.shape, params)
    if given != wanted:
        raise ValueError(
            f"the masks have the shapes {given}, but the parameters {wanted}. Use "
            "layer_masks(model), or trees of booleans of the parameters' shapes."
        )
