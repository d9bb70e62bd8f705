"""NumPy draws what ``jax.random`` draws, bit for bit, wherever the key is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import ROWS

import qdl
from qdl import threefry
from qdl.initializers import beta, gaussian, small_angle, uniform
from qdl.layers import AngleEncoding, Entangler, Mirrored, Repeat, Rotation

RANGES = [(0.0, 2 * np.pi), (0.0, 1.0), (-0.1, 0.1), (-np.pi, np.pi), (0.3, 1.7)]
SHAPES = [(), (1,), (7,), (3, 5, 2), (0, 4)]


def keys():
    """The seeds of tests, and words of any size, the largest too."""
    words = np.random.default_rng(0).integers(0, 2**32, (4, 2), dtype=np.uint32)
    yield from (jax.random.key(seed) for seed in (0, 1, 2**31 - 1))
    yield from map(jax.random.wrap_key_data, [*words, np.full(2, 2**32 - 1, np.uint32)])


def same(one, two):
    one, two = (jax.tree.flatten(tree) for tree in (one, two))
    assert one[1] == two[1]
    for a, b in zip(one[0], two[0], strict=True):
        assert isinstance(a, jax.Array) and a.dtype == b.dtype and a.weak_type == b.weak_type
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, float, jnp.bfloat16])
@pytest.mark.parametrize("low, high", RANGES)
def test_uniform_has_the_bits_of_jax(low, high, dtype):
    for shape in SHAPES:
        for key in keys():
            wanted = jax.random.uniform(key, shape, dtype, low, high)
            same(threefry.uniform(key, shape, dtype, low, high), wanted)


def test_uniform_in_single_precision_alone():
    with jax.enable_x64(False):
        key = jax.random.key(5)
        found = threefry.uniform(key, (9, 3), float, -0.2, 0.2)
        assert found.dtype == np.float32
        same(found, jax.random.uniform(key, (9, 3), float, -0.2, 0.2))


@pytest.mark.parametrize("count", [1, 2, 9])
def test_split_has_the_bits_of_jax(count):
    for key in keys():
        found = jax.random.key_data(jnp.stack(list(threefry.split(key, count))))
        np.testing.assert_array_equal(found, jax.random.key_data(jax.random.split(key, count)))


@pytest.mark.parametrize("n", [1, 2, 7, 1625, 1626, 5000])
def test_permutations_have_the_bits_of_jax(n):
    for key in keys():
        numbers = (0, 1, 77)
        wanted = [jax.random.permutation(jax.random.fold_in(key, i), n) for i in numbers]
        np.testing.assert_array_equal(threefry.permutations(key, numbers, n), wanted)
        found, folded = threefry.fold_in(key, 77), jax.random.fold_in(key, 77)
        np.testing.assert_array_equal(*map(jax.random.key_data, (found, folded)))


def traced(layer, wires, initializer=None):
    """``init`` as it is for a key that is not known: by ``jax.random`` alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threefry, "is_known", lambda key: False)
        return layer.init(jax.random.key(3), wires, initializer)


INITIALIZERS = [None, small_angle(0.3), uniform(-1.0, 2.0), gaussian(0.2), beta(2.0, 5.0)]
NESTED = Repeat([AngleEncoding(trainable=True), Repeat(Rotation("zyz"), 3), Entangler("crx")], 4)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.slow])
def test_every_layer_starts_as_before(name):
    layer, wires = ROWS[name].layer, (0, 1, 2)
    same(layer.init(jax.random.key(3), wires), traced(layer, wires))


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_repetitions_start_as_before(initializer, single):
    with jax.enable_x64(not single):
        for layer in (NESTED, Mirrored(NESTED)):
            wanted = traced(layer, (0, 1, 2), initializer)
            same(layer.init(jax.random.key(3), (0, 1, 2), initializer), wanted)


def test_inside_of_a_trace_a_known_key_and_one_that_is_not():
    model = qdl.QNN(3, [NESTED])
    key = jax.random.key(3)
    wanted = traced(model.layers, model.wires)
    wanted = jax.tree.map(np.asarray, wanted)
    for found in (jax.jit(lambda: model.init(key))(), jax.jit(model.init)(key)):
        jax.tree.map(np.testing.assert_array_equal, found, wanted)
    rows = jax.vmap(model.init)(jax.random.split(key, 2))
    first = model.init(jax.random.split(key, 2)[1])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[1], b), rows, first)


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_other_generators_are_left_to_jax(impl):
    key = jax.random.key(3, impl=impl)
    assert not threefry.is_known(key)
    wanted = jax.random.uniform(key, (4,), float, -1.0, 1.0)
    np.testing.assert_array_equal(threefry.uniform(key, (4,), float, -1.0, 1.0), wanted)


def test_the_older_threefry_is_left_to_jax():
    with jax.threefry_partitionable(False):
        key = jax.random.key(3)
        assert not threefry.is_known(key)
        wanted = jax.random.uniform(key, (4,), float, 0.0, 1.0)
        np.testing.assert_array_equal(threefry.uniform(key, (4,), float, 0.0, 1.0), wanted)


def test_nothing_is_compiled_for_a_start(compiled):
    jax.clear_caches()
    encoding = AngleEncoding(trainable=True)
    block = [encoding, Rotation("zyz"), Entangler("cz")]
    model = qdl.QNN(3, [Repeat(block, 3), Mirrored(Rotation("y"))])
    key = jax.random.key(0)
    before = len(compiled)
    model.init(key)
    assert compiled[before:] == []
    traced(model.layers, model.wires)
    assert len(compiled) > before  # the count would see them
