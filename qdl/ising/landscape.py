"""Where the low-energy states of each image lie: Hamming distances, and pictures of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..arguments import check_whole
from .network import winners


@dataclass(frozen=True)
class Landscape:
    """Low-energy states of some images, and how far they are from each other.

    Attributes:
        spins: ``(images, reads, n)``, the lowest energy first.
        labels: the class of each image, ``(images,)``, from 0.
        classes: the class that each read names, ``(images, reads)``; -1 where outputs tie.
        unclassified: fraction of the reads that name none.
        right: fraction that name the class of their image.
        within_image: mean Hamming distance of two reads of one image; NaN for a single read.
        same_class: of reads of two images of one class; NaN if there are none.
        other_class: of reads of two images of different classes.
        classes_seen: mean number of classes that the reads of one image name.
    """

    spins: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    unclassified: float
    right: float
    within_image: float
    same_class: float
    other_class: float
    classes_seen: float

    def mds(self, max_points: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The states in a plane, distances as close to Hamming as it can be.

        The cost is quadratic in the points, hence the cap: each image keeps as many of its lowest
        reads as fit; if not even one does, images are drawn at random.

        Args:
            max_points: the most points to place.
            seed: of the drawing and of the first places.

        Returns:
            Points ``(k, 2)``, and the class of the image of each.

        Reference: Kruskal, Psychometrika 29, 1 (1964); SMACOF as in scikit-learn.
        """
        from sklearn.manifold import MDS

        check_whole("max_points", max_points, "max_points=1500")
        images, reads, n = self.spins.shape
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(images)[:max_points]
        spins = self.spins[chosen, : max(1, min(reads, max_points // len(chosen)))]
        labels = np.repeat(self.labels[chosen], spins.shape[1])
        flat = spins.reshape(-1, n).astype(np.float32)
        model = MDS(
            n_components=2, metric_mds=True, n_init=1, init="random", max_iter=200,
            metric="precomputed", random_state=seed,
        )  # fmt: skip
        return np.asarray(model.fit_transform((n - flat @ flat.T) / 2)), labels


def landscape(classifier: Any, X: Any, y: Any, num_reads: int = 100, key: Any = None) -> Landscape:
    """Sample each image's low-energy states with the classifier's sampler, and compare them.

    Before training the states of an image are as far apart as random ones, a glass; afterwards
    they are few and close, and those of different classes far from each other.

    Args:
        classifier: fitted, shallow or deep; with ``epochs=0`` an untrained one.
        X: images ``(images, features)``.
        y: their labels.
        num_reads: states per image.
        key: as for samplers; None follows the classifier's seed.

    Raises:
        ValueError: a label that the classifier does not know.

    Example:
        >>> import qdl
        >>> from qdl.ising import IsingClassifier
        >>> data = qdl.datasets.mnist(features=None, scale=(0, 1))
        >>> clf = IsingClassifier(hidden=20, epochs=2).fit(data.X_train, data.y_train)
        >>> seen = landscape(clf, data.X_test, data.y_test, num_reads=10)
        >>> seen.within_image < seen.other_class
        True

    Reference: Zhang, Kamenev, Communications Physics 8, 478 (2025), Figs. 2 and 3.
    """
    check_is_fitted(classifier, "network_")
    check_consistent_length(X, y)
    known, y = classifier.classes_, np.asarray(y)
    if len(unknown := np.setdiff1d(y, known)):
        raise ValueError(
            f"y has the label {unknown[0]}, but the classes are {known.tolist()}. Pass images of "
            "these classes only."
        )
    spins = classifier.sample(X, num_reads, key).spins
    labels = np.searchsorted(known, y)
    outputs = len(known) * classifier.redundancy
    classes = winners(spins[..., -outputs:], len(known))
    within, same, other = distances(spins, labels)
    return Landscape(
        spins=spins,
        labels=labels,
        classes=classes,
        unclassified=float(np.mean(classes < 0)),
        right=float(np.mean(classes == labels[:, None])),
        within_image=within,
        same_class=same,
        other_class=other,
        classes_seen=float(np.mean([len(np.unique(row[row >= 0])) for row in classes])),
    )


def distances(spins: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Mean Hamming distances within an image, within a class, between classes.

    d = (n - s.s') / 2, and a sum of s.s' over all pairs of two groups is the product of their sums:
    no matrix of all pairs is needed.
    """
    images, reads, n = spins.shape
    by_image = spins.sum(axis=1, dtype=float)
    by_class = np.stack([by_image[labels == c].sum(axis=0) for c in np.unique(labels)])
    sizes = np.unique(labels, return_counts=True)[1]
    # Sums of s.s', and numbers of ordered pairs, over: one image, one class, everything.
    products = np.sum(by_image**2), np.sum(by_class**2), np.sum(by_class.sum(axis=0) ** 2)
    pairs = images * reads**2, float(np.sum(sizes**2)) * reads**2, (images * reads) ** 2
    itself = images * reads  # pairs of a read with itself, each with s.s' = n
    parts = (
        (products[0] - n * itself, pairs[0] - itself),
        (products[1] - products[0], pairs[1] - pairs[0]),
        (products[2] - products[1], pairs[2] - pairs[1]),
    )
    within, same, other = (float((n - p / k) / 2) if k else float("nan") for p, k in parts)
    return within, same, other
