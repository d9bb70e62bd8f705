"""One model on one place in one precision: as the reference, refused by name, or different."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dense
import jax
import numpy as np
from pennylane.exceptions import DeviceError
from scipy.stats import t as student

import qdl
from fuzz.maps import applied, called, whole
from qdl.backends import as_place

RARE = 1e-9  # the chance of an alarm for one number that is right
ROUNDING = {"float64": 1e-8, "float32": 2e-6}  # for each unit of angles and observables
HOME = str(Path(qdl.__file__).parent)


@dataclass(frozen=True)
class Verdict:
    """``kind`` is "right", "refused" or "different"; ``text`` the sentence of a refusal, or what differs."""

    kind: str
    text: str = ""


def judge(function, passes=()):
    """The verdict of a function that gives None, or says what differs; some exceptions pass."""
    try:
        found = function()
    except passes:
        raise
    except Exception as error:  # every other one is a difference
        if is_refusal(error):
            return Verdict("refused", sentence(error))
        lines = traceback.format_exception(error)
        return Verdict(
            "different", f"{type(error).__name__}: {str(error)[:300]}\n{''.join(lines[-3:-1])}"
        )
    return Verdict("different", found) if found else Verdict("right")


def is_refusal(error):
    """Whether qdl said no: raised in a file of its own, in sentences. Devices may say no too."""
    if isinstance(error, DeviceError | NotImplementedError):  # PennyLane and its devices
        return True
    where = traceback.extract_tb(error.__traceback__)[-1].filename
    ours = where.startswith(HOME) and isinstance(
        error, ValueError | TypeError | NotImplementedError
    )
    return ours and len(str(error)) > 40 and "." in str(error)


def sentence(error):
    """The first sentence, without its numbers and without what stands in brackets."""
    text, before = str(error).replace("\n", " "), ""
    while text != before:
        before, text = text, re.sub(r"\s?[(\[<][^()\[\]<>]*[)\]>]", "", text)
    first = re.split(r"(?<=\w)[.;:] ", text)[0]
    return re.sub(r"-?\d[\d.]*", "#", first).replace("|", "")[:140]


# ---- values and slopes


def compared(where, drawn, reference, direction, slope, key, mapped=None, enters="closed"):
    """What is wrong with a place's values, or with their derivative along a direction; None where nothing is.

    Places of the native simulator are compiled, value and derivative in one. ``mapped``: "rows" or "params",
    which of them ``jax.vmap`` goes over, inside of the derivative. ``enters``: one of ``maps.ENTERS``.
    """
    params, x = numbers(drawn)
    params = whole(params) if enters == "whole" else params
    by_params, by_x, weights = direction
    model, through_x = drawn.model.on(where.place), by_x is not None

    def weighed(key, params, x):
        found = applied(model, params, x, key, mapped)
        return (found * np.asarray(weights, precision())).sum(), found

    def both(key, params, x):
        by = (1, 2) if through_x else (1,)
        grads, found = jax.grad(weighed, by, has_aux=True)(key, params, x)
        along = [*jax.tree.leaves(by_params), *([by_x] if through_x else [])]
        pairs = zip(along, jax.tree.leaves(grads), strict=True)
        return found, sum((np.asarray(d, precision()) * g).sum() for d, g in pairs)

    def alone(key, params, x):
        return weighed(key, params, x)[1], None

    tried = (both, alone) if slope is not None else (alone,)
    found, along = _found(tried, where, key, (params, x), enters)
    wanted, deviation, width = reference
    if found.shape[1:] != wanted.shape:
        return f"values of shape {found.shape[1:]}, expected {wanted.shape}"
    room = rounding(drawn, wanted, width)
    spread = room
    if where.draws is not None and where.keys == 1:
        chance = np.log(2 / RARE)  # Bernstein's inequality
        spread = room + deviation * np.sqrt(2 * chance / where.draws)
        spread = spread + 2 * width * chance / (3 * where.draws)
    if wrong := differs("values", found, wanted, spread, where):
        return wrong
    if along is None:
        return None
    leaves = jax.tree.leaves((by_params, by_x, drawn.x if through_x else None))
    size = (1 + sum(np.abs(leaf).sum() for leaf in leaves)) * np.abs(weights).sum()
    return differs("slope", along, np.float64(slope), 4 * room * size, where)


def _found(tried, where, key, numbers, enters):
    """Values ``(keys, ...)`` and slopes ``(keys,)``; the values alone where there is no derivative."""
    for function in tried:
        try:
            many = jax.vmap(function, (0, None, None)) if where.keys > 1 else function
            keys = jax.random.split(key, where.keys) if where.keys > 1 else key
            found = called(many, keys, numbers, enters, as_place(where.place).compiles)
        except Exception as error:
            if function is tried[-1] or not is_refusal(error):
                raise
            continue
        found = (
            found if where.keys > 1 else [f if f is None else np.asarray(f)[None] for f in found]
        )
        return [f if f is None else np.asarray(f) for f in found]


def differs(name, found, wanted, room, where):
    mean, room = found.mean(0, dtype=float), np.broadcast_to(room, np.shape(wanted)).astype(float)
    if where.keys > 1:
        error = found.std(0, ddof=1) / np.sqrt(len(found))
        room = room + student.isf(RARE / 2, len(found) - 1) * error + 10 * room.max() / len(found)
    wrong = ~(np.abs(mean - wanted) <= room)
    if not wrong.any():
        return None
    at = np.unravel_index(np.argmax(wrong), wrong.shape)
    return (
        f"{name}{list(map(int, at))} = {mean[at]:.7g}, reference {np.asarray(wanted)[at]:.7g}, "
        f"room {room[at]:.2g}; {int(wrong.sum())} of {wrong.size} wrong"
    )


def precision():
    return "float64" if jax.config.jax_enable_x64 else "float32"


def rounding(drawn, wanted, width):
    """How far rounding may take a value: for each radian of the gates and unit of an observable."""
    angles = [np.abs(leaf).sum() for leaf in jax.tree.leaves(drawn.params)]
    per_row = 0 if drawn.x is None else np.abs(drawn.x).max(initial=0) * 8
    turned = 10 + sum(angles) + per_row * (1 + max(angles, default=0))
    return ROUNDING[precision()] * turned * (1 + np.max(np.abs(wanted)) + np.max(width)) / 4


# ---- other quantities than values


def direction_of(rng, drawn):
    """A direction in the space of parameters and features, and weights of the values."""

    def along(tree):
        if isinstance(tree, dict):
            return {k: np.zeros_like(v) if k == "axis" else along(v) for k, v in tree.items()}
        if isinstance(tree, list):
            return [along(each) for each in tree]
        return None if tree is None else rng.normal(size=np.shape(tree))

    by_params = along(drawn.params)
    by_x = None
    if (
        drawn.x is not None
        and drawn.x.dtype.kind == "f"
        and not (set(np.unique(drawn.x)) <= {0, 1})
    ):
        by_x = rng.normal(size=drawn.x.shape)
    lead = () if drawn.x is None else drawn.x.shape[:-1]
    return by_params, by_x, rng.normal(size=(*lead, drawn.model.size))


def slope_of(reference, drawn, direction):
    """The derivative of the reference along a direction, from its values."""
    by_params, by_x, weights = direction

    def weighed(at):
        return float((reference(drawn.model, *at)[0] * weights).sum())

    def at(step):
        params = jax.tree.map(lambda p, d: p + step * d, drawn.params, by_params)
        return params, drawn.x if by_x is None else drawn.x + step * by_x

    return dense.slope(weighed, at)


def same(name, found, wanted, room=None):
    """None, or that arrays differ."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return f"{name} of shape {found.shape}, expected {wanted.shape}"
    off = np.abs(found - wanted).max(initial=0)
    room = 1e-8 if room is None else room
    return None if np.all(np.abs(found - wanted) <= room) else f"{name} off by {off:.3g}"


def numbers(drawn) -> tuple[Any, Any]:
    """Parameters and features in the precision that is set."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, precision()), drawn.params)
    x = (
        drawn.x
        if drawn.x is None or drawn.x.dtype.kind != "f"
        else np.asarray(drawn.x, precision())
    )
    return params, x
