"""Power loss: a training process killed at random moments ends as if it had never stopped."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed_run import EVERY

from qdl.files import Checkpoints

SCRIPT = Path(__file__).with_name("killed_run.py")
STEPS, MANY = 300, 1000
WALL_CLOCK = {"history/step_time"}


def start(folder, model, steps, moment=""):
    command = [sys.executable, str(SCRIPT), str(folder), model, str(steps), moment]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def newest(folder):
    return max(Checkpoints(folder / "checkpoints").steps(), default=-1)


def began(process):
    """The step that a process that is over went on from."""
    out, _ = process.communicate(timeout=600)
    return int(out.split("begins at ")[1].split()[0])


def kill_later(process, folder, rng, beyond):
    """Wait for a checkpoint after ``beyond``, then kill at a random moment. True if it was alive."""
    while process.poll() is None and newest(folder) <= beyond:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 6 * EVERY * 0.003))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def run_to_the_end(folder, model, steps):
    process = start(folder, model, steps)
    step = began(process)
    assert process.returncode == 0
    return step


def check_same(folder, whole, steps):
    """Every byte of the last checkpoints but wall-clock times, and each step once."""
    one, two = (Checkpoints(f / "checkpoints").newest() for f in (folder, whole))
    assert one.step == two.step == steps and one.notes == two.notes
    assert one.arrays.keys() == two.arrays.keys()
    assert {"state/params/w", "state/params/0/weight"} & one.arrays.keys()
    assert sum(name.startswith("state/opt_state/") for name in one.arrays) > 5
    assert len(one.arrays["history/loss"]) == steps and len(one.arrays["history/val_loss"]) > 19
    for name in one.arrays.keys() - WALL_CLOCK:
        assert one.arrays[name].tobytes() == two.arrays[name].tobytes(), name
        assert one.arrays[name].dtype == two.arrays[name].dtype
    rows = [
        [json.loads(line) for line in (f / "metrics.jsonl").read_text().splitlines()]
        for f in (folder, whole)
    ]
    assert [row["step"] for row in rows[0]] == list(range(1, steps + 1))
    for row in rows[0] + rows[1]:
        del row["step_time"]
    assert rows[0] == rows[1]
    assert not list(folder.rglob("*.tmp"))
    assert len(list((folder / "checkpoints").glob("step-*"))) == 6


def test_killed_between_and_inside_writes(tmp_path):
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    other = start(whole, "tiny", STEPS)
    first = start(folder, "tiny", STEPS, "first")
    assert began(first) == 0 and first.returncode == -signal.SIGKILL and newest(folder) == -1
    for moment in ("write", "rename"):
        before = max(newest(folder), 0)
        process = start(folder, "tiny", STEPS, moment)
        assert began(process) == before and process.returncode == -signal.SIGKILL
        assert newest(folder) >= before + 9 * EVERY  # and the eleven before it are whole
    assert list(folder.rglob("*.tmp"))  # what the kill left, and the next run clears away
    assert run_to_the_end(folder, "tiny", STEPS) >= 18 * EVERY
    assert began(other) == 0
    check_same(folder, whole, STEPS)
    assert run_to_the_end(folder, "tiny", STEPS) == STEPS  # a finished run ends at once
    check_same(folder, whole, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny", "circuit"])
def test_killed_twenty_times_at_random(model, tmp_path):
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    rng, begins, kills = random.Random(0), [], 0
    assert run_to_the_end(whole, model, MANY) == 0
    while kills < 20:
        before = newest(folder)
        process = start(folder, model, MANY)
        assert kill_later(process, folder, rng, beyond=max(before, 0)), "it ended before the kill"
        begins.append(began(process))
        kills += 1
        torn = rng.random() < 0.3 and newest(folder) > 2 * EVERY
        if torn:  # and sometimes the disk, too, spoils the newest file
            path = folder / "checkpoints" / f"step-{newest(folder):08d}.safetensors"
            path.write_bytes(path.read_bytes()[: rng.randrange(1000)])
    last = run_to_the_end(folder, model, MANY)
    assert all(step > 0 for step in [*begins[1:], last]), begins
    print("went on from", [*begins, last])
    check_same(folder, whole, MANY)
