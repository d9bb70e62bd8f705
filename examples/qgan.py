"""A quantum GAN: a circuit learns a distribution from a classical network that tries to tell it from data.

At equal learning rates the two chase each other in circles. What makes it converge are two time scales, a
discriminator that learns ten times as fast, a decay of its logits, and rates that fall towards the end.
`python examples/qgan.py` prints how far it comes with and without them.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qdl
from qdl.layers import Entangler, Repeat, Rotation

BITS = 2.0 * np.array(list(np.ndindex(2, 2, 2))) - 1  # all outcomes of three wires, as -1 and +1
X = np.arange(8)
NORMAL = np.exp(-((X - 3.5) ** 2) / 4)
LOGNORMAL = np.exp(-2 * (np.log(X + 1) - 1) ** 2) / (X + 1)
NORMAL, LOGNORMAL = NORMAL / NORMAL.sum(), LOGNORMAL / LOGNORMAL.sum()
TWO, EQUAL = (0.003, 0.03), (0.01, 0.01)  # learning rates of generator and discriminator


def generator(shots=None):
    """R_Y on every wire and a ring of CZ, three times, then R_Y once more."""
    block = [Rotation("y"), Entangler("cz", "ring")]
    model = qdl.QNN(3, [Repeat(block, 3), Rotation("y")], readout=qdl.Probs())
    return model if shots is None else model.on(qdl.backends.statevector(shots=shots))


def discriminator():
    """The logit that three bits come from the data."""
    return qdl.Hybrid([qdl.Dense(3, 20), "tanh", qdl.Dense(20, 10), "tanh", qdl.Dense(10, 1)])


def losses(models, params, target, decay, key):
    """Those of the generator (non-saturating) and of the discriminator, each of both players' parameters."""
    p = models[0].apply(params[0], key=key)
    logit = models[1].apply(params[1], BITS)[:, 0]
    make = p @ jax.nn.softplus(-logit)
    tell = target @ jax.nn.softplus(-logit) + p @ jax.nn.softplus(logit)
    return make, tell + decay * jnp.mean(logit**2)


def constant_then_cosine(rate, steps):
    """A rate that falls to zero in the second half."""
    halves = [optax.constant_schedule(rate), optax.cosine_decay_schedule(rate, steps // 2)]
    return optax.join_schedules(halves, [steps // 2])


@partial(jax.jit, static_argnums=(0, 1, 2))
def train(models, rates, steps, params, target, decay, key):
    """One gradient step of both players at once, again and again."""
    adams = [optax.adam(constant_then_cosine(rate, steps), b1=0.7) for rate in rates]

    def step(carry, key):
        params, states = carry
        of = [lambda *both, i=i: losses(models, both, target, decay, key)[i] for i in range(2)]
        slopes = [jax.grad(loss, i)(*params) for i, loss in enumerate(of)]
        turned = [a.update(g, s) for a, g, s in zip(adams, slopes, states, strict=True)]
        params = [optax.apply_updates(p, u) for p, (u, _) in zip(params, turned, strict=True)]
        return (params, [state for _, state in turned]), None

    start = params, [adam.init(p) for adam, p in zip(adams, params, strict=True)]
    (params, _), _ = jax.lax.scan(step, start, jax.random.split(key, steps))
    return params


def main(target=LOGNORMAL, seed=0, rates=TWO, decay=0.1, shots=None, steps=2000):
    """The probabilities that were learned, and their total variation distance to the target."""
    models, key = (generator(shots), discriminator()), jax.random.key(seed)
    params = [model.init(k) for model, k in zip(models, jax.random.split(key), strict=True)]
    params = train(models, rates, steps, params, target, decay, jax.random.fold_in(key, 1))
    p = np.asarray(generator().apply(params[0]))
    return p, float(np.abs(p - target).sum() / 2)


CASES = {
    "two time scales": {},
    "two time scales, no decay of logits": {"decay": 0.0},
    "equal rates": {"rates": EQUAL},
    "equal rates, no decay of logits": {"rates": EQUAL, "decay": 0.0},
    "two time scales, 512 shots a step": {"shots": 512},
}

if __name__ == "__main__":
    print("total variation distance over 8 seeds and 2 targets:  median   worst")
    for name, options in CASES.items():
        each = [main(t, s, **options)[1] for t in (NORMAL, LOGNORMAL) for s in range(8)]
        print(f"{name:<50} {np.median(each):10.4f} {max(each):7.4f}")
