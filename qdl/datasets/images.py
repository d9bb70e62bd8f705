"""Handwritten digits: scikit-learn's 8x8 and a packaged part of MNIST, 28x28."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import numpy as np

from ..arguments import check_whole
from .prepare import ANGLES, Dataset, Range, choose, project, rescale, split


def digits(
    classes: Iterable[int] | None = (0, 1),
    features: int | None = 8,
    reduce: str = "pca",
    *,
    test_size: float = 0.25,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    r"""Handwritten digits of 8x8 pixels with 17 grey levels, 1797 images; scikit-learn's copy.

    Args:
        classes: which digits, in the order of the labels 0, 1, ...; None for all ten.
        features: how many numbers per image; None for all 64 pixels.
        reduce: ``"pca"`` projects on principal components fitted on the training part, each then
            scaled by its training range; ``"pool"`` averages over a grid of ``features`` cells,
            row by row, and keeps the brightness: 0 to ``low``, the brightest to ``high``.
        test_size: fraction of the images held out, in equal proportions of the classes.
        scale: ``(low, high)`` of the features, radians; None leaves them raw.
        seed: of the split.

    Example:
        >>> data = digits(classes=(3, 8), features=4)
        >>> data.X_train.shape, data.X_test.shape, data.y_train.max()
        ((267, 4), (90, 4), np.int64(1))

    Reference: Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (1998), doi:10.24432/C50P49.
    """
    from sklearn.datasets import load_digits

    X, y = (np.asarray(part) for part in load_digits(return_X_y=True))
    return _shrink(
        split(*choose(X, y, classes), test_size, seed), (8, 8), features, reduce, scale, 16
    )


def mnist(
    classes: Iterable[int] | None = (0, 1),
    features: int | None = 8,
    reduce: str = "pca",
    *,
    test: str = "test",
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    """A part of MNIST, 28x28 pixels: the first 100 training images of each digit.

    The split is that of the official files: the test part is the first 10 official test images of
    each digit, or the next 200. The file ships with qdl and has a licence of its own, CC BY-SA 3.0;
    ``MNIST.md`` beside it has the terms and tells which images these are.

    Args:
        classes: which digits, in the order of the labels 0, 1, ...; None for all ten.
        features: how many numbers per image; None for all 784 pixels.
        reduce: ``"pca"`` or ``"pool"``, as in ``digits``.
        test: ``"test"`` for 10 test images of each digit, ``"held"`` for 200 others of each.
        scale: ``(low, high)`` of the features, radians; None leaves them raw.
        seed: of the order of the rows.

    Example:
        >>> data = mnist(features=16, reduce="pool")
        >>> data.X_train.shape, data.X_test.shape
        ((200, 16), (20, 16))

    Reference: LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 86, 2278 (1998).
    """
    if test not in ("test", "held"):
        raise ValueError(f"test must be 'test' or 'held', got {test!r}.")
    check_whole("seed", seed, least=0)
    source = resources.files("qdl.datasets") / "mnist_1100.npz"
    with source.open("rb") as file, np.load(file) as arrays:
        parts = [(arrays[f"x_{name}"], arrays[f"y_{name}"]) for name in ("train", test)]
    shuffle = np.random.default_rng(seed)
    chosen: list[np.ndarray] = []
    for images, labels in parts:
        X, y = choose(images.reshape(len(images), -1).astype(np.float64), labels, classes)
        order = shuffle.permutation(len(X))
        chosen += [X[order], y[order]]
    return _shrink(Dataset(*chosen), (28, 28), features, reduce, scale, 255)


def _shrink(
    data: Dataset,
    size: tuple[int, int],
    features: int | None,
    reduce: str,
    scale: Range,
    brightest: int,
) -> Dataset:
    if reduce not in ("pca", "pool"):
        raise ValueError(f"reduce must be 'pca' or 'pool', got {reduce!r}.")
    if features is not None and reduce == "pca":
        return rescale(project(data, features), scale)
    if features is not None:
        grid = _pooling(size, features)
        data = data._replace(X_train=data.X_train @ grid, X_test=data.X_test @ grid)
    return rescale(data, scale, source=(0, brightest))


def _pooling(size: tuple[int, int], features: int) -> np.ndarray:
    """The matrix (pixels, features) that averages over a grid of cells, as square as it can be."""
    height, width = size
    # Later entries replace earlier ones: of all grids with this many cells, the squarest stays.
    grids = {r * c: (r, c) for r in range(1, height + 1) for c in range(r, width + 1)}
    if features not in grids:
        raise ValueError(
            f"reduce='pool' cannot cut {height}x{width} pixels into {features!r} cells. "
            f"Use one of {sorted(grids)}, or reduce='pca'."
        )
    rows, columns = grids[features]
    return np.kron(_strips(height, rows), _strips(width, columns))


def _strips(length: int, parts: int) -> np.ndarray:
    """The matrix (length, parts) that averages over strips, overlapping if need be."""
    strips = np.zeros((length, parts))
    for i in range(parts):
        start, stop = i * length // parts, -(-(i + 1) * length // parts)
        strips[start:stop, i] = 1 / (stop - start)
    return strips
