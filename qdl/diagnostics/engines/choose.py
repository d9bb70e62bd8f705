"""Which engine measures a model: the one asked for, or the best one that is valid."""

from __future__ import annotations

from dataclasses import replace

import jax

from ...refused import Refused
from ..engine import Engine, Task, measured
from ..result.variance import GradientVariance
from ..walk.engine import PauliWalk
from .dense_moment import DenseMoment
from .light_cone import LightCone
from .sampled import Sampled
from .statevector import Statevector

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Statevector(), DenseMoment(), PauliWalk(), PauliWalk(blackwell=True), LightCone(), Sampled(),
    )
}  # fmt: skip
METHODS = ("auto", *ENGINES)
QUICK = 5e10  # multiplications that auto spends on exact moments: some ten seconds
WIDE = 20  # wires of a state vector that auto tries
FEW = 10  # hits below which auto looks for a walk with less variance
DEEP = 40  # wires up to which that is worth while


class _EitherWalk(PauliWalk):
    """The plain walk, and the other one where that has hit too little."""

    def measure(self, task: Task) -> GradientVariance:
        row, circuit = super().measure(task), task.circuit
        hits = row.draws * row.cost_variance / sum(c**2 for c, _ in circuit.observable.terms)
        if hits >= FEW or circuit.n_wires > DEEP:
            return row
        again = jax.random.fold_in(task.key, 1)  # independent of the samples that made us look
        return PauliWalk(blackwell=True).measure(replace(task, key=again))


# In this order: what a place with shots can, else exact moments, the walk, the light cone, random starts.
AUTO: dict[str, Engine] = {
    "sampled": Sampled(),
    "moments": DenseMoment(most_work=QUICK),
    "walk": _EitherWalk(),
    "cone": LightCone(narrowest=WIDE // 2 + 1),
    "starts": Statevector(widest=WIDE),
}


def run(task: Task, method: str | Engine) -> GradientVariance:
    """Measure with an engine, or with the one of that name; ``"auto"`` takes the first that is valid.

    Raises:
        Refused: the engine, or every engine, is not valid for the task.
    """
    if method != "auto":
        return measured(ENGINES[method] if isinstance(method, str) else method, task)
    reasons: dict[str, str] = {}
    for name, engine in AUTO.items():
        try:
            row = measured(engine, task)
        except Refused as error:
            reasons[name] = str(error)
            continue
        why = [
            f"not {name}: {_first_sentence(text)}"
            for name, text in reasons.items()
            if name != "sampled"
        ]
        if name == "sampled":
            return replace(row, reason="the place samples")
        return replace(row, reason="; ".join(why) or "exact, and quick enough")
    tried = " ".join(f"[{name}] {text}" for name, text in reasons.items())
    raise Refused(
        f"no engine is valid for this model on {task.model.n_wires} wires. Expected one of: few wires, "
        f"independent angles, a small light cone. What each said: {tried}"
    )


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".")
