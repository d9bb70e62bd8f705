"""Expressibility and entangling capability against depth: one circuit, looked at after every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .. import simulator
from ..arguments import check_whole
from ..backends.native.statevector import statevector
from ..circuit import Circuit
from ..layers.base import Layer, Wires, check_key
from ..layers.compose import Repeat, Sequential
from ..refused import Refused
from .entanglement import EntanglingCapability, meyer_wallach, of_pairs
from .expressivity import (
    AMPLITUDES,
    Expressibility,
    at_least_two,
    of_fidelities,
    one_sample,
)


@dataclass(frozen=True, eq=False, repr=False)
class ExpressivitySweep:
    """Both quantities by depth, of the same random states.

    Attributes:
        depths: ascending.
        expressibility: an ``Expressibility`` for each depth.
        entangling: an ``EntanglingCapability`` for each depth.
        n_wires: number of qubits.
    """

    depths: tuple[int, ...]
    expressibility: tuple[Expressibility, ...]
    entangling: tuple[EntanglingCapability, ...]
    n_wires: int

    def __len__(self) -> int:
        return len(self.depths)

    def __iter__(self) -> Iterator[tuple[int, Expressibility, EntanglingCapability]]:
        return iter(zip(self.depths, self.expressibility, self.entangling, strict=True))

    def table(self) -> str:
        """A line a depth, beside what Haar-random states read."""
        first = self.expressibility[0]
        lines = ["depth   D_KL from Haar           entangling capability Q"]
        for depth, e, q in self:
            lines.append(
                f"{depth:>5}   {e.value:.4f} +- {e.standard_error:.4f}        "
                f"{q.value:.4f} +- {q.standard_error:.4f}"
            )
        lines.append(
            f" Haar   {first.haar_bias:.4f}                  {self.entangling[0].haar:.4f}"
        )
        return "\n".join(lines)

    __repr__ = table  # what a notebook shows

    def plot(self, axes: Any = None) -> Any:
        """Draw the expressibility to the left axis and the entangling capability to the right one.

        Args:
            axes: matplotlib axes; None for a new figure.

        Returns:
            The left axes; ``axes.figure.savefig("depth.pdf")`` writes the picture.
        """
        from .result.picture import draw_expressivity

        return draw_expressivity(self, axes)


def expressivity_sweep(
    build: Callable[[int, int], Any],
    n_wires: int,
    depths: Iterable[int],
    *,
    key: jax.Array,
    samples: int = 2000,
    bins: int = 75,
    x: Any = None,
) -> ExpressivitySweep:
    """Expressibility and entangling capability at several depths, from one compiled program.

    The deepest circuit is run once for each random start, and its state is looked at after every turn of
    its ``Repeat``. The rows are of the same starts, so that they are compared with less noise than their
    standard errors say, which are those of each alone.

    Args:
        build: ``build(n, depth)`` returns the model: layers, of which one is ``Repeat(block, depth)``.
        n_wires: the width.
        depths: the depths.
        key: a JAX key; parameters are drawn by the deepest model's own ``init``.
        samples: pairs of states; the entangling capability is the mean of both.
        bins: of the histogram of fidelities, see ``expressibility``.
        x: features ``(n_features,)``; None draws them uniform over a turn for every pair.

    Raises:
        Refused: models that differ in more than the turns of one ``Repeat``; a place with errors.
        ValueError: fewer than 2 samples or bins.

    Example:
        >>> import jax, qdl
        >>> found = expressivity_sweep(
        ...     qdl.models.hardware_efficient, 2, (1, 4), key=jax.random.key(0), samples=500)
        >>> found.expressibility[0].value > found.expressibility[1].value
        True

    Reference: Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019), figures 3 and 5.
    """
    at_least_two(samples=samples, bins=bins)
    check_key(key, "expressivity_sweep")
    wanted = sorted(set(depths))
    for depth in wanted:
        check_whole("depth", depth, owner="expressivity_sweep")
    if not wanted:
        raise ValueError("depths is empty, expected whole numbers such as (1, 2, 4, 8).")
    model = build(n_wires, wanted[-1])
    parts = _parts(build, n_wires, wanted, model)
    model.place.check_pure("expressivity_sweep")
    model = model.on(statevector())  # one program for all places, whose states are the same
    block = max(1, min(samples, AMPLITUDES >> n_wires))
    found = [
        _block(model, parts, jax.random.fold_in(key, i), block, one_sample(model, x))
        for i in range(-(-samples // block))
    ]
    fidelities = np.concatenate([np.asarray(f) for f, _ in found], axis=1)[:, :samples]
    q = np.concatenate([np.asarray(q) for _, q in found], axis=1)[:, :samples].astype(float)
    rows = [depth - 1 for depth in wanted]
    return ExpressivitySweep(
        tuple(wanted),
        tuple(of_fidelities(fidelities[i], n_wires, bins) for i in rows),
        tuple(of_pairs(q[i], n_wires) for i in rows),
        n_wires,
    )


@dataclass(frozen=True)
class _Given(Layer):
    """The state that its parameters hold, from another circuit."""

    first_only = True

    def shape(self, wires: Wires) -> Any:
        return {"im": (2 ** len(wires),), "re": (2 ** len(wires),)}

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        yield qp.StatePrep(params["re"] + 1j * params["im"], wires=wires, validate_norm=False)


@dataclass(frozen=True)
class _Parts:
    """A circuit before, inside and after its loop."""

    before: Circuit | None
    block: Circuit
    after: Circuit | None
    at: int  # where the loop stands among the layers
    times: int


def _parts(build: Any, n: int, depths: list[int], model: Any) -> _Parts:
    layers = list(getattr(getattr(model, "layers", None), "layers", ()))
    loops = [i for i, each in enumerate(layers) if isinstance(each, Repeat)]
    ours = [i for i in loops if layers[i].times == depths[-1]]
    if len(ours) != 1:
        raise Refused(
            f"expressivity_sweep looks at one circuit after every turn of Repeat(block, depth), got a model "
            f"with {len(ours)} of {depths[-1]} turns among its layers. Build it so, or call expressibility "
            "for each depth."
        )
    [at] = ours
    for depth in depths[:-1]:
        other = list(build(n, depth).layers.layers)
        if len(other) > at and isinstance(other[at], Repeat) and other[at].times == depth:
            other[at] = replace(other[at], times=depths[-1])
        if other != layers:
            raise Refused(
                f"the models of depth {depth} and {depths[-1]} differ in more than the turns of "
                "Repeat(block, depth). Call expressibility for each depth."
            )
    wires = model.wires
    if layers[at].active(Sequential(tuple(layers[:at])).active(wires) if at else wires) != wires:
        raise Refused("expressivity_sweep needs all wires up to the end of its Repeat.")
    given, body = _Given(), layers[at].block
    after = Circuit(n, [given, *layers[at + 1 :]]) if layers[at + 1 :] else None
    before = Circuit(n, layers[:at]) if at else None
    return _Parts(before, Circuit(n, [given, body]), after, at, depths[-1])


@partial(jax.jit, static_argnums=(0, 1, 3))
def _block(model: Any, parts: _Parts, key: Any, block: int, x: Any) -> tuple[Any, Any]:
    """Fidelities ``(depth, pairs)`` and Q ``(depth, pairs, 2)`` of pairs of states at all depths."""
    for_params, for_x = jax.random.split(key)
    params = jax.vmap(jax.vmap(model.init))(jax.random.split(for_params, (block, 2)))
    features = None
    if model.n_features:
        drawn = jax.random.uniform(for_x, (block, model.n_features), maxval=2 * jnp.pi)
        features = drawn if x is None else jnp.broadcast_to(x, drawn.shape)

    def run(circuit: Circuit, params: Any) -> Any:
        one = partial(simulator.state, circuit)
        pair = jax.vmap(one, in_axes=(0, None), axis_size=2)
        return jax.vmap(pair, axis_size=block)(params, features)

    def given(state: Any) -> Any:
        return {"im": state.imag, "re": state.real}

    def turn(state: Any, own: Any) -> Any:
        state = run(parts.block, [given(state), own])
        seen = (
            state
            if parts.after is None
            else run(parts.after, [given(state), *params[parts.at + 1 :]])
        )
        overlap = jnp.sum(seen[:, 0].conj() * seen[:, 1], axis=-1)
        return state, (jnp.abs(overlap) ** 2, meyer_wallach(seen))

    if parts.before is None:
        kind = jnp.result_type(complex)
        start = jnp.zeros((block, 2, 2**model.n_wires), kind).at[..., 0].set(1)
    else:
        start = run(parts.before, params[: parts.at])
    turns = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 2, 0), params[parts.at])
    return jax.lax.scan(turn, start, turns, length=parts.times)[1]
