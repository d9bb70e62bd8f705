"""Hamming statistics against all pairs one by one; the picture keeps distances."""

import itertools

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from qdl.datasets import digits, mnist
from qdl.ising import (
    BlockSampler,
    DeepIsingClassifier,
    IsingClassifier,
    Landscape,
    landscape,
)
from qdl.ising.landscape import distances


def test_meandistances_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    spins = rng.choice([-1, 1], size=(7, 3, 9)).astype(np.int8)
    labels = np.array([0, 1, 2, 0, 1, 0, 5])
    groups = {"within": [], "same": [], "other": []}
    for (i, r), (j, q) in itertools.combinations(itertools.product(range(7), range(3)), 2):
        kind = "within" if i == j else "same" if labels[i] == labels[j] else "other"
        groups[kind].append(np.sum(spins[i, r] != spins[j, q]))
    expected = [np.mean(groups[kind]) for kind in ("within", "same", "other")]
    assert distances(spins, labels) == pytest.approx(expected)


def test_no_pairs_is_not_a_number():
    within, same, other = distances(np.ones((2, 1, 3), np.int8), np.array([0, 1]))
    assert np.isnan(within) and np.isnan(same) and other == 0


def test_a_picture_keeps_clusters_apart_and_its_size_bounded():
    rng = np.random.default_rng(1)
    centres = rng.choice([-1, 1], size=(3, 100))
    spins = np.repeat(centres[:, None], 10, axis=1).astype(np.int8)
    spins[rng.random(spins.shape) < 0.03] *= -1
    nothing = dict.fromkeys(Landscape.__dataclass_fields__, 0.0)
    seen = Landscape(**(nothing | {"spins": spins, "labels": np.arange(3)}))
    points, labels = seen.mds()
    assert points.shape == (30, 2) and np.bincount(labels).tolist() == [10, 10, 10]
    middle = np.stack([points[labels == c].mean(axis=0) for c in range(3)])
    spread = max(np.abs(points[labels == c] - middle[c]).max() for c in range(3))
    gaps = [np.linalg.norm(middle[a] - middle[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(gaps) > 3 * spread
    assert len(seen.mds(max_points=7)[0]) == 6 and len(seen.mds(max_points=2)[0]) == 2


@pytest.mark.slow
def test_training_turns_a_glass_into_a_few_basins():
    data = mnist(classes=None, features=None, scale=(0, 1))
    before = IsingClassifier(epochs=0).fit(data.X_train, data.y_train)
    after = IsingClassifier().fit(data.X_train, data.y_train)
    glass, order = (landscape(c, data.X_test, data.y_test) for c in (before, after))
    print(glass.within_image, glass.unclassified, order.within_image, order.unclassified)
    assert glass.within_image >= 40 and glass.unclassified >= 0.4
    assert order.within_image <= 12 and order.unclassified <= 0.03
    assert order.right > 0.8 and order.other_class > 2 * order.same_class


@pytest.fixture(scope="module")
def few():
    return digits(classes=(0, 1, 2), features=None, scale=(0, 1))


def test_landscapes_of_deep_networks_name_the_classes_of_their_outputs(few):
    words = {"layers": (10, 8), "num_reads": 4, "epochs": 6, "sampler": BlockSampler(sweeps=4)}
    deep = DeepIsingClassifier(**words, learning_rate=2e-3).fit(few.X_train, few.y_train)
    seen = landscape(deep, few.X_test, few.y_test, num_reads=4)
    assert seen.spins.shape == (len(few.X_test), 4, 10 + 8 + 12) and seen.right > 0.7


def test_bad_input(few):
    words = {"hidden": 5, "epochs": 1, "num_reads": 2}
    with pytest.raises(NotFittedError):
        landscape(IsingClassifier(), few.X_test, few.y_test)
    classifier = IsingClassifier(**words).fit(few.X_train, few.y_train)
    with pytest.raises(ValueError, match=r"y has the label 7, but the classes are \[0, 1, 2\]"):
        landscape(classifier, few.X_test[:3], [0, 7, 1], num_reads=2)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        landscape(classifier, few.X_test[:3], [0, 1], num_reads=2)
    seen = landscape(classifier, few.X_test[:3], few.y_test[:3], num_reads=2)
    for wrong in (0, -1, 1.5):
        with pytest.raises(
            ValueError, match=f"max_points must be a whole number >= 1, got {wrong}"
        ):
            seen.mds(max_points=wrong)
