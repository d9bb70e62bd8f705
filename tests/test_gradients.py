"""Gradient variance against closed forms and a plain loop."""

import jax
import numpy as np
import pytest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.layers import AngleEncoding, Entangler, Rotation


def test_closed_form_of_one_rotation(key):
    # f = cos(angle): the variance of sin over a uniform angle is 1/2, for any width
    sweep = gradient_variance(lambda n: qdl.QNN(n, Rotation("y")), (1, 3), key=key, samples=2000)
    assert sweep.n_wires == (1, 3) and sweep.parameter == (0, 0) and sweep.samples == 2000
    for value, error in zip(sweep.variance, sweep.standard_error, strict=True):
        assert abs(value - 0.5) < 5 * error
        # a sample variance of sin has variance (mu4 - mu2^2)/m = (3/8 - 1/4)/m
        assert error == pytest.approx(np.sqrt(0.125 / 2000), rel=0.05)


def test_parameters_that_never_matter_are_passed_over(key):
    sweep = gradient_variance(lambda n: qdl.QNN(n, Rotation("zy")), (3,), key=key, samples=50)
    assert sweep.parameter == (1,)  # a z rotation of |0> changes nothing


def test_equals_a_loop_over_draws(key):
    def build(n):
        return qdl.QNN(n, [AngleEncoding(), Rotation("zy"), Entangler("cnot"), Rotation("y")])

    samples = 6
    sweep = gradient_variance(build, (3,), key=key, samples=samples)
    model, values = build(3), []
    for k in jax.random.split(jax.random.fold_in(key, 3), samples):
        for_params, for_x = jax.random.split(k)
        x = jax.random.uniform(for_x, (3,), maxval=2 * np.pi)
        params, step = model.init(for_params), 1e-5
        flat, unravel = jax.flatten_util.ravel_pytree(params)
        shift = np.zeros(flat.size)
        shift[sweep.parameter[0]] = step
        up, down = (model.apply(unravel(flat + s * shift), x)[0] for s in (1, -1))
        values.append((up - down) / (2 * step))
    assert sweep.variance[0] == pytest.approx(np.var(values, ddof=1), rel=1e-6)


def test_table_has_a_row_a_width(key):
    table = gradient_variance(
        lambda n: qdl.QNN(n, Rotation("y")), (2, 3), key=key, samples=10
    ).table()
    assert [line.split()[0] for line in table.splitlines()] == ["variance", "wires", "2", "3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"samples": 1}, "a variance needs samples >= 2, got 1"),
        ({"n_wires": ()}, "at least one width"),
        ({"build": lambda n: qdl.QNN(n, Rotation("z"))}, "on 3 wires vanishes in all 10 draws"),
    ],
)
def test_bad_input(key, arguments, said):
    arguments = {
        "build": lambda n: qdl.QNN(n, Rotation("y")), "n_wires": (3,), "samples": 10, **arguments
    }  # fmt: skip
    with pytest.raises(ValueError, match=said):
        gradient_variance(key=key, **arguments)
