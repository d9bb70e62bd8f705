"""Small numbers inside of JAX's programs, with which Qiskit's synthesis of gates goes wrong; precision."""

import jax
import numpy as np
import pennylane as qp
import pytest
from scipy.stats import unitary_group

import qdl
from qdl.backends import aer, fake, floats
from qdl.backends.machines import qiskit_place
from qdl.layers import AngleEncoding, Rotation

UNITARIES = [unitary_group.rvs(4, random_state=i) for i in range(8)]
X = np.linspace(-1, 1, 6).reshape(2, 3)


class Fixed(qdl.Layer):
    """Gates of two wires that are matrices, which a machine makes of its own gates."""

    def gates(self, params, x, wires):
        for i, unitary in enumerate(UNITARIES):
            yield qp.QubitUnitary(unitary, wires=[wires[i % 3], wires[(i + 1) % 3]])


def called(function):
    """What a function of the host gives inside of a program."""
    found = []

    def host(x):
        found.append(function())
        return np.asarray(x)

    shape = jax.ShapeDtypeStruct((), np.float32)
    jax.jit(lambda x: jax.pure_callback(host, shape, x))(np.float32(0)).block_until_ready()
    return found[0]


def within():
    with floats.subnormals():
        return floats._flushed()


def test_small_numbers_are_kept_inside_of_programs():
    assert not floats._flushed()
    assert not called(within)
    assert not floats._flushed()


def test_a_platform_without_the_means_refuses(monkeypatch):
    monkeypatch.setattr(floats, "_library", lambda: None)

    def refused():
        with pytest.raises(qdl.Refused, match="takes small numbers for 0"):
            within()
        return True

    if called(floats._flushed):  # as XLA does on x86 and on ARM
        assert called(refused)


@pytest.mark.parametrize("how", ["jit", "vmap"])
def test_gates_are_made_right_inside_of_programs(how):
    model = qdl.QNN(3, [AngleEncoding(), Rotation("yz"), Fixed()])
    params, there = model.init(jax.random.key(0)), model.on(aer())
    qiskit_place._compiled.cache_clear()
    if how == "jit":
        found = jax.jit(lambda x: there.apply(params, x))(X)
    else:
        found = jax.vmap(lambda row: there.apply(params, row))(X)
    np.testing.assert_allclose(found, model.apply(params, X), atol=1e-5)


def test_a_machine_runs_the_same_circuit_inside_of_programs():
    model = qdl.QNN(3, [AngleEncoding(), Rotation("yz"), Fixed()]).on(fake("manila", shots=2000))
    params, key = model.init(jax.random.key(0)), jax.random.key(1)
    found = []
    for how in (jax.jit, lambda f: f):
        qiskit_place._compiled.cache_clear()
        qiskit_place._once.cache_clear()
        found.append(how(lambda x: model.apply(params, x, key))(X))
    np.testing.assert_array_equal(*found)


def test_a_thread_without_float64_is_told():
    """As those of JAX are inside of ``with jax.enable_x64(True)``: it would round, or end in JAX's words."""
    model = qdl.QNN(2, [Rotation("xy")]).on(aer())
    params = model.init(jax.random.key(0))
    compiled = jax.jit(model.apply).lower(params).compile()
    with jax.enable_x64(False), pytest.raises(Exception, match="holds in its own thread alone"):
        jax.block_until_ready(compiled(params))
