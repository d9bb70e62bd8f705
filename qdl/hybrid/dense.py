"""A classical linear stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ..arguments import check_whole


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
