"""Shots to reach a loss: ``python -m benchmarks.shots``, ``--quick`` for two seeds, ``--write`` for shots.md.

Two tasks, on the native place and on a fake machine: digits 0 and 1 by the README's first model, and the
ground state of a Heisenberg chain on four wires. ``shot_adaptive`` against 100, 1,000 and 10,000 shots of
every circuit, with the same steps of the gradient (Adam), and on the chain against PennyLane's
``ShotAdaptiveOptimizer`` on ``default.qubit``. Counted are executions, circuits times bases times shots,
those of the loss among them, until the exact loss (no shots, no errors of a machine) is below the mark at two
looks in a row; there is a look every four steps.
"""

from __future__ import annotations

import argparse
import datetime
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation
from qdl.training import shot_adaptive

from .machine import cpu_name

PAGE = Path(__file__).with_name("shots.md")
FIXED = (100, 1_000, 10_000)
LOOK = 4  # steps between two looks at the exact loss
PART = 20 * LOOK  # steps of one fit, which looks twenty times
RATE = 0.05  # of Adam, everywhere; of PennyLane's optimizer its own
PLACES = {
    "native": lambda shots: qdl.backends.statevector(shots=shots),
    "fake_manila": lambda shots: qdl.backends.fake("manila", shots=shots),
}
CHAIN = 1.0 * sum(
    (p(i) @ p(i + 1) for i in range(3) for p in (qp.X, qp.Y, qp.Z)), start=0.0 * qp.I(0)
)


@dataclass(frozen=True)
class Task:
    """What is trained.

    Attributes:
        name: of it.
        model: without a place.
        loss: as ``fit`` takes it.
        data: X and y, or nothing.
        mark: the exact loss to be reached.
        steps: at most.
        lipschitz: times the rate, in the rule for the shots.
    """

    name: str
    model: qdl.QNN
    loss: Any
    data: tuple[Any, ...]
    mark: float
    steps: int
    lipschitz: float

    def exact(self, params: Any) -> float:
        """The loss without shots, of all data."""
        outputs = self.model.apply(params, *self.data[:1])
        loss = self.loss if callable(self.loss) else qdl.training.CrossEntropy().of(self.model)
        return float(loss(outputs, *self.data[1:]))


def tasks(seed: int) -> Iterator[Task]:
    """Those of a seed: digits have another split for each."""
    block = [AngleEncoding(), Rotation("zyz"), Entangler("cz", pattern="ring")]
    first = qdl.QNN(4, Repeat(block, 3), qdl.ExpZ([0, 1]))
    digits = qdl.datasets.digits(classes=(0, 1), features=4, seed=seed)
    data = (digits.X_train, digits.y_train)
    yield Task("digits 0/1", first, "cross_entropy", data, 0.25, 200, 1.0)
    # Real amplitudes are enough: trained without shots it reaches the ground state, -6.464, from every start.
    ansatz = [Repeat([Rotation("y"), Entangler("cnot", pattern="chain")], 4), Rotation("y")]
    chain = qdl.QNN(4, ansatz, qdl.Expval(CHAIN))
    yield Task("Heisenberg, 4 wires", chain, lambda z: z[0], (), -6.3, 400, 1.0)


def reached(task: Task, place: Any, optimizer: Any, seed: int, each: float | None) -> float:
    """Executions until the mark is reached; infinite if it never is. ``each``: those of a step, if fixed."""
    model = task.model.on(place)
    key = jax.random.key(seed)
    params, state, before, losses = task.model.init(key), None, 0.0, [np.inf]

    def look(report: qdl.training.Report) -> bool:
        losses.append(task.exact(report.params))
        return max(losses[-2:]) < task.mark

    for part in range(-(-task.steps // PART)):
        result = qdl.fit(
            model, *task.data, loss=task.loss, optimizer=optimizer, steps=PART, batch_size=16, callback=look,
            params=params, state=state, key=jax.random.fold_in(key, part),
        )  # fmt: skip
        params, state = result.params, result.state
        spent = result.step * each if each else result.history["total_shots"]
        if result.stopped == "callback":
            return before + spent
        before += spent
    return np.inf


def executions(task: Task, shots: int) -> int:
    """Of a step with a fixed number of shots: what is sent to a machine."""
    there = task.model.on(qdl.backends.aer(shots=shots))
    return qdl.backends.estimate(there, batch_size=16 if task.data else 1).executions


def pennylane(task: Task, seed: int) -> float:
    """Executions of PennyLane's optimizer on the same circuit and start; each of its shots reads 3 bases."""
    device = qp.device("default.qubit", wires=4, seed=seed)
    flat, unravel = jax.flatten_util.ravel_pytree(task.model.init(jax.random.key(seed)))
    shapes = unravel(jnp.arange(len(flat), dtype=flat.dtype))
    where = jax.tree.map(lambda leaf: np.asarray(leaf).astype(int), shapes)

    @qp.set_shots(shots=100)
    @qp.qnode(device, diff_method="parameter-shift")
    def energy(theta: Any) -> Any:
        for at, layer in zip((where[0], where[1]), _layers(task.model), strict=True):
            layer(theta, at)
        return qp.expval(CHAIN)

    theta = qp.numpy.array(np.asarray(flat), requires_grad=True)
    optimizer = qp.ShotAdaptiveOptimizer(min_shots=10, stepsize=RATE)
    last = np.inf
    for step in range(task.steps):
        theta = optimizer.step(energy, theta)
        if step % LOOK == LOOK - 1:
            now = task.exact(unravel(jnp.asarray(np.asarray(theta), flat.dtype)))
            if max(now, last) < task.mark:
                return 3.0 * optimizer.total_shots_used
            last = now
    return np.inf


def _layers(model: qdl.QNN) -> Iterator[Callable[[Any, Any], None]]:
    """The two parts of the ansatz in PennyLane's own operators."""

    def repeated(theta: Any, at: Any) -> None:
        for block in at[0]:
            turned(theta, block)
            for wire in range(3):
                qp.CNOT(wires=[wire, wire + 1])

    def turned(theta: Any, at: Any) -> None:
        for wire, (angle,) in enumerate(at):
            qp.RY(theta[angle], wires=wire)

    yield repeated
    yield turned


def contenders(
    task: Task, place: Callable[[int], Any]
) -> Iterator[tuple[str, Callable[[int], float]]]:
    """What is compared on a task and a place: a name, and executions by seed."""
    adam = optax.adam(RATE)
    for rule in ("gcans", "icans"):
        optimizer = shot_adaptive(
            RATE, rule=rule, lipschitz=task.lipschitz / RATE, min_shots=4, optimizer=adam
        )
        yield (
            f"shot_adaptive, {rule}",
            lambda seed, optimizer=optimizer: reached(task, place(100), optimizer, seed, None),
        )
    for shots in FIXED:
        each = executions(task, shots)
        yield (
            f"{shots:,} shots",
            lambda seed, shots=shots, each=each: reached(task, place(shots), adam, seed, each),
        )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="two seeds, the native place alone")
    parser.add_argument("--places", nargs="+", default=list(PLACES), choices=list(PLACES))
    parser.add_argument("--tasks", nargs="+", type=int, default=[0, 1], help="by number")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    seeds = range(2 if asked.quick else asked.seeds)
    places = ["native"] if asked.quick else asked.places
    lines = []
    for number in asked.tasks:
        for place in places:
            named: dict[str, list[float]] = {}
            for seed in seeds:
                task = list(tasks(seed))[number]
                for name, run in contenders(task, PLACES[place]):
                    named.setdefault(name, []).append(run(seed))
                if number == 1 and place == "native" and not asked.no_peers:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        named.setdefault("PennyLane's optimizer", []).append(pennylane(task, seed))
                print(task.name, place, {n: v[-1] for n, v in named.items()}, flush=True)
            for name, values in named.items():
                lines.append(_row(task.name, place, name, values))
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    text = "\n".join(
        [
            f"- {when}, {cpu_name()}, {os.cpu_count()} cores; {len(seeds)} seeds.",
            "",
            "| task | place | shots | executions, mean | lowest | highest | reached |",
            "|---|---|---|---|---|---|---|",
            *lines,
        ]
    )
    print(text)
    if asked.write:
        PAGE.write_text(f"# Shots to reach a loss\n\n{__doc__}\n{text}\n", encoding="utf-8")


def _row(task: str, place: str, name: str, values: list[float]) -> str:
    there = [v for v in values if np.isfinite(v)]
    shown = [f"{v:,.0f}" for v in (np.mean(there), min(there), max(there))] if there else ["-"] * 3
    return f"| {task} | {place} | {name} | {' | '.join(shown)} | {len(there)} of {len(values)} |"


if __name__ == "__main__":
    main()
