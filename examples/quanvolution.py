"""A quanvolution on handwritten digits: a small circuit slides over the image, beside its classical twin.

The circuit reads patches of 2 x 2 pixels of the 8 x 8 images of 3 and 8, and gives four values for each of
the 16 patches; a linear layer decides. The twin is a convolution: a linear map of each patch with tanh
after it, of as many outputs. Both are trained with the same steps, batches and seeds; logistic regression
on the pixels stands beside.

    python examples/quanvolution.py
"""

import jax
import numpy as np
import optax

import qdl
from qdl.hybrid import Patches
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

SEEDS, STEPS = 3, 300


def models():
    """The quantum model, and the classical one."""
    circuit = qdl.QNN(4, [AngleEncoding(), Repeat([Rotation("zyz"), Entangler("cz", "ring")], 2)])
    convolution = qdl.Hybrid([qdl.Dense(4, 4), "tanh"])
    return {
        "quanvolution": qdl.Hybrid([Patches(circuit, 2, 2), qdl.Dense(64, 1)]),
        "convolution": qdl.Hybrid([Patches(convolution, 2, 2), qdl.Dense(64, 1)]),
    }


def accuracy(model, data, seed, steps=STEPS):
    """Of the test part after training."""
    result = qdl.fit(
        model, data.X_train, data.y_train,
        loss="cross_entropy", optimizer=optax.adam(0.02), steps=steps, key=jax.random.key(seed),
    )  # fmt: skip
    outputs = model.apply(result.params, data.X_test)
    return float(np.mean((np.asarray(outputs)[:, 0] > 0) == data.y_test))


def main(seeds=SEEDS, steps=STEPS):
    """Print a row a model."""
    splits = [qdl.datasets.digits((3, 8), features=None, seed=seed) for seed in range(seeds)]
    scores = {
        name: [accuracy(model, data, seed, steps) for seed, data in enumerate(splits)]
        for name, model in models().items()
    }
    scores["logistic regression"] = [
        qdl.baselines.logistic_regression(data).accuracy for data in splits
    ]
    sizes = {name: model.n_params for name, model in models().items()}
    print(f"digits 3 and 8, {seeds} splits: test accuracy, mean and standard deviation")
    for name, values in scores.items():
        spread = np.std(values, ddof=1) if seeds > 1 else float("nan")
        print(
            f"{name:<20} {sizes.get(name, 65):>4} parameters  {np.mean(values):.3f} +- {spread:.3f}"
        )
    return scores


if __name__ == "__main__":
    main()
