"""Exact contraction: trees by their own rule, other networks by cotengra."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...circuit import Circuit, leading
from ...pauli.contraction import Layout, arrays_of, contracted, layout_of
from ...pauli.network import PauliNetwork, read_network
from ...pauli.observables import Words, readout_words
from ...pauli.tree import tree_of, tree_value
from ...pauli.words import Word, wires_of
from ...refused import Refused
from ..place import Place
from . import sampling
from .paths import SECONDS, Contraction, contraction
from .structure import Explanation, alone, blueprint, explanation, free_bytes, network_of

MOST_WORDS = 256  # each is a contraction of its own


@dataclass(frozen=True)
class TensorNetwork(Place):
    """Exact contraction of the circuit as a network of real matrices on Pauli words."""

    seconds: float = SECONDS
    compiles = True

    def __post_init__(self) -> None:
        if not (type(self.seconds) in (int, float) and self.seconds > 0):
            raise ValueError(
                f"tensor_network searches a path for seconds > 0, got {self.seconds!r}. Example: "
                "tensor_network(seconds=60)."
            )

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, each word of them contracted on its light cone."""
        batch = int(np.prod(leading(x), dtype=int))
        found = counted(circuit, self.seconds)
        chunk = found.chunk(batch, free_bytes())
        return _values(circuit, self.seconds, chunk, params, x)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the active wires of a tree: those that it joins are drawn together.

        Raises:
            Refused: a circuit that is no tree, or joins many active wires.
        """

        def probabilities(asked: Circuit) -> jax.Array:
            if not is_tree(asked):
                raise Refused(
                    f"sampling wires {list(asked.measured.wires)} takes a contraction for each outcome, "
                    "because the circuit is no tree. Use qdl.backends.cone() or statevector() where they "
                    "fit, Convolution(pattern='pairs'), or read expectation values."
                )
            return self.values(asked, params, x, None)

        return sampling.bits(circuit, probabilities, shots, key)

    def explain(self, model: Any) -> Explanation:
        """Operations and bytes of the contraction; the path is searched once and kept."""
        return explain(alone(model), self.seconds)


@dataclass(frozen=True)
class Counted:
    """What all words of a readout cost.

    Attributes:
        tree: whether every word's network is a tree.
        wires: the widest cone.
        flops: of one value of one sample, all words together.
        entries: of the largest tensor.
        written: entries that the gradient of one sample keeps.
    """

    tree: bool
    wires: int
    flops: float
    entries: float
    written: float

    def size(self, itemsize: int = 8) -> float:
        """Bytes for one sample and its gradient."""
        return 3.0 * self.written * itemsize

    def chunk(self, batch: int, free: float) -> int | None:
        """How many samples fit at once; None for all.

        Raises:
            Refused: not even one does, with the numbers.
        """
        one = self.size(np.dtype(jnp.result_type(float)).itemsize)
        if one > free:
            raise Refused(
                f"contracting {self.wires} wires takes {self.flops:.2g} operations and {one:.2g} "
                "bytes for one "
                f"sample and its gradient, its largest tensor has {self.entries:.2g} entries; "
                f"{free:.2g} bytes "
                "are free here. Take Convolution(pattern='pairs'), fewer layers or fewer wires, a "
                "longer search "
                "with tensor_network(seconds=120), or qdl.backends.pauli_propagation()."
            )
        return None if one * batch <= free / 2 else max(1, int(free / 2 / one))


def explain(circuit: Circuit, seconds: float = SECONDS) -> Explanation:
    """What a circuit costs here."""
    found = counted(circuit, seconds)
    if found.tree:
        why = "Every block leaves one wire: the circuit is a tree, linear in its wires."
        return explanation("tree", found.wires, found.flops, found.size(), why)
    why = f"The largest tensor has {found.entries:.2g} entries."
    return explanation("contraction", found.wires, found.flops, found.size(), why)


@lru_cache(maxsize=16)
def counted(circuit: Circuit, seconds: float = SECONDS) -> Counted:
    """Flops and sizes of all words, from stand-in numbers."""
    words = read_words(circuit)
    nets = [blueprint(circuit, wires_of(word)) for word in words.words]
    tree, flops, entries, written, wires = True, 0.0, 4.0, 0.0, 0
    for word, net in zip(words.words, nets, strict=True):
        wires = max(wires, len(net.wires))
        built = 4096.0 * len(net.blocks)  # their matrices, from the angles
        if tree_of(net, word) is not None:
            flops, written = flops + built, max(written, 300.0 * len(net.blocks))
            continue
        found = _path(layout_of(net, word), seconds / len(words.words))
        tree, flops = False, flops + found.flops + built
        sites = sum(4.0 * a.shape[-1] ** 4 * len(on) for on, a in net.chains)
        entries, written = max(entries, found.largest), max(written, found.written + sites)
    return Counted(tree, wires, flops, entries, max(written, 1.0))


@lru_cache(maxsize=64)
def is_tree(circuit: Circuit) -> bool:
    """Whether all words of a readout are trees; no path is searched."""
    words = read_words(circuit).words
    return all(tree_of(blueprint(circuit, wires_of(word)), word) is not None for word in words)


def _path(layout: Layout, seconds: float) -> Contraction:
    return contraction(layout.edges, layout.sizes, seconds)


@lru_cache(maxsize=64)
def read_words(circuit: Circuit) -> Words:
    """The words of a readout; refused where there are too many contractions."""
    words = readout_words(circuit.measured)
    if len(words.words) > MOST_WORDS:
        raise Refused(
            f"the readout is made of {len(words.words)} Pauli words, each a contraction of its own; at most "
            f"{MOST_WORDS} are contracted. Read fewer wires, or use qdl.backends.pauli_propagation(), which "
            "carries all words at once."
        )
    return words


@partial(jax.jit, static_argnums=(0, 1, 2))
def _values(circuit: Circuit, seconds: float, chunk: int | None, params: Any, x: Any) -> jax.Array:
    words, lead = read_words(circuit), leading(x)
    reading = read_network(circuit, params, x)
    batch = int(np.prod(lead, dtype=int))

    def value(word: Word) -> jax.Array:
        net = network_of(circuit, wires_of(word), reading, batch)
        return jnp.broadcast_to(_value(net, word, seconds / len(words.words), chunk), (batch,))

    dtype = jnp.result_type(float)
    found = jnp.stack([value(word) for word in words.words] or [jnp.zeros(batch, dtype)], axis=-1)
    weights = words.weights if words.words else np.zeros((circuit.size, 1))
    out = found @ jnp.asarray(weights.T, dtype) + jnp.asarray(words.offset, dtype)
    return out.reshape(*lead, -1)


def _value(net: PauliNetwork, word: Word, seconds: float, chunk: int | None) -> jax.Array:
    tree = tree_of(net, word)
    if tree is not None:
        return tree_value(net, tree, word)
    layout = layout_of(net, word)
    arrays, axes = arrays_of(net, layout, word)
    return contracted(arrays, axes, layout, _path(layout, seconds).path, chunk)


def tensor_network(seconds: float = SECONDS) -> TensorNetwork:
    r"""Exact contraction of the circuit, carried as expectation values of Pauli words: edges of dimension 4.

    A tree, as ``qdl.models.qcnn(n, pattern="pairs")`` is, costs as much as it has blocks: 1024 wires train in
    milliseconds a step. Other networks are contracted by cotengra (``pip install 'qdl[tensor]'``) along a
    path that is searched once for each structure and kept in the user's cache folder. Convolutions on a
    chain cost about $n^4$, on a ring about $n^8$: polynomial, since pooling halves the wires. Values and
    gradients are exact; ``Noise`` layers are exact too.

    Args:
        seconds: how long paths are searched for, those of all words of the readout together.

    Raises:
        Refused: when it runs, a contraction that does not fit into memory, a state that is prepared on
            several wires, gates on more than two wires that have no decomposition and are no Pauli
            rotations, or a readout of many words.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.qcnn(64, pattern="pairs", shared=False).on(tensor_network())
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((2, 64))).shape
        (2, 1)

    Reference: Gray, Kourtis, Quantum 5, 410 (2021); Grant et al., npj Quantum Information 4, 65 (2018).
    """
    return TensorNetwork(seconds)
