"""Classical baselines: sizes counted by scikit-learn, accuracies by hand."""

import numpy as np
import pytest

from qdl import baselines, datasets


@pytest.mark.parametrize("classes", [(0, 1), (1, 3, 8)])
def test_sizes_are_what_scikit_learn_holds(classes, monkeypatch):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    fitted = {}

    def keep(cls):
        original = cls.fit

        def fit(self, X, y):
            fitted[cls] = original(self, X, y)
            return self

        monkeypatch.setattr(cls, "fit", fit)

    keep(LogisticRegression)
    keep(MLPClassifier)
    data = datasets.digits(classes, features=5)
    logistic, mlp = baselines.logistic_regression(data), baselines.mlp(data, n_params=54)
    linear, network = fitted[LogisticRegression], fitted[MLPClassifier]
    assert logistic.n_params == linear.coef_.size + linear.intercept_.size
    assert mlp.n_params == sum(w.size for w in [*network.coefs_, *network.intercepts_])
    unit = mlp.n_params - (mlp.n_params - network.intercepts_[-1].size) // len(
        network.intercepts_[0]
    ) * (len(network.intercepts_[0]) - 1)
    assert abs(mlp.n_params - 54) <= (unit + 1) / 2  # one hidden unit more or less is further off
    for each in (logistic, mlp):
        assert each.probabilities.shape == (len(data.y_test), len(classes))
        assert each.accuracy == np.mean(each.probabilities.argmax(axis=1) == data.y_test)
        assert each.accuracy > 0.85
