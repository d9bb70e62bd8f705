"""Data drawn from a rule whose difficulty can be set: balanced, two classes."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import check_whole
from .prepare import ANGLES, Dataset, Range, rescale, split


def bars_and_stripes(
    side: int = 4,
    n_samples: int = 300,
    noise: float = 0.5,
    *,
    test_size: float = 0.2,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    r"""Pictures of ``side`` x ``side`` pixels with lit columns (bars, 0) or lit rows (stripes, 1).

    Each column, or each row, is lit (+1) or dark (-1) with probability 1/2, then Gaussian noise is
    added to every pixel. The two pictures that are bars and stripes at once (all lit, all dark) are
    left out, so without noise every label is certain.

    Args:
        side: height and width in pixels; the features are the ``side**2`` pixels, row by row.
        n_samples: rows in both parts together, half of them bars.
        noise: standard deviation of a pixel, where lit and dark differ by 2.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of pictures, noise and split.

    Example:
        >>> data = bars_and_stripes(side=2, n_samples=50, noise=0.0)
        >>> data.X_train.shape, sorted(set(data.X_train.ravel()))
        ((40, 4), [np.float64(0.0), np.float64(3.141592653589793)])

    Reference: MacKay, Information Theory, Inference, and Learning Algorithms, Cambridge (2003),
    ch. 43; with noise as in Bowles, Ahmed, Schuld, arXiv:2403.07059.
    """
    check_whole("side", side, least=2, owner="bars_and_stripes")
    _check("bars_and_stripes", n_samples, noise, seed)
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 2**side - 1, size=n_samples)  # neither all dark nor all lit
    lines = 2.0 * (codes[:, None] >> np.arange(side) & 1) - 1
    pictures = np.repeat(lines[:, None, :], side, axis=1)  # the same row everywhere: lit columns
    y = _halves(n_samples)
    pictures[y == 1] = pictures[y == 1].transpose(0, 2, 1)
    X = pictures.reshape(n_samples, -1) + noise * rng.normal(size=(n_samples, side**2))
    return rescale(split(X, y, test_size, seed), scale)


def two_curves(
    features: int = 4,
    n_samples: int = 300,
    degree: int = 5,
    offset: float = 0.1,
    noise: float = 0.01,
    *,
    test_size: float = 0.2,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    r"""Two parallel curves that wind through ``features`` dimensions; tell which one a point is on.

    With $t$ uniform on $[0, 1)$, coordinate $i$ of class $c \in \{0, 1\}$ is

    $$x_i(t) = a_{i0} + b_{i0} + c\,\Delta + \epsilon
    + \sum_{k=1}^{D} \left(a_{ik} \cos \pi k t + b_{ik} \sin \pi k t\right)$$

    with coefficients uniform on $[0, 1)$, divided by the norm of all of them, and Gaussian
    $\epsilon$. Higher degree: more curved; smaller offset: closer.

    Args:
        features: the number of dimensions.
        n_samples: rows in both parts together, half of them on each curve.
        degree: $D$, the highest frequency.
        offset: $\Delta$, the shift of the second curve along every axis.
        noise: standard deviation of $\epsilon$.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of curves, points and split.

    Example:
        >>> two_curves(features=6).X_train.shape
        (240, 6)

    Reference: Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024), after Buchanan, Gilboa, Wright,
    ICLR (2021).
    """
    check_whole("features", features, least=1, owner="two_curves")
    check_whole("degree", degree, least=1, owner="two_curves")
    _check("two_curves", n_samples, noise, seed)
    rng = np.random.default_rng(seed)
    coefficients = rng.uniform(size=(2, degree + 1, features))
    cosines, sines = coefficients / np.linalg.norm(coefficients)
    phases = math.pi * rng.uniform(size=(n_samples, 1)) * np.arange(degree + 1)
    # sin(0) would drop b_i0, which the published rule keeps as a second constant.
    X = np.cos(phases) @ cosines + np.sin(phases) @ sines + sines[0]
    y = _halves(n_samples)
    X += offset * y[:, None] + noise * rng.normal(size=X.shape)
    return rescale(split(X, y, test_size, seed), scale)


def hidden_manifold(
    features: int = 4,
    n_samples: int = 300,
    manifold: int = 6,
    *,
    test_size: float = 0.2,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    r"""Points labelled by what they are on a hidden manifold of ``manifold`` dimensions.

    With Gaussian $c \in \mathbb{R}^m$, $F$, $W$ and $v$, and $\beta_i$ uniform on $[-1, 1)$,

    $$x = \tanh\left(F^T c / \sqrt{m} - \beta\right), \qquad
    y = \left[\, v \cdot \tanh(W c) / \sqrt{m} \geq \text{median} \,\right].$$

    Args:
        features: the number of dimensions that are seen.
        n_samples: rows in both parts together.
        manifold: $m$, the number of hidden dimensions.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of manifold, labels, points and split.

    Example:
        >>> hidden_manifold(features=6, n_samples=100).X_test.shape
        (20, 6)

    Reference: Goldt, Mezard, Krzakala, Zdeborova, Physical Review X 10, 041044 (2020); this form:
    Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024).
    """
    check_whole("features", features, least=1, owner="hidden_manifold")
    check_whole("manifold", manifold, least=1, owner="hidden_manifold")
    _check("hidden_manifold", n_samples, 0.0, seed)
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_samples, manifold))
    embedding = rng.normal(size=(manifold, features))
    X = np.tanh(hidden @ embedding / math.sqrt(manifold) - rng.uniform(-1, 1, size=features))
    weights, readout = rng.normal(size=(manifold, manifold)), rng.normal(size=manifold)
    value = np.tanh(hidden @ weights.T) @ readout / math.sqrt(manifold)
    y = (value >= np.median(value)).astype(np.int64)
    return rescale(split(X, y, test_size, seed), scale)


def linearly_separable(
    features: int = 4,
    n_samples: int = 300,
    margin: float | None = None,
    *,
    test_size: float = 0.2,
    scale: Range = ANGLES,
    seed: int = 0,
) -> Dataset:
    r"""Points of a cube on both sides of a plane: a linear model is always right.

    Uniform $x \in [-1, 1)^d$, those with $|\sum_i x_i|$ of at most the margin left out; 1 where
    $\sum_i x_i > 0$, else 0.

    Args:
        features: $d$, the number of dimensions.
        n_samples: rows in both parts together.
        margin: how far from the plane every point is, in $\sum_i x_i$; None for 0.02 $d$.
        test_size: fraction held out, in equal proportions of the classes.
        scale: ``(low, high)`` of every feature on the training part, radians; test values are
            clipped to it. None leaves the features raw.
        seed: of points and split.

    Example:
        >>> data = linearly_separable(features=6, scale=None)
        >>> bool(((data.X_train.sum(axis=1) > 0) == data.y_train).all())
        True

    Reference: Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024).
    """
    check_whole("features", features, least=1, owner="linearly_separable")
    _check("linearly_separable", n_samples, 0.0, seed)
    width = 0.02 * features if margin is None else margin
    most = min(0.9 * features, 2 * math.sqrt(features / 3))  # twice the sum's standard deviation
    if not 0 <= width <= most:  # beyond, most of the cube is left out, in the end all
        raise ValueError(
            f"linearly_separable needs a margin from 0 to {most:.3g}, got {margin!r}. Use None for "
            f"{0.02 * features:g}."
        )
    rng = np.random.default_rng(seed)
    kept = np.empty((0, features))
    while len(kept) < n_samples:
        drawn = rng.uniform(-1, 1, size=(n_samples, features))
        kept = np.concatenate([kept, drawn[abs(drawn.sum(axis=1)) > width]])
    X = kept[:n_samples]
    return rescale(split(X, (X.sum(axis=1) > 0).astype(np.int64), test_size, seed), scale)


def _halves(n_samples: int) -> np.ndarray:
    """Labels 0, 1, 0, 1, ...: the classes differ by at most one row."""
    return np.arange(n_samples, dtype=np.int64) % 2


def _check(owner: str, n_samples: int, noise: float, seed: int) -> None:
    check_whole("n_samples", n_samples, least=4, owner=owner)
    check_whole("seed", seed, least=0)
    if not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f"{owner} needs noise >= 0, got {noise!r}. Use noise=0.0 for none.")
