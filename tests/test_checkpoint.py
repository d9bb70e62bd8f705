"""The files themselves, as any trainer uses them, and the examples of their modules."""

import doctest
import importlib
import os

import numpy as np
import pytest

from qdl.files import Checkpoints, read, read_json, read_lines, replace, write, write_json

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


def test_what_is_no_json_of_qdl_is_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(FileNotFoundError, match="a.json. Give the place where a run was saved"):
        read_json(path, "run")
    for content in (b"", b"[1]", b"\xff{}", b"[" * 10**5, b'{"steps": 3'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.json is no run of qdl, or it is damaged: use a w"):
            read_json(path, "run")
    write_json(path, {"version": 2})
    with pytest.raises(ValueError, match="format version 2, but this qdl reads up to 1"):
        read_json(path, "run")


def test_lines_that_are_not_whole_yet_are_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 1}\n\n{"step": 2}\n{"ste')
    assert read_lines(path) == [{"step": 1}, {"step": 2}]
    path.write_text('{"step": 1}\n{"ste\n')
    with pytest.raises(ValueError, match="a.jsonl is damaged: .*Restore it from a copy"):
        read_lines(path)


def test_two_processes_that_write_one_file_share_no_temporary_one(tmp_path, monkeypatch):
    path, fsync = tmp_path / "a.json", os.fsync

    def meanwhile(number):  # another process writes all of it between our write and our rename
        monkeypatch.setattr(os, "fsync", fsync)
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: -1)
            replace({path: b"theirs, which is longer"})
        fsync(number)

    monkeypatch.setattr(os, "fsync", meanwhile)
    replace({path: b"ours"})
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.json", b"ours")]


FILES = [
    "arguments",
    "ising.base",
    *(f"files.{name}" for name in ("checkpoints", "hashes", "plain", "whole")),
]


@pytest.mark.parametrize(
    "name", ["describe", "saving.folder", *FILES, "training.interrupt", "training.loop"]
)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"qdl.{name}"))
    assert result.failed == 0 and result.attempted > 0
