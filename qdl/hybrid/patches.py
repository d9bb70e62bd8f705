"""A stage that slides a model over an image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import isqrt
from typing import Any

import jax
import jax.numpy as jnp

from ..arguments import check_whole
from .stages import applied, check_stage, n_in


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
        check_stage(self.model)
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
