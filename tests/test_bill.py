"""The bill on the command line: prices, budgets, the ledger, and what a run leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import qdl
from qdl.backends import BudgetError, estimate
from qdl.backends.machines.ledger import Ledger
from qdl.cli import app
from qdl.commands.bill import priced
from qdl.commands.configuration import TrainConfig
from qdl.files import Checkpoints

SMALL = (
    "--dataset iris --classes 0,1 --features 2 --model data_reuploading --depth 1 --batch-size 4"
)


@pytest.fixture
def qdl_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda words: CliRunner().invoke(app, words.split())


def refused(result):
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    return line


@pytest.fixture
def ledger(tmp_path):
    """Two jobs that are done, one that waits, one that may have been sent, one that was lost."""
    ledger = Ledger(tmp_path / "qdl-jobs")
    with ledger.locked():
        ledger.write("qdl-a", "job-1", "done", 10.0, "ibm_torino")
        ledger.write("qdl-b", "job-2", "lost", 1.5, "ibm_torino")
        ledger.write("qdl-b", "job-3", "done", 2.0, "ibm_torino")
        ledger.write("qdl-c", "job-4", "sent", 4.0, "ibm_manila")
        ledger.write("qdl-d", "sending-5", "sending", 0.5, "ibm_manila")
    return ledger


def test_jobs_shows_what_was_sent_and_what_it_cost(qdl_command, ledger):
    result = qdl_command("jobs")
    assert result.exit_code == 0, result.output
    for word in ("job-1", "job-2", "job-3", "job-4", "sending-5", "ibm_torino", "lost"):
        assert word in result.output
    said = "5 jobs, 18.0 QPU seconds: 12.0 of jobs that are done, 4.5 of 2 outstanding, 1.5 of lost"
    assert said in result.output
    assert "by the same call with the same key: it is not sent again" in result.output


def test_jobs_as_json_adds_up_to_the_ledger(qdl_command, ledger):
    found = json.loads(qdl_command("jobs --json --price-per-second 1.5").output)
    assert found["seconds"] == {"all": 18.0, "sending": 0.5, "sent": 4.0, "done": 12.0, "lost": 1.5}
    assert found["seconds"]["all"] == ledger.seconds()
    assert (found["outstanding"], found["price"]) == (2, 27.0)
    assert {job["job"] for job in found["jobs"] if job["tag"] == "qdl-b"} == {"job-2", "job-3"}


def test_jobs_of_nowhere_and_of_a_damaged_ledger(qdl_command, ledger, tmp_path):
    assert "no ledger nowhere: no job was sent from here" in refused(qdl_command("jobs nowhere"))
    (tmp_path / "qdl-jobs" / "qdl-a.json").write_text('{"jobs": {"job-1": {"state": "paid"}}}')
    assert "qdl-a.json" in refused(qdl_command("jobs"))
    assert not (tmp_path / "nowhere").exists()


def test_cost_in_hours_and_money_as_json(qdl_command, tmp_path):
    words = (
        "cost --features 2 --depth 1 --place fake_manila --batch-size 4 --steps 100 --shots 1000"
    )
    found = json.loads(qdl_command(f"{words} --json --price-per-second 1.6").output)
    model = qdl.models.data_reuploading(2, 1)
    one = estimate(model, qdl.backends.fake("manila", shots=1000), batch_size=4, steps=100)
    assert (found["jobs"], found["circuits"]) == (one.jobs, one.circuits)
    assert found["qpu_hours"] == pytest.approx(found["qpu_seconds"] / 3600)
    assert found["price"] == pytest.approx(1.6 * found["qpu_seconds"])
    assert found["fidelity"] == pytest.approx(found["gate_fidelity"] * found["readout_fidelity"])
    folder = tmp_path / found.pop("folder")
    assert folder == tmp_path / "runs" / "cost-data_reuploading"
    assert json.loads((folder / "cost.json").read_text()) == found
    assert json.loads((folder / "config.json").read_text())["place"] == "fake_manila"
    assert "--price-per-second" in qdl_command(f"{words} --price-per-second -1").stderr
    assert len(list(folder.parent.iterdir())) == 1


def test_a_training_is_priced_and_refused_before_a_folder_is_made(qdl_command, tmp_path):
    line = refused(qdl_command(f"train {SMALL} --place fake_manila --steps 9 --max-qpu-seconds 60"))
    assert "QPU seconds (0." in line and "max_qpu_seconds is 60. Nothing was run." in line
    assert "gradient = spsa (" in line
    assert "shots = 10 is for a machine" in refused(qdl_command(f"train {SMALL} --shots 10"))
    assert "place = 'classical'" in refused(
        qdl_command(f"train {SMALL} --place classical --gradient spsa")
    )
    for more in ("--max-qpu-seconds 0", "--gradient adjoint", "--shots 0", "--place fake_nowhere"):
        refused(qdl_command(f"train {SMALL} --place fake_manila {more}"))
    assert not (tmp_path / "runs").exists()


def test_what_a_training_cost_is_what_it_was_priced(qdl_command, tmp_path):
    words = f"train {SMALL} --place fake_manila --gradient spsa --shots 50 --steps"
    result = qdl_command(f"{words} 2 --max-qpu-seconds 100")
    assert result.exit_code == 0, result.output
    assert "fake_manila: 8 jobs, " in result.output  # two steps, two looks, the last one: in parts
    (folder,) = (tmp_path / "runs").iterdir()
    last = json.loads((folder / "summary.jsonl").read_text().splitlines()[-1])
    assert f"a QPU would take {last['qpu_seconds']:,.1f} s" in result.output
    assert f"2 steps: about {last['qpu_seconds']:,.1f} s of a QPU in all" in result.output
    assert json.loads((folder / "config.json").read_text())["max_qpu_seconds"] == 100
    line = refused(qdl_command(f"train --resume {folder} --steps 9 --max-qpu-seconds 5"))
    assert "max_qpu_seconds is 5. Nothing was run." in line
    for none in ("--steps 9 --max-qpu-seconds 0", "--steps 9 --max-qpu-seconds nan"):
        line = refused(qdl_command(f"train --resume {folder} {none}"))
        assert "max_qpu_seconds must be positive" in line
    assert "got steps = 0" in refused(qdl_command(f"train --resume {folder} --steps 0"))
    assert "was trained with shots = 50, got 60" in refused(
        qdl_command(f"train --resume {folder} --shots 60")
    )


def test_a_run_resumed_for_more_steps_cost_what_both_parts_were_priced(qdl_command, tmp_path):
    """Of 20 steps each is validated, of 40 every second one."""
    words = f"train {SMALL} --place fake_manila --gradient spsa --shots 10 --steps 20"
    first = qdl_command(words).output
    (folder,) = (tmp_path / "runs").iterdir()
    least = float(re.search(r"would take ([\d.]+) s", first)[1])
    budget = (
        f"train --resume {folder} --steps 40 --max-qpu-seconds {1.3 * least}"  # for what is left
    )
    assert "of which 20 of 40 steps are done, max_qpu_seconds is" in refused(qdl_command(budget))
    more = qdl_command(f"train --resume {folder} --steps 40").output
    priced_at = [float(re.search(r"would take ([\d.]+) s", o)[1]) for o in (first, more)]
    said = float(re.search(r"40 steps: about ([\d.]+) s", more)[1])
    look = float(re.search(r"20 steps: about ([\d.]+) s", first)[1]) / 20
    assert priced_at[0] + priced_at[1] - look < said < sum(priced_at)


def test_a_batch_of_more_rows_than_there_are_is_priced_as_all_of_them(qdl_command):
    words = f"train {SMALL} --place fake_manila --steps 2 --max-qpu-seconds 1 --batch-size"
    seconds = [
        float(re.search(r"about ([\d,.]+) QPU", refused(qdl_command(f"{words} {rows}")))[1])
        for rows in (75, 5000)
    ]
    assert seconds[0] == seconds[1]


def test_the_price_is_of_what_is_left_and_of_every_seed():
    model = qdl.models.data_reuploading(2, 1).on(qdl.backends.fake("manila", shots=10))
    config = TrainConfig(place="fake_manila", steps=40, batch_size=4)
    whole, rest = (priced(config, model, 5, done).steps for done in (0, 30))
    assert (whole, rest) == (40, 10)
    three = TrainConfig(place="fake_manila", steps=40, batch_size=4, seeds=3)
    assert priced(three, model, 5).jobs == 3 * priced(config, model, 5).jobs
    tight = TrainConfig(place="fake_manila", steps=40, batch_size=4, max_qpu_seconds=1)
    with pytest.raises(BudgetError, match="max_qpu_seconds is 1"):
        priced(tight, model, 5)
    assert priced(TrainConfig(), qdl.models.data_reuploading(2, 1), 5) is None


def test_variance_and_quiet_leave_the_folder_and_its_name(qdl_command, tmp_path):
    result = qdl_command("variance hardware_efficient --widths 2,3 --depth 1 -q --plot a.png")
    assert result.exit_code == 0, result.output
    assert result.output == "runs/variance-hardware_efficient\n"
    folder = tmp_path / "runs" / "variance-hardware_efficient"
    assert {p.name for p in folder.iterdir()} == {"config.json", "variance.json", "variance.png"}
    assert (tmp_path / "a.png").read_bytes() == (folder / "variance.png").read_bytes()
    assert json.loads((folder / "config.json").read_text())["widths"] == "2,3"
    assert "a.png is a folder" in refused(_with_folder(qdl_command, tmp_path))
    assert len(list((tmp_path / "runs").iterdir())) == 1
    result = qdl_command(f"train {SMALL} --steps 2 -q --progress lines")
    assert result.output == "runs/iris-data_reuploading\n"


def _with_folder(qdl_command, tmp_path):
    (tmp_path / "b" / "a.png").mkdir(parents=True)
    return qdl_command("variance hardware_efficient --widths 2 --depth 1 --plot b/a.png")


def test_progress_in_lines_is_for_logs(qdl_command):
    result = qdl_command(f"train {SMALL} --steps 3 --progress lines")
    assert "step 3/3  loss " in result.stderr
    assert "step 3/3" not in qdl_command(f"train {SMALL} --steps 3 --progress off").stderr
    for quiet in ("", "-q"):
        result = qdl_command(f"train {SMALL} --steps 3 --progress loud {quiet}")
        assert (
            result.exit_code == 2 and "'loud' is not one of 'auto', 'lines', 'off'" in result.stderr
        )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_the_exit_status_and_the_checkpoint_is_whole(number, status, tmp_path):
    # Started in the background, as tests may be, a process ignores Ctrl-C.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code += "; from qdl.cli import app; app()"
    command = [sys.executable, "-c", code, "train", *SMALL.split()]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen(
        [*command, "--steps", "1000000", "--out", "a", "-q"], cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    checkpoints = Checkpoints(tmp_path / "a" / "checkpoints")
    begun = time.monotonic()
    while max(checkpoints.steps(), default=0) < 100 and process.poll() is None:
        assert time.monotonic() - begun < 300
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    assert "Traceback" not in err
    step = checkpoints.newest().step
    lines = Path(tmp_path / "a" / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line).get("step") for line in lines]
    assert steps[step - 1] == step and max(filter(None, steps)) == step


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cuda", r"JAX chooses the hardware, no place does; here it has .*jax\[cuda12\]"),
        ("cuda:1", "jax.default_device"),
        ("lightning.qubit", r"Use pennylane.device\('lightning.qubit'\)"),
        ("torino", r"not a name; got 'torino'.*qdl.backends.fake\('torino'\)"),
    ],
)
def test_a_name_is_no_place(name, said):
    with pytest.raises(TypeError, match=said):
        qdl.models.qcnn(2).on(name)


PAGE = Path(__file__).parent.parent / "docs" / "bill.md"
WIDE = {**os.environ, "COLUMNS": "200", "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "utf-8"}


def test_the_evening_with_the_bill_happens_as_the_page_says(tmp_path):
    """Its commands one after another; the second training is killed half-way."""
    text = PAGE.read_text(encoding="utf-8")
    pairs = re.findall(r"^```sh\n(qdl .*?)\n```\n\n```console\n(.*?)```$", text, re.M | re.S)
    words = [pair[0].split() for pair in pairs]
    assert [each[1] for each in words] == ["cost", "train", "train", "train"]
    command = [sys.executable, "-c", "from qdl.cli import app; app()"]
    for (line, shown), each in zip(pairs, words, strict=True):
        run = subprocess.Popen(
            [*command, *each[1:]], cwd=tmp_path, env=WIDE, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        if "--out evening" in line:
            checkpoints = Checkpoints(tmp_path / "evening" / "checkpoints")
            while max(checkpoints.steps(), default=0) < 8 and run.poll() is None:
                time.sleep(0.02)
            run.kill()
        said = "".join(run.communicate(timeout=600))
        for part in shown.splitlines():
            assert part.strip() in said, line
        if "--out evening" in line:
            assert run.returncode == -signal.SIGKILL and 8 <= checkpoints.newest().step < 30
    last = json.loads((tmp_path / "evening" / "summary.jsonl").read_text().splitlines()[-1])
    assert last["steps"] == 30 and last["test_accuracy"] > 0.8
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["cost-data_reuploading"]
