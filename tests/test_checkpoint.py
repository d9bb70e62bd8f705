"""The files themselves, as any trainer uses them, and the examples of their modules."""

import doctest
import importlib

import numpy as np
import pytest

from qdl.training.checkpoint import Checkpoints, read, write

ARRAYS = {
    "numbers": np.arange(6.0).reshape(2, 3).T,  # not contiguous
    "one": np.float32(0.1),
    "none": np.zeros((0, 3)),
    "flags": np.array([True, False]),
    "complex": np.array([[1 + 2j]]),
    "seeds": np.array([2**64 - 1], np.uint64),
}


def test_arrays_and_notes_come_back(tmp_path):
    notes = {"loss": 0.1 + 0.2, "text": "π", "none": None, "nested": [{"a": [1, 2]}]}
    write(tmp_path / "a.json", ARRAYS, notes, "test")
    arrays, again = read(tmp_path / "a.json", "test")
    assert again == notes and arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


def test_what_a_file_is_must_be_asked_for_right(tmp_path):
    write(tmp_path / "a.json", {}, {}, "checkpoint")
    with pytest.raises(ValueError, match="a.json is no model of qdl"):
        read(tmp_path / "a.json", "model")
    with pytest.raises(TypeError, match="names has dtype <U1, which cannot be saved. Use one of"):
        write(tmp_path / "b.json", {"names": np.array(["a"])}, {}, "test")
    assert not (tmp_path / "b.json").exists()


def test_a_future_given_up_is_removed_with_what_a_kill_left(tmp_path):
    place = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        place.save(step, {"a": np.ones(step)}, {})
    (tmp_path / "step-00000004.safetensors").write_bytes(b"torn")
    (tmp_path / "step-00000005.safetensors.tmp").write_bytes(b"half")
    (tmp_path / "step-00000006.safetensors").write_bytes(b"without its JSON file")
    with pytest.warns(RuntimeWarning, match="step-00000004.*Trying the one before it"):
        assert place.newest().step == 3
    place.save(3, {"a": np.ones(3)}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-00000003.json", "step-00000003.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["describe", "saving", "training.checkpoint", "training.interrupt", "training.loop"]
)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"qdl.{name}"))
    assert result.failed == 0 and result.attempted > 0
