"""Reinforcement learning: returns, advantages, the policy's gradient, equal sizes, the autoreset."""

import gymnasium
import jax
import numpy as np
import pytest

from benchmarks.evidence import cartpole


def test_returns_are_discounted_sums():
    rewards = np.random.default_rng(0).normal(size=(7, 3))
    expected = [
        [sum(0.9 ** (s - t) * rewards[s, k] for s in range(t, 7)) for k in range(3)]
        for t in range(7)
    ]
    np.testing.assert_allclose(cartpole.returns(rewards, 0.9), expected)


def test_advantages_compare_the_episodes_still_alive():
    alive = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], bool)
    gain = np.array([[3.0, 2.0, 1.0], [2.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    better = cartpole.advantages(gain, alive)
    deviations = np.array([1.0, 0.0, -1.0, 0.5, -0.5, 0.0])  # of the six steps alive
    np.testing.assert_allclose(better[alive], deviations / deviations.std(), atol=1e-6)
    assert not better[~alive].any()
    everywhere = np.ones((4, 3), bool)
    assert not cartpole.advantages(cartpole.returns(everywhere * 1.0, 0.99), everywhere).any()


@pytest.mark.parametrize("build", [cartpole.quantum, cartpole.classical])
def test_gradient_of_the_log_policy_is_that_of_finite_differences(build, key):
    model = build()
    random = np.random.default_rng(1)
    states, actions = random.normal(size=(5, 4)), random.integers(0, 2, 5)
    params, tree = jax.flatten_util.ravel_pytree(model.init(key))
    direction = random.normal(size=params.shape)

    @jax.jit
    def total(params):
        return cartpole.log_policy(model, tree(params), states, actions).sum()

    step = 1e-5
    slope = (total(params + step * direction) - total(params - step * direction)) / (2 * step)
    assert abs(slope) > 0.01
    assert jax.grad(total)(params) @ direction == pytest.approx(float(slope), rel=1e-6)


def test_policy_is_a_distribution_over_the_actions(key):
    model, states = cartpole.classical(), np.zeros((3, 4))
    params = model.init(key)
    p = [np.exp(cartpole.log_policy(model, params, states, np.full(3, a))) for a in (0, 1)]
    np.testing.assert_allclose(sum(p), 1.0)


def test_both_models_have_as_many_parameters(key):
    sizes = [
        sum(leaf.size for leaf in jax.tree.leaves(build().init(key)))
        for build in (cartpole.quantum, cartpole.classical)
    ]
    assert sizes == [86, 86]


def test_every_parameter_moves_at_its_own_rate(key):
    model, optimizer = cartpole.quantum(), cartpole.adam(0.01, 0.2, scales=0.3)
    params = model.init(key)
    ones = jax.tree.map(np.ones_like, params)
    updates, _ = optimizer.update(ones, optimizer.init(params))
    scales, angles = updates[0][0][0], updates[0][0][1]
    assert scales.shape == (5, 4) and angles.shape == (5, 4, 3)
    for got, rate in ((scales, 0.3), (angles, 0.01), (updates[1]["weight"], 0.2)):
        np.testing.assert_allclose(got, -rate, rtol=1e-5)


def test_play_counts_every_step_of_an_episode_once():
    environments = gymnasium.make_vec("CartPole-v1", num_envs=3)
    pushes = np.random.default_rng(0)
    record = cartpole.play(environments, lambda states: pushes.integers(0, 2, len(states)), seed=5)
    lengths = record.rewards.sum(axis=0)
    np.testing.assert_array_equal(record.alive.sum(axis=0), lengths)
    for k, length in enumerate(lengths.astype(int)):
        single = gymnasium.make("CartPole-v1").unwrapped
        single.reset()
        single.state = record.states[0, k]
        ends = [single.step(int(action))[2] for action in record.actions[:length, k]]
        assert ends == [False] * (length - 1) + [True]


def test_memory_leaves_out_the_step_on_which_an_environment_starts_again():
    environments = gymnasium.make_vec("CartPole-v1", num_envs=2)
    pushes = np.random.default_rng(0)
    source = cartpole.transitions(environments, lambda s: pushes.integers(0, 2, len(s)), seed=3)
    rows, scores = 0, []
    for _ in range(100):
        (states, _, _, following, fell), finished = next(source)
        assert len(states) == len(following) == len(fell)
        moved = np.abs(following[:, 0] - states[:, 0])
        assert (moved <= 0.02 * np.abs(states[:, 1]) + 1e-6).all()  # no jump back to the middle
        rows, scores = rows + len(states), scores + finished
    assert len(scores) > 5 and 200 - len(scores) <= rows <= 202 - len(scores)
    assert sum(scores) <= rows


def test_q_step_moves_towards_the_target(key):
    model, optimizer = cartpole.classical(), cartpole.adam(0.01)
    params = model.init(key)
    random = np.random.default_rng(2)
    states, actions = random.normal(size=(8, 4)), random.integers(0, 2, 8)
    fell = np.ones(8)  # nothing comes after: the value is the reward
    state, now = optimizer.init(params), params
    for _ in range(300):
        batch = (states, actions, np.full(8, 3.0), states, fell)
        now, state = cartpole.q_step(model, optimizer, now, params, state, batch)
    q = np.take_along_axis(np.asarray(cartpole.values(model, now, states)), actions[:, None], 1)
    np.testing.assert_allclose(q, 3.0, atol=0.05)


def test_episodes_until_an_average():
    scores = np.array([0.0] * 30 + [500.0] * 60)
    assert cartpole.episodes_to(500, scores, window=50) == 80
    assert cartpole.episodes_to(501, scores, window=50) == 90
