"""Asking all questions about one model, each timed; what cannot be answered says why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax

from ...layers.base import check_key
from . import alternatives, easy, states, structure, training
from .page import TrainabilityReport
from .section import Question, Section

PARTS: tuple[tuple[str, str, Callable[[Question], Section]], ...] = (
    ("resources", "Resources and light cone", structure.resources_section),
    ("machine", "On a machine", structure.machine_section),
    ("gradient_variance", "Gradient variance", training.gradient_section),
    ("scaling", "Scaling", training.scaling_section),
    ("alternatives", "What would change it", alternatives.alternatives_section),
    ("expressibility", "Expressibility", states.expressibility_section),
    ("entangling_capability", "Entangling capability", states.entangling_section),
    ("quantum_fisher", "Quantum Fisher information", states.quantum_fisher_section),
    ("classical_fisher", "Classical Fisher information", states.classical_fisher_section),
    ("lie_algebra", "Dynamical Lie algebra", structure.algebra_section),
    ("weight_truncation", "Weight truncation", training.truncation_section),
    ("classical", "Classically easy?", easy.classical_section),
)


def trainability_report(
    model: Any,
    *,
    key: jax.Array,
    x: Any = None,
    cost: Callable[[jax.Array], jax.Array] | None = None,
    samples: int | None = None,
    sweep: Any = None,
    place: Any = None,
) -> TrainabilityReport:
    """Everything that the diagnostics can say about one model, on one page.

    Gradient variance with its interval and engine, the same with a local observable, other depths and
    other initialisers, expressibility, entangling capability, Fisher information, the dynamical Lie
    algebra, the light cone, weight truncation, a gradient on the cheapest classical engine. A part that is
    not valid or too large for this model says so; nothing else of the page depends on it.

    Args:
        model: a QNN.
        key: a JAX key.
        x: one sample of features ``(n_features,)``; None for features uniform over a turn.
        cost: a function of the readout values; None for the first of them.
        samples: of the gradient's engine; None for its own number.
        sweep: what ``gradient_variance(build, n_wires=...)`` returned, to be shown on the page: one
            width alone says nothing about scaling.
        place: a machine (``qdl.backends.fake("torino")``, say) whose gates, layout and fidelity are to be
            on the page; None for none.

    Returns:
        The page: ``.to_markdown()``, ``.to_html()``, ``.to_json()``, ``.save(folder)``, and
        ``page["expressibility"].values`` for the numbers.

    Raises:
        ValueError: not one model, or a model without parameters.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> page = trainability_report(qdl.QNN(30, Rotation("y")), key=jax.random.key(0))
        >>> round(page["gradient_variance"].values["median"], 6)  # the cost is cos of one angle
        0.5
        >>> page["expressibility"].missing[:31]
        '10000 state vectors of 30 wires'

    Reference: Sim et al., Advanced Quantum Technologies 2, 1900070 (2019); Abbas et al., Nature
    Computational Science 1, 403 (2021); Cerezo et al., arXiv:2312.09121 (2023).
    """
    if not hasattr(model, "layers") or not model.n_params:
        raise ValueError(
            f"a report is about one QNN with parameters, got {type(model).__name__}"
            f"{' without any' if hasattr(model, 'layers') else ''}. Pass build(n) for one n, the quantum "
            "stage of a Hybrid (as model.stages[1]), or add a layer with parameters."
        )
    asked = Question(model, check_key(key, "trainability_report"), x, cost, samples, sweep, place)
    sections = []
    for i, (name, title, answer) in enumerate(PARTS):
        if (name == "scaling" and sweep is None) or (name == "machine" and place is None):
            continue
        section = _timed(answer, replace(asked, key=jax.random.fold_in(key, i)))
        sections.append(replace(section, name=name, title=title))
    return TrainabilityReport(str(model), tuple(sections))


def _timed(answer: Callable[[Question], Section], asked: Question) -> Section:
    start = time.perf_counter()
    try:
        section = answer(asked)
    except ValueError as error:  # refusals; anything else is a fault and stays loud
        section = Section(missing=str(error))
    return replace(section, seconds=time.perf_counter() - start)
