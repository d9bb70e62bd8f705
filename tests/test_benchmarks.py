"""The benchmarks measure the same thing everywhere, and report what they measured."""

from functools import cache

import numpy as np
import pytest

from benchmarks import engines, report
from benchmarks.measure import Options, available_cores, measure_row
from benchmarks.process import Process
from benchmarks.worker import flat
from benchmarks.workloads import ROWS, Row, find_row, parse

CORE = available_cores()[0]
MACHINE = {"sgemm_gflops": 100.0, "copy_gbs": {"4 MiB": 90.0}, "empty_call_us": 5.0}


@pytest.mark.parametrize(
    ("name", "peer", "tolerance"),
    [
        ("A(3,2,4)", "pennylane", 1e-10),
        ("B(3,3,5)", "pennylane", 1e-10),
        ("C(4,2,3)", "lightning", 1e-5),  # complex64
        ("A(3,2,4)", "lightning", 1e-5),
        ("B(3,3,5)", "lightning", 1e-5),
        ("A(3,2,4)", "qulacs", 1e-10),
        ("B(3,3,5)", "qulacs", 1e-10),
        ("A(3,2,4)", "tensorcircuit", 1e-10),
    ],
)
def test_peers_agree_with_qdl(name, peer, tolerance):
    if not engines.installed(peer):
        pytest.skip(f"{peer} is not installed")
    loss, gradients = qdl_step(name)
    peer_loss, peer_gradients = engines.load(peer).build(parse(name))()
    assert np.abs(gradients).max() > 0.01
    np.testing.assert_allclose(flat(peer_gradients), gradients, atol=tolerance)
    if loss is not None:
        assert float(peer_loss) == pytest.approx(float(loss), abs=tolerance)


@cache
def qdl_step(name):
    loss, gradients = engines.load("qdl").build(parse(name))()
    return loss, flat(gradients)


def test_a_process_answers_times_and_memory(tmp_path):
    pytest.importorskip("qulacs")
    with Process("qulacs", [CORE]) as process:
        path = tmp_path / "gradients.npy"
        first = process.ask("start", workload="A(3,2,4)", gradients=str(path))
        turn = process.ask("round", seconds=0.01)
        memory = process.ask("memory")
    assert first["dtype"] == "complex128" and first["first_s"] > 0
    assert np.load(path).shape == (2 * 3 * 3,)
    assert turn["steps"] >= 1 and 0 < turn["min_ms"] <= turn["median_ms"]
    assert memory["temp_mib"] is None and memory["peak_mib"] >= 0


def test_a_first_call_past_the_cap_and_a_failure_become_text():
    pytest.importorskip("qulacs")
    with Process("qulacs", [CORE]) as process:
        refused = process.ask("start", workload="C(4,2,3)", gradients="unused")
        assert refused == {"error": "NotImplementedError: qulacs has no parametric IsingXX"}
    with Process("qulacs", [CORE]) as process:
        late = process.ask("start", 0.0, workload="A(3,2,4)", gradients="unused")
        assert late == {"error": "> 0 s"}


@pytest.mark.slow
def test_a_row_is_measured_in_turns(tmp_path):
    row = Row(parse("A(3,2,4)"), ("pennylane", "tensorcircuit"), ratio=1e9)
    options = Options(CORE, rounds=2, seconds=0.05, peers=("pennylane",))
    measured = measure_row(row, options)
    assert set(measured["engines"]) == {"qdl", "pennylane"}
    assert measured["engines"]["pennylane"]["gradient_difference"] < 1e-5
    for result in measured["engines"].values():
        assert len(result["rounds_ms"]) == 2 and result["temp_mib"] > 0


def row_of(qdl, peer, **more):
    both = {"dtype": "complex64", "first_s": 1.0, "packages": {}, "devices": ["cpu"], "min_ms": 1.0}
    engine = {
        "qdl": both | {"rounds_ms": qdl, "step_ms": float(np.median(qdl))},
        "pennylane": both | {"rounds_ms": peer, "step_ms": float(np.median(peer))} | more,
        "qulacs": {"error": "not installed"},
    }
    return {"workload": "A(8,4,64)", "engines": engine}


def results_of(row):
    machine = MACHINE | {"cpu": "a core", "numpy": "2", "python": "3"}
    run = {"when": "today", "load": 0.0, "rounds": 3, "seconds": 1.0}
    return run | {"machine": machine, "rows": {"A8": row}}


def test_ratio_is_the_median_of_turns_that_followed_each_other():
    row = row_of([1.0, 2.0, 1.0], [10.0, 22.0, 9.0])
    assert report.ratio(row, "pennylane", "qdl") == (10.0, 9.0, 11.0)
    assert report.best_peer(row) == "pennylane"


def test_goals_are_met_or_not():
    text = report.render(results_of(row_of([1.0] * 3, [10.0] * 3)))
    assert "| step, A8 = A(8,4,64) | 1.00 ms | 10.0 ms (PennyLane" in text
    assert "| 10.00x (10.00-10.00) | >= 9x | met |" in text
    assert "qulacs, backprop | not installed |" in text and "No GPU was used." in text
    assert "| >= 9x | not met |" in report.render(results_of(row_of([1.0] * 3, [8.0] * 3)))
    capped = row_of([1.0] * 3, [10.0] * 3)
    capped["engines"]["lightning"] = capped["engines"].pop("pennylane")
    capped["engines"]["pennylane"] = {"error": "> 120 s"}
    assert "| >= 9x | pennylane missing |" in report.render(results_of(capped))
    wrong = row_of([1.0] * 3, [10.0] * 3, gradient_difference=1e-3)
    assert "| >= 9x | gradients differ |" in report.render(results_of(wrong))


def test_a_failing_qdl_is_a_line_and_not_a_crash():
    row = row_of([1.0], [10.0])
    row["engines"]["qdl"] = {"error": "ValueError: broken"}
    assert "ValueError: broken" in report.render(results_of(row))


def test_roofline_of_known_sizes():
    # 3 layers x 8 wires x 2^8 x 64 amplitudes x 14 x 3.14 flops at 100 GFlop/s.
    assert report.roofline_ms("A(8,4,64)", MACHINE) == pytest.approx(0.17286, rel=1e-4)
    assert report.roofline_ms("A(4,2,32)", MACHINE) == pytest.approx(0.005)  # an empty call
    # 16 of 20 two-wire blocks, the first four on the product state, 32 flops per amplitude.
    assert report.roofline_ms("C(8,3,128)", MACHINE) == pytest.approx(0.52681, rel=1e-4)


def test_the_table_goes_between_its_markers(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- cpu: begin -->\nold\n<!-- cpu: end -->\nafter\n")
    report.write(r"new \1", "cpu", page)
    assert page.read_text() == "before\n<!-- cpu: begin -->\nnew \\1\n<!-- cpu: end -->\nafter\n"
    with pytest.raises(ValueError, match=r"lacks the lines <!-- cuda: begin --> .* Add them"):
        report.write("new", "cuda", page)


def test_rows_by_name():
    assert find_row("A12") is ROWS["A12"]
    assert find_row("A(5,2,3)").workload == parse("A(5, 2, 3)")
    assert str(parse("B(4,50,200)")) == "B(4,50,200)"
    with pytest.raises(ValueError, match="Unknown row 'A9'. Expected one of A4, .*, growth, or"):
        find_row("A9")
    with pytest.raises(ValueError, match=r"halves its wires at each level. Use C\(8,3,128\)"):
        find_row("C(8,2,128)")
