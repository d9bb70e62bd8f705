"""A circuit as the cell of a recurrent network, on a series of demand, beside its classical twin.

The series is the number of passengers of international airlines, a month each from 1949 to 1960. From the
growth of the last twelve months (differences of logarithms) the next one is predicted. In each month the
cell reads the growth and three hidden values, as angles, and gives the next three; a linear layer reads
the last ones. The twin has a linear map with tanh for a cell. The naive forecast is the growth of the same
month a year before.

    python examples/recurrent.py

Reference: Box, Jenkins, "Time series analysis", Holden-Day (1976), series G.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

PASSENGERS = """
112 118 132 129 121 135 148 148 136 119 104 118 115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166 171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201 204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278 284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336 340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405 417 391 419 461 472 535 622 606 508 461 390 432
"""
MONTHS, HIDDEN, TEST, SEEDS, STEPS = 12, 3, 36, 3, 400


@dataclass(frozen=True)
class Recurrent:
    """A cell that goes through a sequence, and a linear layer that reads the hidden values at its end.

    Args:
        cell: takes ``1 + hidden`` features and gives ``hidden`` values.
        hidden: how many values it hands on.
    """

    cell: Any
    hidden: int

    def init(self, key):
        """Parameters of the cell and of the head."""
        cell, head = jax.random.split(key)
        return {"cell": self.cell.init(cell), "head": qdl.Dense(self.hidden, 1).init(head)}

    def apply(self, params, x):
        """Sequences ``(batch, length)`` to ``(batch, 1)``."""
        x = jnp.asarray(x)

        def step(hidden, now):
            return self.cell.apply(
                params["cell"], jnp.concatenate([now[:, None], hidden], axis=1)
            ), None

        last, _ = jax.lax.scan(step, jnp.zeros((len(x), self.hidden), x.dtype), x.T)
        return qdl.Dense(self.hidden, 1).apply(params["head"], last)


def models():
    """The quantum cell, and the classical one."""
    block = [AngleEncoding(trainable=True), Rotation("zyz"), Entangler("cz", "ring")]
    circuit = qdl.QNN(1 + HIDDEN, Repeat(block, 2), qdl.ExpZ(range(HIDDEN)))
    dense = qdl.Hybrid([qdl.Dense(1 + HIDDEN, HIDDEN), "tanh"])
    return {"circuit": Recurrent(circuit, HIDDEN), "tanh": Recurrent(dense, HIDDEN)}


def windows():
    """The growth of twelve months, standardised by the training part, and of the next; and the scale."""
    growth = np.diff(np.log(np.array(PASSENGERS.split(), float)))
    scale = growth[:-TEST].std()
    rows = np.lib.stride_tricks.sliding_window_view(growth / scale, MONTHS + 1)
    return rows[:, :MONTHS], rows[:, MONTHS], scale


def main(seeds=SEEDS, steps=STEPS):
    """Print the error of each model on the last three years, in per cent of the passengers."""
    X, y, scale = windows()
    naive = 100 * scale * np.sqrt(np.mean((X[-TEST:, 0] - y[-TEST:]) ** 2))
    print("passengers of the next month, last three years: root mean square error, per cent")
    print(f"{'a year before':<14} {naive:.1f}")
    errors = {}
    for name, model in models().items():
        found = []
        for seed in range(seeds):
            result = qdl.fit(
                model, X[:-TEST], y[:-TEST],
                loss="mse", optimizer=optax.adam(0.02), steps=steps, key=jax.random.key(seed),
            )  # fmt: skip
            wrong = np.asarray(model.apply(result.params, X[-TEST:]))[:, 0] - y[-TEST:]
            found.append(100 * scale * np.sqrt(np.mean(wrong**2)))
        errors[name] = found
        count = sum(np.size(leaf) for leaf in jax.tree.leaves(result.params))
        print(f"{name:<14} {np.mean(found):.1f} +- {np.std(found):.1f}, {count} parameters")
    return naive, errors


if __name__ == "__main__":
    main()
