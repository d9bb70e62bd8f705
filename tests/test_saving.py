"""Models on disk: every kind comes back, and nothing that was tampered with does."""

import json
import os
import pickle
import stat
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
from catalogue import NOISE, ROWS

import qdl
from qdl.describe import describe, differences
from qdl.files import read, write
from qdl.initializers import beta, gaussian, identity_blocks, small_angle, uniform
from qdl.layers import AngleEncoding, Entangler, Layer, Mirrored, Repeat, Rotation, Template

MODEL = qdl.Hybrid(
    [
        qdl.Dense(4, 3),
        "tanh",
        qdl.QNN(3, Repeat([AngleEncoding(), Rotation("zyz"), Entangler("cz")], 2)),
    ]
)
HERMITIAN = np.array([[1.0, 0.5 - 0.25j], [0.5 + 0.25j, -0.3]])


@dataclass(frozen=True)
class Phases(Layer):
    scale: float = 1.0

    def shape(self, wires):
        return (len(wires),)

    def gates(self, params, x, wires):
        for i, wire in enumerate(wires):
            yield qp.RZ(self.scale * params[i], wires=wire)


def rotate(params, x, wires):
    yield qp.RY(params[0], wires=wires[0])


def saved(folder, model, seed=0):
    params = model.init(jax.random.key(seed))
    qdl.save(folder, model, params)
    return params


def same(one, two):
    assert jax.tree.structure(one) == jax.tree.structure(two)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        assert a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()


def models():
    for name, row in {**ROWS, **NOISE}.items():
        if not (row.slow or name.startswith("template")):
            yield name, qdl.QNN(3, row.layer)
    spins = [Rotation("zyz"), Entangler("cnot")]
    observables = {
        "paulis": qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(2),
        "hamiltonian": qp.Hamiltonian([0.1, -2.0], [qp.Z(0), qp.X(0) @ qp.Y(1)]),
        "difference": qp.Z(0) - qp.Hadamard(1) @ qp.Identity(2),
        "projectors": [qp.Projector([0, 1], [0, 2]), qp.Projector(np.array([0.6, 0.8j]), 1)],
        "matrix": [2.5 * (qp.Hermitian(HERMITIAN, 2) @ qp.Y(0)), qp.Z(1)],
        "nested": qp.sum(qp.s_prod(0.5, qp.sum(qp.X(0), qp.Z(1))), qp.Y(2)),
    }
    for name, observable in observables.items():
        yield name, qdl.QNN(3, spins, qdl.Expval(observable))
    yield "probs", qdl.QNN(3, spins, qdl.Probs([2, 0]))
    for init in (uniform(-1.0, 2.0), small_angle(0.2), gaussian(0.3), beta(2.0, 5.0)):
        yield (
            type(init).__name__,
            qdl.QNN(3, [Rotation("zy", initializer=init), *spins], initializer=gaussian(1)),
        )
    yield "identity", qdl.QNN(3, Mirrored(spins), initializer=identity_blocks(gaussian(0.1)))
    yield "shots", qdl.QNN(3, spins).on(qdl.backends.statevector(shots=100))
    yield "density", qdl.QNN(3, spins).on(qdl.backends.density_matrix())
    yield "hybrid", MODEL
    yield "nested-hybrid", qdl.Hybrid([MODEL, qdl.Dense(3, 2)])
    yield "dense", qdl.Dense(3, 2)


@pytest.mark.parametrize("model", [pytest.param(m, id=name) for name, m in models()])
def test_every_model_comes_back(model, tmp_path):
    params = saved(tmp_path / "m", model)
    again, read_params = qdl.load(tmp_path / "m")
    assert type(again) is type(model) and str(again) == str(model)
    assert not list(differences(describe(again, {}), describe(model, {}), ""))
    if not isinstance(getattr(model, "readout", None), qdl.Expval):
        assert again == model and hash(again) == hash(model)
    same(params, read_params)


def test_observables_come_back_as_the_same_matrices(tmp_path):
    for i, (_, model) in enumerate(m for m in models() if isinstance(m[1], qdl.QNN)):
        if isinstance(model.readout, qdl.Expval):
            saved(tmp_path / str(i), model)
            again = qdl.load(tmp_path / str(i))[0].readout.observables
            for a, b in zip(again, model.readout.observables, strict=True):
                np.testing.assert_array_equal(a.matrix(range(3)), b.matrix(range(3)))


def test_a_loaded_model_computes_the_same(tmp_path):
    params = saved(tmp_path, MODEL)
    model, again = qdl.load(str(tmp_path / "model.json"))
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(model.apply(again, x), MODEL.apply(params, x))


def test_layers_of_ones_own_are_passed(tmp_path):
    model = qdl.QNN(3, [Rotation("y"), Phases(0.5)])
    saved(tmp_path, model)
    assert qdl.load(tmp_path, layers=[Phases])[0] == model
    with pytest.raises(ValueError, match=r"your class Phases: qdl.load\(path, layers=\(Phases,\)"):
        qdl.load(tmp_path)


def test_functions_need_the_model_which_is_compared(tmp_path):
    model = qdl.QNN(3, [Rotation("y"), Template(rotate, (1,))])
    params = saved(tmp_path, model)
    with pytest.raises(ValueError, match=r"layers\[1\].fn = function rotate.*load\(path, model="):
        qdl.load(tmp_path)
    again, read_params = qdl.load(tmp_path, model=model)
    assert again is model
    same(params, read_params)
    other = qdl.QNN(3, [Rotation("x"), Template(rotate, (1,))])
    with pytest.raises(ValueError, match=r"axes: 'y' there, 'x' here\nPass the model that was"):
        qdl.load(tmp_path, model=other)
    with pytest.raises(ValueError, match="fn.function: 'rotate' there"):
        qdl.load(tmp_path, model=qdl.QNN(3, [Rotation("y"), Template(saved, (1,))]))


def test_other_matrices_are_another_model(tmp_path):
    model = qdl.QNN(1, Rotation("y"), qdl.Expval(qp.Hermitian(HERMITIAN, 0)))
    saved(tmp_path, model)
    qdl.load(tmp_path, model=model)
    other = replace(model, readout=qdl.Expval(qp.Hermitian(2 * HERMITIAN, 0)))
    with pytest.raises(ValueError, match="model/0: 'another matrix' there"):
        qdl.load(tmp_path, model=other)


def test_a_device_is_no_part_of_a_file(tmp_path):
    model = qdl.QNN(2, Rotation("y")).on(qp.device("default.qubit"))
    saved(tmp_path, model)
    with pytest.raises(ValueError, match="model.place.device = object DefaultQubit"):
        qdl.load(tmp_path)
    assert qdl.load(tmp_path, model=model)[0] is model


def test_any_model_with_init_and_apply(tmp_path):
    class Slope:
        def init(self, key):
            return (jnp.ones(2), jnp.zeros((), jnp.bfloat16), jnp.ones(3, complex))

        def apply(self, params, x):
            return x @ params[0]

    params = saved(tmp_path, Slope())
    same(params, qdl.load(tmp_path, model=Slope())[1])


# ---- parameters that do not fit


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda p: p[:2], "missing params/2/0/1"),
        (lambda p: [*p[:2], [[*p[2][0][:1], None, None]]], "missing params/2/0/1"),
        (lambda p: [{**p[0], "extra": p[0]["bias"]}, *p[1:]], "too many params/0/extra"),
        (lambda p: [{**p[0], "bias": np.ones(4)}, *p[1:]], r"bias has shape \(4,\), .* \(3,\)"),
        (lambda p: [{**p[0], "bias": np.ones(3, int)}, *p[1:]], "dtype int64, expected float64"),
        (lambda p: [{**p[0], "bias": np.ones(3, complex)}, *p[1:]], "dtype complex128, expected"),
        (lambda p: [{**p[0], "bias": np.array(["a"] * 3)}, *p[1:]], "dtype <U1, expected float64"),
    ],
)
def test_parameters_of_another_model_are_refused_by_leaf(change, text, tmp_path):
    params = change(MODEL.init(jax.random.key(0)))
    with pytest.raises(ValueError, match=text):
        qdl.save(tmp_path / "m", MODEL, params)
    assert not (tmp_path / "m").exists()


def test_float32_is_kept_and_float64_is_not_narrowed_in_silence(tmp_path):
    params = saved(tmp_path, MODEL)
    with jax.enable_x64(False):
        with pytest.warns(RuntimeWarning, match="holds float64, but JAX runs in float32"):
            narrow = qdl.load(tmp_path)[1]
        assert {leaf.dtype for leaf in jax.tree.leaves(narrow)} == {np.dtype("float32")}
        qdl.save(tmp_path, MODEL, narrow)
    same(qdl.load(tmp_path)[1], jax.tree.map(lambda p: p.astype(np.float32), params))


# ---- untrusted files


def reseal(folder, change):
    """What somebody can do who knows the format: change anything and hash it again."""
    paths = folder / "model.json", folder / "params.safetensors"
    arrays, notes = read(paths[0], "model", paths[1])
    change(arrays, notes)
    write(paths[0], arrays, notes, "model", paths[1])


def test_every_changed_byte_is_refused(tmp_path):
    """Each bit of some bytes everywhere, and every truncation of those."""
    saved(tmp_path, MODEL)
    rng = np.random.default_rng(0)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        places = {0, 1, 8, len(whole) - 1, *rng.integers(0, len(whole), 60).tolist()}
        for place in places:
            for mask in (1, 1 << int(rng.integers(1, 8)), 255):
                changed = bytearray(whole)
                changed[place] ^= mask
                path.write_bytes(changed)
                with pytest.raises(ValueError):
                    qdl.load(tmp_path)
            path.write_bytes(whole[:place])
            with pytest.raises(ValueError):
                qdl.load(tmp_path)
            path.write_bytes(whole[:place] + b" " + whole[place:])
            with pytest.raises(ValueError):
                qdl.load(tmp_path)
        path.write_bytes(whole)
    qdl.load(tmp_path)


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


@pytest.mark.parametrize("name", ["params.safetensors", "model.json"])
def test_a_pickle_is_refused_and_never_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "m", MODEL)
    (tmp_path / "m" / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="truncated or another file|is no model of qdl"):
        qdl.load(tmp_path / "m")
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises((ValueError, OSError), match="is a file, expected the folder"):
        qdl.load(tmp_path / "evil.safetensors")
    assert not (tmp_path / "exploded").exists()


def with_numbers(folder, data):
    """Files that belong together, with these bytes as the numbers."""
    from hashlib import sha256

    path = folder / "model.json"
    document = json.loads(path.read_text())
    document["numbers"] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    document["sha256"] = ""
    text = json.dumps(document, indent=1) + "\n"
    document["sha256"] = sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document, indent=1) + "\n")
    (folder / "params.safetensors").write_bytes(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (pickle.dumps(Bomb()), "announces a header of|no safetensors file"),
        ((2**60).to_bytes(8, "little") + b"{}", "announces a header of 1152921504606846976 bytes"),
        ((2**26).to_bytes(8, "little") + b"{}" + b" " * 2**26, "announces a header of 67108864"),
        (b"", "no safetensors file of qdl"),
        (qdl.__name__.encode() * 100, "announces a header"),
    ],
    ids=["pickle", "absurd header", "large header", "empty", "text"],
)
def test_numbers_that_hash_well_but_are_none(data, text, tmp_path):
    saved(tmp_path, MODEL)
    with_numbers(tmp_path, data)
    with pytest.raises(ValueError, match=text):
        qdl.load(tmp_path)


def set_model(value):
    return lambda arrays, notes: notes.update(model=value)


NESTED = {"class": "Dense", "fields": {"n_in": 2, "n_out": 2}}
for _ in range(30):
    NESTED = {"class": "Hybrid", "fields": {"stages": [NESTED]}}


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "os.system",
        [],
        {},
        {"class": "os.system", "fields": {}},
        {"class": "Layer", "fields": {}},
        {"class": "../QNN", "fields": {}},
        {"class": "Dense", "fields": {"n_in": 10**30, "n_out": 10**30}},
        {"class": "Dense", "fields": {"n_in": 4}},
        {"class": "Dense", "fields": {"n_in": 4, "n_out": 3, "more": 1}},
        {"class": "Dense", "fields": [4, 3]},
        {"class": "QNN", "fields": {"n_wires": 10**9, "layers": []}},
        {"operator": "eval", "wires": [0]},
        {"operator": "Hermitian", "numbers": {"array": "/etc/passwd"}, "wires": [0]},
        {"own class": "Phases", "fields": {}},
        {"function": "os.system"},
        NESTED,
    ],
    ids=str,
)
def test_descriptions_that_mean_no_model(value, tmp_path):
    saved(tmp_path, MODEL)
    reseal(tmp_path, set_model(value))
    with pytest.raises(ValueError):
        qdl.load(tmp_path)


def test_no_name_in_a_file_is_a_path(tmp_path):
    """`..` and absolute names of arrays stay names: nothing outside is read or written."""
    saved(tmp_path / "m", MODEL)
    for name in ("../params", "/etc/passwd", "params/../../x"):
        reseal(tmp_path / "m", lambda arrays, notes, name=name: arrays.update({name: np.ones(1)}))
        if name.startswith("params"):
            with pytest.raises(ValueError, match="too many params/../../x"):
                qdl.load(tmp_path / "m")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [
        "model.json",
        "params.safetensors",
    ]


def test_a_newer_format_is_named(tmp_path):
    saved(tmp_path, MODEL)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(
        ValueError, match="format version 2, but this qdl reads up to 1.*Update qdl"
    ):
        qdl.load(tmp_path)


def test_endless_nesting_is_refused(tmp_path):
    saved(tmp_path, MODEL)
    (tmp_path / "model.json").write_text("[" * 10**6)
    with pytest.raises(ValueError, match="is no model of qdl"):
        qdl.load(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="Give the place where a model was saved"):
        qdl.load(tmp_path / "nothing")
    saved(tmp_path, MODEL)
    (tmp_path / "params.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="params.safetensors is missing"):
        qdl.load(tmp_path)


def test_a_full_disk_leaves_what_was_saved(tmp_path, monkeypatch):
    params = saved(tmp_path, MODEL)
    real = os.fsync

    def full(number):
        if stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(28, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*No space left.*Free some space"):
        saved(tmp_path, MODEL, seed=1)
    same(qdl.load(tmp_path)[1], params)
    assert len(list(tmp_path.iterdir())) == 2


def test_optimizer_states_are_trees_too():
    """The helpers keep any leaf, typed keys included."""
    from qdl.training.trees import from_arrays, to_arrays

    state = {"key": jax.random.key(3), "adam": optax.adam(0.1).init(jnp.ones(3))}
    again = from_arrays(state, to_arrays(state, "s"), "s")
    assert again["key"].dtype == state["key"].dtype
    assert jax.random.uniform(again["key"]) == jax.random.uniform(state["key"])
    with pytest.raises(ValueError, match="two leaves would be called 's/a/b'"):
        to_arrays({"a": {"b": 1.0}, "a/b": 2.0}, "s")


def test_models_come_back_on_their_machines(tmp_path):
    from qiskit_aer.noise import NoiseModel, depolarizing_error

    model = qdl.models.hardware_efficient(3, depth=1)
    params = model.init(jax.random.key(0))
    places = [
        qdl.backends.aer(method="matrix_product_state", shots=100),
        qdl.backends.aer(noise="fake_manila", shots=20, gradient="spsa"),
        qdl.backends.fake("manila", shots=10, max_batch=3),
        qdl.backends.IBM(4000, name="torino", mode="batch", twirling=(("enable_gates", True),)),
    ]
    for i, place in enumerate(places):
        qdl.save(tmp_path / str(i), model.on(place), params)
        again, _ = qdl.load(tmp_path / str(i))
        assert again == model.on(place)
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cz"])
    noisy = model.on(qdl.backends.aer(noise=noise, shots=10))
    qdl.save(tmp_path / "noisy", noisy, params)
    with pytest.raises(ValueError, match="only the hash of a noise model is saved"):
        qdl.load(tmp_path / "noisy")
    assert qdl.load(tmp_path / "noisy", model=noisy)[0] is noisy
    with pytest.raises(ValueError, match="holds another model"):
        qdl.load(tmp_path / "noisy", model=model.on(places[0]))


@dataclass(frozen=True)
class Inside(Layer):
    def gates(self, params, x, wires):
        yield qp.Hadamard(wires[0])


@dataclass(frozen=True)
class Outside(Layer):
    inner: Layer = Inside()

    def gates(self, params, x, wires):
        yield from self.inner.gates(params, x, wires)


def test_all_classes_of_the_users_that_are_missing_are_named_at_once(tmp_path, key):
    model = qdl.QNN(1, [Outside(), Rotation()])
    qdl.save(tmp_path, model, model.init(key))
    with pytest.raises(ValueError, match=r"classes Inside, Outside: .*layers=\(Inside, Outside\)"):
        qdl.load(tmp_path)
    with pytest.raises(ValueError, match=r"your class Inside: .*layers=\(Outside, Inside\)"):
        qdl.load(tmp_path, layers=(Outside,))
    assert qdl.load(tmp_path, layers=(Outside, Inside))[0] == model
