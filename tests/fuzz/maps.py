"""Models inside of ``jax.vmap``, where it must make no difference."""

import jax
import numpy as np

MAPPED = ("rows", "params", None, None, None)


def applied(model, params, x, key, mapped):
    """The values of a model, by a map over rows of features, or over two equal sets of parameters."""
    if mapped == "rows" and np.ndim(x) > 1:
        return jax.vmap(lambda row: model.apply(params, row, key))(x)
    if mapped == "params" and jax.tree.leaves(params):
        two = jax.tree.map(lambda leaf: jax.numpy.stack([leaf, leaf]), params)
        return jax.vmap(lambda one: model.apply(one, x, key))(two).mean(0)
    return model.apply(params, x, key)
