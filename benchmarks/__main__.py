"""``python -m benchmarks``: measure, print the table and, for the whole of it, write README.md."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import engines, growth, report
from .measure import Options, available_cores, measure_row, say, temporary_memory
from .workloads import ROWS, TWO_CORES, find_row


def main() -> None:
    """Read the arguments, measure, report."""
    args = _arguments()
    options = Options(
        core=max(available_cores()) if args.core is None else args.core,
        rounds=args.rounds or (2 if args.quick else 5),
        seconds=0.2 if args.quick else 1.0,
        cap=args.cap or (30 if args.quick else 120),
        platform=args.platform,
        peers=tuple(args.peers),
    )
    results = _start(options)
    for name, row in args.found.items():
        say(f"{name} = {row.workload}")
        results["rows"][name] = measure_row(row, options, name in TWO_CORES)
        if row.step_ms:
            deeper = replace(row.workload, depth=row.workload.depth + 100)
            results["rows"][name]["deeper_mib"] = temporary_memory(deeper, options)
        _keep(results)
    if args.found:
        text = report.render(results)
        print(text)
        if args.write or not (args.rows or args.quick):
            report.write(text, options.platform)
    if "growth" in (args.rows or ["growth"]):
        say("growth")
        growth.draw(growth.measure(replace(options, seconds=0.5, cap=min(options.cap, 60))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--rows", nargs="+", help=f"{', '.join(ROWS)}, growth, or any such as 'A(8,4,64)'")
    add("--peers", nargs="*", default=engines.NAMES[1:], choices=engines.NAMES[1:])
    add("--rounds", type=int, help="how often each engine has its turn; default: 5, quick 2")
    add("--cap", type=float, help="seconds a peer's first call may take; default: 120, quick 30")
    add("--core", type=int, help="the core to measure on; default: the last one")
    add("--platform", default="cpu", help="JAX's platform: cpu or cuda")
    add("--quick", action="store_true", help="short turns: only a look")
    add("--write", action="store_true", help="write README.md even if not all rows were measured")
    args = parser.parse_args()
    try:
        args.found = {name: find_row(name) for name in args.rows or ROWS if name != "growth"}
    except ValueError as error:
        parser.error(str(error))
    return args


def _start(options: Options) -> dict[str, Any]:
    """The conditions of this run."""
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"The load average is {load:.1f}: other processes disturb the figures.")
    with options.process("machine") as process:
        machine = process.ask("machine")
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    return {
        "when": when,
        "load": load,
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "rows": {},
    }


def _keep(results: dict[str, Any]) -> None:
    """The raw figures after every row, so that nothing is lost and two runs can be compared."""
    folder = Path("runs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    name = results["when"].replace(" ", "_").replace(":", "")
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
