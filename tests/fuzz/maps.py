"""How numbers come to a model: by ``jax.vmap``, ``jax.jit`` or as integers; and how programs go."""

import gc

import jax
import numpy as np

MAPPED = ("rows", "params", None, None, None)
# Closed over, arguments of ``jax.jit`` on every place, or whole numbers as they are (without derivatives).
ENTERS = ("closed", "closed", "arguments", "arguments", "whole")
MAPS, PAGES = 20000, 2**19  # 2 GiB


def applied(model, params, x, key, mapped):
    """The values of a model, by a map over rows of features, or over two equal sets of parameters."""
    if mapped == "rows" and np.ndim(x) > 1:
        return jax.vmap(lambda row: model.apply(params, row, key))(x)
    if mapped == "params" and jax.tree.leaves(params):
        two = jax.tree.map(lambda leaf: jax.numpy.stack([leaf, leaf]), params)
        return jax.vmap(lambda one: model.apply(one, x, key))(two).mean(0)
    return model.apply(params, x, key)


def whole(tree):
    """Parameters rounded to integers."""
    return jax.tree.map(lambda leaf: np.rint(leaf).astype(int), tree)


def called(function, keys, numbers, enters, compiles):
    """A function of keys, parameters and features, compiled as it ``enters``."""
    if enters == "closed" and compiles:
        return jax.jit(lambda keys: function(keys, *numbers))(keys)
    return (jax.jit(function) if enters != "closed" else function)(keys, *numbers)


def let_go():
    """Compiled programs are never used again: they hold memory, and a process has 65530 maps of it."""
    with open("/proc/self/maps") as maps, open("/proc/self/statm") as memory:
        crowded = sum(1 for _ in maps) > MAPS or int(memory.read().split()[1]) > PAGES
    if crowded:
        jax.clear_caches()
        gc.collect()
