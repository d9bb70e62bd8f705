"""From measured rows to Markdown: the goals, every engine, the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from .engines import TITLES
from .measure import TOLERANCE
from .workloads import FIRST_CALL, ROWS, TWO_CORES, find_row, model_bytes, model_flops, parse

README = Path(__file__).resolve().parent / "README.md"
Results = dict[str, Any]  # {"rows": {name: measured}, "machine": ..., "when": ..., ...}


def render(results: Results) -> str:
    """The whole report between the markers of README.md."""
    parts = ["### Goals", _goals(results), "### Every engine", _engines(results)]
    return "\n\n".join([_conditions(results), *parts])


def write(text: str, platform: str, readme: Path = README) -> None:
    """Replace what is between the markers of that platform; the rest stays as it is."""
    begin, end = f"<!-- {platform}: begin -->", f"<!-- {platform}: end -->"
    page = readme.read_text()
    if begin not in page or end not in page:
        raise ValueError(f"{readme} lacks the lines {begin} and {end}. Add them.")
    pattern = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    readme.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page))


def ratio(row: dict[str, Any], over: str, under: str) -> tuple[float, float, float]:
    """Median, smallest and largest over the rounds of one engine's step time over another's."""
    engines = row["engines"]
    pairs = zip(engines[over]["rounds_ms"], engines[under]["rounds_ms"], strict=True)
    ratios = [a / b for a, b in pairs]
    return median(ratios), min(ratios), max(ratios)


def best_peer(row: dict[str, Any]) -> str | None:
    """The peer with the shortest step; None if none finished."""
    peers = {k: v for k, v in row["engines"].items() if not k.startswith("qdl") and _ok(v)}
    return min(peers, key=lambda name: peers[name]["step_ms"], default=None)


def _ok(result: dict[str, Any]) -> bool:
    return "error" not in result and "step_ms" in result


def _conditions(results: Results) -> str:
    machine = results["machine"]
    copies = ", ".join(f"{rate:.0f} GB/s ({size})" for size, rate in machine["copy_gbs"].items())
    packages: dict[str, str] = {}
    for row in results["rows"].values():
        for result in row["engines"].values():
            packages |= result.get("packages", {})
    packages |= {"numpy": machine["numpy"], "Python": machine["python"]}
    versions = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
    return "\n".join([
        f"- {results['when']}, {machine['cpu']}, one thread pinned to one core where not said "
        f"otherwise; load average at the start {results['load']:.2f}.",
        f"- {_devices(results)}",
        f"- One core, measured with numpy: sgemm {machine['sgemm_gflops']:.0f} GFlop/s; copy, read "
        f"and written, {copies}; an empty jitted call {machine['empty_call_us']:.1f} us.",
        f"- {versions}.",
        f"- {results['rounds']} rounds of {results['seconds']:g} s in turn; medians; a ratio is "
        "the median over the rounds, its range in brackets.",
    ])  # fmt: skip


def _devices(results: Results) -> str:
    seen = set()
    for row in results["rows"].values():
        seen |= set(row["engines"]["qdl"].get("devices", ()))
    graphics = sorted(device for device in seen if device.lower() != "cpu")
    return f"Run on {', '.join(graphics)}." if graphics else "No GPU was used."


def _goals(results: Results) -> str:
    head = ["goal", "qdl", "peer", "measured", "wanted", "met"]
    lines = []
    for make in (_steps, _depth, _first_calls, _memory, _two_cores):
        lines += list(make(results["rows"]))
    return _table(head, lines)


def _steps(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, row in rows.items():
        engines, wanted, peer = row["engines"], find_row(name).ratio, best_peer(row)
        title = f"step, {_title(name, row)}"
        if find_row(name).step_ms:
            continue
        if not _ok(engines["qdl"]) or peer is None:
            yield [title, _step(engines["qdl"]), _missing(row), "", _at_least(wanted), ""]
            continue
        value, low, high = ratio(row, peer, "qdl")
        peer_text = f"{_step(engines[peer])} ({TITLES[peer]})"
        measured = f"{value:.2f}x ({low:.2f}-{high:.2f})"
        met = _met(value, wanted, float.__ge__)
        if wanted and not _ok(engines.get(find_row(name).peers[0], {})):
            met = f"{find_row(name).peers[0]} missing"
        if (engines[peer].get("gradient_difference") or 0) > TOLERANCE:
            met = "gradients differ"
        yield [title, _step(engines["qdl"]), peer_text, measured, _at_least(wanted), met]


def _depth(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, row in rows.items():
        wanted, qdl = find_row(name).step_ms, row["engines"]["qdl"]
        if wanted and _ok(qdl):
            title, peers = _title(name, row), _missing(row)
            step, first = qdl["step_ms"], qdl["first_s"]
            yield [f"step, {title}", _step(qdl), peers, _step(qdl), f"<= {wanted} ms",
                   _met(step, wanted, float.__le__)]  # fmt: skip
            yield [f"first call, {title}", f"{first:.1f} s", peers, f"{first:.1f} s", "<= 5 s",
                   _met(first, 5, float.__le__)]  # fmt: skip
            if row.get("deeper_mib") is not None and qdl.get("temp_mib") is not None:
                more = row["deeper_mib"] - qdl["temp_mib"]
                temp = f"{qdl['temp_mib']:.1f} MiB"
                yield [f"temporary memory for 100 layers more, {title}", temp, "",
                       f"{more:+.2f} MiB", "< 2 MiB", _met(more, 2, float.__lt__)]  # fmt: skip


def _first_calls(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, row in rows.items():
        qdl, peer = row["engines"]["qdl"], row["engines"].get("pennylane", {})
        if name not in ROWS or parse(row["workload"]).kind == "B" or not _ok(qdl):
            continue
        if find_row(name).step_ms:
            continue
        mine, title = qdl["first_s"], f"first call, {_title(name, row)}"
        measured, wanted, met = "", "<= 5 s", _met(mine, 5, float.__le__)
        theirs = f"{peer['first_s']:.1f} s" if _ok(peer) else peer.get("error", "")
        capped = re.fullmatch(r"> (\d+) s", theirs)
        bound = peer["first_s"] if _ok(peer) else float(capped[1]) if capped else None
        if bound is not None and name in FIRST_CALL:
            wanted = ">= 5x, <= 5 s"
            measured = f"{'> ' if capped else ''}{bound / mine:.1f}x"
            met = "met" if bound >= 5 * mine and mine <= 5 else "not met"
        yield [title, f"{mine:.1f} s", theirs and f"{theirs} (PennyLane)", measured, wanted, met]


def _memory(rows: dict[str, Any]) -> Iterator[list[str]]:
    engines = rows.get("A20", {}).get("engines", {})
    qdl, peer = engines.get("qdl", {}), engines.get("lightning", {})
    if qdl.get("temp_mib") is not None and peer.get("peak_mib"):
        value = qdl["temp_mib"] / peer["peak_mib"]
        yield ["temporary memory, A(20,4,1)", f"{qdl['temp_mib']:.0f} MiB (compiler's figure)",
               f"{peer['peak_mib']:.0f} MiB (lightning, peak above import)", f"{value:.2f}x",
               "<= 1.5x", _met(value, 1.5, float.__le__)]  # fmt: skip


def _two_cores(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name in TWO_CORES:
        engines = rows.get(name, {}).get("engines", {})
        both = [label for label in engines if label.startswith("qdl, 2") and _ok(engines[label])]
        if not both or not _ok(engines["qdl"]):
            continue
        best = min(both, key=lambda label: engines[label]["step_ms"])
        value, low, high = ratio(rows[name], "qdl", best)
        yield [f"2 cores over 1, {_title(name, rows[name])}",
               f"{_step(engines[best])} ({best[5:]})", f"{_step(engines['qdl'])} (qdl, 1 core)",
               f"{value:.2f}x ({low:.2f}-{high:.2f})", ">= 1.4x",
               _met(value, 1.4, float.__ge__)]  # fmt: skip


def _engines(results: Results) -> str:
    head = [
        "workload", "engine", "dtype", "first call s", "step ms", "min ms", "x roofline",
        "peak MiB above import", "temporary MiB", "loss differs", "gradients differ",
    ]  # fmt: skip
    lines = []
    for name, row in results["rows"].items():
        bound = roofline_ms(row["workload"], results["machine"])
        for label, result in row["engines"].items():
            title = TITLES.get(label, label)
            if not _ok(result):
                lines.append([_title(name, row), title, result.get("error", ""), *[""] * 8])
                continue
            against = f"{result['step_ms'] / bound:.1f}" if bound and _on_cpu(result) else ""
            lines.append([
                _title(name, row), title, result["dtype"], f"{result['first_s']:.2f}",
                _figure(result["step_ms"]), _figure(result["min_ms"]), against,
                _figure(result.get("peak_mib")), _figure(result.get("temp_mib")),
                _small(result.get("loss_difference")), _small(result.get("gradient_difference")),
            ])  # fmt: skip
    return _table(head, lines)


def roofline_ms(workload: str, machine: dict[str, Any]) -> float:
    """The longest of arithmetic at the GEMM rate, traffic at the copy bandwidth, an empty call."""
    parsed = parse(workload)
    state_mib = 8 * 2**parsed.n * parsed.batch / 2**20
    speeds = {int(size.split()[0]): rate for size, rate in machine["copy_gbs"].items()}
    fitting = min((size for size in speeds if size >= state_mib), default=max(speeds))
    arithmetic = model_flops(parsed) / machine["sgemm_gflops"] / 1e6
    traffic = model_bytes(parsed) / speeds[fitting] / 1e6
    return max(arithmetic, traffic, machine["empty_call_us"] / 1e3)


def _on_cpu(result: dict[str, Any]) -> bool:
    return all(device.lower() == "cpu" for device in result["devices"])


def _title(name: str, row: dict[str, Any]) -> str:
    return row["workload"] if name == row["workload"] else f"{name} = {row['workload']}"


def _missing(row: dict[str, Any]) -> str:
    """Why there is no peer: what each one said."""
    peers = {k: v for k, v in row["engines"].items() if not k.startswith("qdl")}
    return "; ".join(f"{name} {v.get('error') or _step(v)}" for name, v in peers.items())


def _step(result: dict[str, Any]) -> str:
    return f"{_figure(result['step_ms'])} ms" if _ok(result) else result.get("error", "")


def _met(value: float, wanted: float | None, better: Callable[[float, float], bool]) -> str:
    return "" if wanted is None else "met" if better(float(value), float(wanted)) else "not met"


def _at_least(wanted: float | None) -> str:
    return "" if wanted is None else f">= {wanted}x"


def _figure(value: float | None) -> str:
    """Three figures, no exponent."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def _small(value: float | None) -> str:
    return "" if value is None else f"{value:.0e}"


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
