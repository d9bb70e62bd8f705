"""``qdl report``: the trainability page of one model, written into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import runs
from .places import place_named
from .variance import chosen_depth, depth_law, find_circuit, whole_numbers


def make(
    target: str,
    wires: int = 6,
    depth: str | None = None,
    *,
    widths: str | None = None,
    samples: int | None = None,
    place: str | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> tuple[Path, Any]:
    """Write the page.

    Args:
        target: a family of ``qdl.models``, ``file.py:name`` of a QNN or of a function of the width, or a
            folder that ``qdl.save`` or ``qdl train`` wrote; of a Hybrid there, its circuit.
        wires: the width, for a family or a function.
        depth: a number, or a multiple of the width as ``2n``; None for 2n where the family has a depth.
        widths: also sweep over these, as ``2-10`` or ``4,8,16``; for a family or a function.
        samples: of the gradient's engine.
        place: also what the circuit becomes on this machine, as ``fake_torino``; every page has the classical
            engines.
        seed: of everything random.
        out: the folder; new or empty.

    Returns:
        The folder and the page.
    """
    import jax

    from ..diagnostics import gradient_variance, trainability_report

    key = jax.random.key(seed)
    found = find_circuit(target)
    whole = hasattr(found, "layers")
    if whole and (depth is not None or widths is not None):
        raise ValueError(
            f"{target} is one model, so it has no --depth and no --widths to choose. Leave them out, or "
            "name a function of the width."
        )
    depth = chosen_depth(target, depth, "2n")
    law = None if depth is None else depth_law(depth)
    model = found if whole else found(wires) if law is None else found(wires, law(wires))
    machine = None if place in (None, "classical") else place_named(place, shots=1024)
    sizes = None if widths is None else whole_numbers(widths)
    with runs.fresh(runs.name_of("report", target), out) as folder:
        sweep = None
        if sizes is not None:
            sweep = gradient_variance(found, sizes, depth=law, samples=samples, key=key)
        page = trainability_report(model, key=key, samples=samples, sweep=sweep, place=machine)
        page.save(folder)
    return folder, page
