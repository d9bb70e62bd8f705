"""Random models, weighted to the seams: trees of layers, readouts, features, and their parameters.

Seams: wires left idle or first touched out of order, readouts of wires never touched, layers and
composites of a user's own, functions of parameters as angles, noise whose strength is a parameter, pooling,
loops of loops, batches of every shape, integers and large numbers as features.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane as qp

import qdl
from fuzz.own import CHANNELS, NAMED, OTHERS, UNITARY, Ends, Own, Pair
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Layer,
    Mirrored,
    Noise,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Template,
)
from qdl.layers.base import is_shape


class Drawn(NamedTuple):
    """A model with the numbers that it is evaluated at; all of them have float32's digits."""

    model: Any
    params: Any
    x: Any
    noisy: bool  # it has channels
    named: bool  # all its gates have names in Qiskit's noise models


def draw(seed, index):
    """The model of a number."""
    for attempt in range(100):
        rng = np.random.default_rng([seed, index, attempt])
        try:
            return _drawn(rng)
        except Unfit:
            continue
    raise RuntimeError(f"no model for seed {seed}, number {index}")


class Unfit(Exception):
    """What was drawn makes no model, as two rotations on one wire's pooling."""


def _drawn(rng):
    n = int(rng.choice([1, 2, 3, 4], p=[0.12, 0.4, 0.38, 0.1]))
    named, noisy = bool(rng.random() < 0.4), bool(rng.random() < 0.3)
    bits = rng.random() < 0.08
    forest = _Forest(rng, n, named, noisy, bits)
    layers = forest.layers(int(rng.integers(1, 4)))
    try:
        model = qdl.QNN(n, layers, _readout(rng, layers, n))
        model.layers.active(model.wires)
    except ValueError as error:
        raise Unfit from error
    params = jax.tree.map(lambda leaf: _numbers(rng, leaf), model.shape, is_leaf=is_shape)
    params = _one_hot(params, rng)
    return Drawn(model, params, _features(rng, model, bits), _has_noise(layers), forest.named)


def _numbers(rng, shape):
    found = rng.normal(scale=1.5, size=shape)
    if rng.random() < 0.1:
        found = rng.choice([0.0, np.pi / 2, -np.pi, 7.0], size=shape)
    return found.astype(np.float32).astype(float)


def _one_hot(params, rng):
    """Axes of random rotations are choices, not numbers."""
    if isinstance(params, dict):
        return {
            k: np.eye(3)[rng.integers(3, size=v.shape[:-1])] if k == "axis" else _one_hot(v, rng)
            for k, v in params.items()
        }
    if isinstance(params, list):
        return [_one_hot(each, rng) for each in params]
    return params


def _features(rng, model, bits):
    f = model.n_features
    if not f:
        return None
    lead = [(), (1,), (2,), (3,), (2, 1)][int(rng.integers(5))]
    if bits:
        return rng.integers(0, 2, (*lead, f)) * (1 if rng.random() < 0.5 else 1.0)
    large = 3e3 if jax.config.jax_enable_x64 else 30.0  # the product of two is an angle too
    x = rng.normal(size=(*lead, f)) * rng.choice([1.0, 1.0, 1.0, 30.0, large])
    return x.astype(np.float32).astype(float)


def _has_noise(layer):
    if isinstance(layer, list | tuple):
        return any(map(_has_noise, layer))
    if isinstance(layer, Own):
        return any(name in CHANNELS for name, _, _ in layer.gate_list)
    parts = [getattr(layer, k, None) for k in ("block", "first", "second", "layers")]
    return isinstance(layer, Noise) or any(
        _has_noise(p) for p in parts if isinstance(p, Layer | tuple)
    )


class _Forest:
    """Draws layers, and keeps the wires that are still active."""

    def __init__(self, rng, n, named, noisy, bits):
        self.rng, self.active, self.named, self.noisy, self.bits = (
            rng,
            tuple(range(n)),
            named,
            noisy,
            bits,
        )
        self.most = n if rng.random() < 0.7 else 0  # features

    def layers(self, count):
        found = []
        if self.most and not self.named and self.rng.random() < 0.08:
            found.append(AmplitudeEncoding())
            self.most = 2 ** len(self.active)
        if self.most and self.rng.random() < 0.6:
            found.append(self.encoding())
        for _ in range(count):
            found.append(self.layer(2 if self.rng.random() < 0.25 else 1))
            if len(self.active) > 1 and not self.named and self.rng.random() < 0.12:
                kind = str(self.rng.choice(["controlled", "measured"]))
                found.append(Pooling(str(self.rng.choice(["zx", "y", ""])), kind=kind))
                self.active = self.active[::2]
        return found

    def encoding(self):
        rng, k = self.rng, len(self.active)
        if self.bits and k == self.most:
            return BasisEncoding()
        if k == self.most and not self.named and rng.random() < 0.25:
            return IQPEncoding(int(rng.integers(1, 3)))
        columns = tuple(int(c) for c in rng.integers(0, self.most, k))
        scale = float(rng.choice([1.0, -0.5, 2.0]))
        axis = str(rng.choice(list("xyz")))
        own = None if k == self.most and rng.random() < 0.5 else columns
        return AngleEncoding(axis, scale=scale, trainable=bool(rng.random() < 0.3), features=own)

    def layer(self, depth, channels=True):
        rng, k = self.rng, len(self.active)
        kind = rng.random()
        if depth and kind < 0.3:
            block = [self.layer(depth - 1, channels) for _ in range(int(rng.integers(1, 3)))]
            which = int(rng.integers(5))
            if which < 2:
                return Repeat(block, int(rng.integers(1, 4)))
            if which == 4:
                return Pair(block[0], block[-1])
            if _has_noise(block):
                return Repeat(block, 2)
            return (Adjoint, Mirrored)[which - 2](block)
        if kind < 0.38 and self.most:
            return self.encoding()
        if kind < 0.5:
            return Rotation("".join(rng.choice(list("xyz"), int(rng.integers(1, 4)))))
        if kind < 0.6 and k > 1:
            gates = (
                ["cnot", "cz"] if self.named else ["cnot", "cz", "crx", "isingxy", "swap", "cphase"]
            )
            a, b = (int(i) for i in rng.permutation(k)[:2])
            pattern = [((a, b),), "ring", "all", "chain"][int(rng.integers(4))]
            return Entangler(str(rng.choice(gates)), pattern)
        if kind < 0.68 and not self.named:
            more = [RandomRotation()]
            if k > 1:
                block = str(rng.choice(["su4", "ttn", "u9"]))
                more += [Convolution(block, shared=bool(rng.random() < 0.5))]
                more += [Template(qp.StronglyEntanglingLayers, n_layers=2), IQPEncoding()]
            chosen = more[int(rng.integers(len(more)))]
            return self.own() if isinstance(chosen, IQPEncoding) and k != self.most else chosen
        if kind < 0.76 and self.noisy:
            name = str(
                rng.choice(["depolarizing", "amplitude_damping", "phase_damping", "bit_flip"])
            )
            return Noise(name, float(rng.choice([0.1, 0.3, 0.0, 1.0])))
        return self.own()

    def own(self):
        """A layer of one's own: some of the wires, in any order."""
        rng, k = self.rng, len(self.active)
        table = NAMED if self.named else NAMED | OTHERS
        gates, size = [], int(rng.integers(1, 4))
        for _ in range(int(rng.integers(1, 5))):
            if self.noisy and rng.random() < 0.25:
                name = str(rng.choice(list(CHANNELS)))
                if CHANNELS[name] <= k:
                    on = tuple(int(i) for i in rng.permutation(k)[: CHANNELS[name]])
                    strength = [
                        ("number", 0, 0, float(rng.choice([0.2, 0.5, 1.0]))),
                        ("strength", int(rng.integers(size)), 0, 0.6),
                    ][int(rng.integers(2))]
                    gates.append((name, on, (strength,)))
                    continue
            name = str(rng.choice(list(table)))
            width, angles = table[name]
            if width <= k:
                on = tuple(int(i) for i in rng.permutation(k)[:width])
                gates.append((name, on, tuple(self.source(size) for _ in range(angles))))
        gates = gates or [("Hadamard", (k - 1,), ())]
        columns = [
            1 + s[2] for _, _, found in gates for s in found if s[0] in ("feature", "product")
        ]
        lost = len(gates) > 1 and rng.random() < 0.02
        return Own(tuple(gates), size, max(columns, default=0), lost)

    def source(self, size):
        rng = self.rng
        kinds = ["number", "param", "param", "strength"] + ["feature", "product"] * (self.most > 0)
        factor = float(rng.choice([1.0, 1.0, -1.0, 0.5, 2.0, 0.3]))
        kind, i = str(rng.choice(kinds)), int(rng.integers(size))
        return kind, i, int(rng.integers(self.most)) if self.most else 0, factor


def _readout(rng, layers, n):
    """Of the wires that are active at the end, in any order, touched or not."""
    active = qdl.Circuit(n, layers).active
    some = [int(w) for w in rng.permutation(active)[: int(rng.integers(1, len(active) + 1))]]
    kind = int(rng.integers(7))
    if kind == 0:
        return qdl.ExpZ()
    if kind == 1:
        return qdl.ExpZ(some)
    if kind == 2:
        return qdl.Probs(some) if rng.random() < 0.7 else qdl.Probs()
    if kind == 3:
        return Ends()
    found = []
    for _ in range(int(rng.integers(1, 4))):
        letters = [str(rng.choice(["X", "Y", "Z", "Z"])) for _ in some]
        factors = [getattr(qp, s)(w) for s, w in zip(letters, some, strict=True)]
        word = qp.prod(*factors) if len(factors) > 1 else factors[0]
        kinds = int(rng.integers(5))
        if kinds == 1:
            word = 0.5 * word - 1.5 * qp.Z(int(active[-1])) + 0.25 * qp.Identity(int(active[0]))
        if kinds == 2:
            word = qp.Projector([int(b) for b in rng.integers(0, 2, len(some))], wires=some)
        if kinds == 3:
            a = UNITARY[:2, :2]
            word = qp.Hermitian(a + a.conj().T, wires=some[-1])
        found.append(word)
    return qdl.Expval(found)


def smaller(drawn):
    """Models with one layer less, and their parameters: what is tried to make a difference small."""
    layers = drawn.model.layers.layers
    for i in range(len(layers)):
        left = [*layers[:i], *layers[i + 1 :]]
        try:
            model = replace(drawn.model, layers=left)
            params = [*drawn.params[:i], *drawn.params[i + 1 :]]
            model.check_params(params)
        except (ValueError, TypeError):
            continue
        x = None if not model.n_features else drawn.x
        yield drawn._replace(model=model, params=params, x=x, noisy=_has_noise(left))
