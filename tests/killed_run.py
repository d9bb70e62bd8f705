"""A run of ``fit`` to be killed: ``python killed_run.py FOLDER MODEL STEPS [MOMENT]``.

MOMENT kills the process by itself: ``write`` half-way through a checkpoint's numbers, ``rename``
between the two files of one, ``first`` before the very first is there.
"""

import os
import signal
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qdl
from qdl.files import Checkpoints

jax.config.update("jax_enable_x64", True)
EVERY = 10
X = np.random.default_rng(0).normal(size=(50, 3))
Y = (X.sum(axis=1) > 0).astype(int)


class Tiny:
    """Logistic regression that takes its time, and needs no PennyLane."""

    n_outputs = 1

    def init(self, key):
        return {"w": jax.random.normal(key, (3, 1)), "b": jnp.zeros(1)}

    def apply(self, params, x):
        x = jax.pure_callback(slowly, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
        return x @ params["w"] + params["b"]


def slowly(x):
    time.sleep(0.003)
    return x


def circuit():
    from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

    block = [AngleEncoding(), Rotation("zyz"), Entangler("cz")]
    return qdl.Hybrid([qdl.Dense(3, 3), qdl.QNN(3, Repeat(block, 2), qdl.ExpZ([0])), Pause()])


class Pause:
    def init(self, key):
        return jnp.ones(1)

    def apply(self, params, x):
        still = jax.lax.stop_gradient(x)  # callbacks have no derivative
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return params * x + 0 * jax.pure_callback(slowly, shape, still)


def optimizer(steps):
    """States of every sort: schedules, masks, accumulated gradients, hyperparameters."""
    schedule = optax.cosine_decay_schedule(0.05, steps)
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=schedule)
    masked = optax.masked(
        optax.add_decayed_weights(1e-3), lambda p: jax.tree.map(lambda a: a.ndim > 1, p)
    )
    return optax.MultiSteps(optax.chain(optax.clip_by_global_norm(1.0), masked, adam), 2)


def arm(moment):
    """Kill this process at a moment inside the write of the twelfth checkpoint."""
    calls = {"fsync": 0, "replace": 0}
    fsync, replace = os.fsync, os.replace
    last = 1 if moment == "first" else 12

    def counted_fsync(number):
        size = os.fstat(number).st_size
        path = os.readlink(f"/proc/self/fd/{number}")
        if ".safetensors." in path and path.endswith(".tmp"):
            calls["fsync"] += 1
            if moment in ("write", "first") and calls["fsync"] == last:
                os.truncate(path, size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
        fsync(number)

    def counted_replace(source, target):
        calls["replace"] += str(target).endswith(".json")
        if moment == "rename" and str(target).endswith(".json") and calls["replace"] == last:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.fsync, os.replace = counted_fsync, counted_replace


def main(folder, model, steps, moment=""):
    arm(moment)
    steps, saved = int(steps), Checkpoints(Path(folder) / "checkpoints").newest()
    print("begins at", saved.step if saved else 0, flush=True)
    chosen = {"tiny": Tiny, "circuit": circuit}[model]()
    result = qdl.fit(
        chosen, X, Y, loss="cross_entropy", optimizer=optimizer(steps), steps=steps, batch_size=16,
        validation=(X[:20], Y[:20]), patience=steps, key=jax.random.key(5), checkpoint=folder,
        checkpoint_every=EVERY,
    )  # fmt: skip
    print("ended", result.stopped, result.step, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
