"""What the page says about gradients: their variance, its scaling, and low-weight truncation."""

from __future__ import annotations

import math
from functools import partial

from ..gradients import gradient_variance
from ..result.variance import GradientVariance, shots
from ..truncation import weight_truncation
from . import pictures
from .section import Question, Section, count

RELATIVE = 0.01  # of the second moment: an error that truncation may make


def gradient_section(asked: Question) -> Section:
    """The variance of every gradient component over the model's own starts."""
    row = gradient_variance(
        asked.model, key=asked.key, x=asked.x, cost=asked.cost, samples=asked.samples
    )
    layers = [("layer", "parameters", "median variance")]
    layers += [(n, str(row.layers.count(n)), f"{v:.3g}") for n, v in row.by_layer().items()]
    findings = [*_numbers(row), *(f"Warning: {text}." for text in row.warnings)]
    if asked.sweep is None:
        findings.append("One width says nothing about how the variance goes with the width.")
    return Section(
        tuple(findings), tuple(layers), row.to_dict(), how(row),
        draw=partial(pictures.gradients, row=row),
    )  # fmt: skip


def how(row: GradientVariance) -> str:
    """The engine, its certificate, and why it was chosen."""
    drawn = f"{row.draws} samples" if row.draws else "exact"
    reason = f" Chosen: {row.reason}." if row.reason else ""
    return f"{row.method}, {drawn}: {row.certificate}.{reason}"


def _numbers(row: GradientVariance) -> list[str]:
    out = [
        f"The cost is {row.cost}.",
        f"Expected squared norm of its gradient at a start {row.squared_norm:.3g}, "
        f"{interval(*row.squared_norm_interval)}, over "
        f"{count(int((~row.certified_zero).sum()), 'parameter')}; "
        f"{count(int(row.certified_zero.sum()), 'other')} cannot change this cost at all.",
        f"Variance of the cost {row.cost_variance:.3g}, {interval(*row.cost_interval)}; "
        f"its mean {row.cost_mean:.3g}.",
    ]
    top = row.chosen("largest")
    if top is not None:
        ends = row.maximum_interval or (row.low[top], row.high[top])
        out.insert(
            2,
            f"Variance of one derivative: largest {row.maximum:.3g}, parameter {top}, "
            f"{interval(*ends)}; median {row.median:.3g}.",
        )
    if math.isfinite(row.shots_needed):
        out.append(
            f"Signal-to-noise 1 for a median derivative takes {shots(row.shots_needed)} shots for each "
            "of its two expectation values."
        )
    return out


def interval(low: float, high: float) -> str:
    """A 95% interval in words; exact numbers have none."""
    return "exact" if low == high else f"95% interval [{low:.3g}, {high:.3g}]"


def scaling_section(asked: Question) -> Section:
    """The sweep over widths that was handed in."""
    sweep = asked.sweep
    follow = sweep.followed()
    table = [(sweep.axis, sweep.subject, "low", "high", "engine")]
    for row, v, low, high in zip(
        sweep, follow["value"], follow["low"], follow["high"], strict=True
    ):
        size = str(getattr(row, sweep.axis))
        table.append((size, f"{v:.3g}", f"{low:.3g}", f"{high:.3g}", row.method))
    values = {
        "sizes": list(sweep.sizes),
        **{name: follow[name].tolist() for name in ("value", "low", "high")},
        "verdict": str(sweep.verdict),
    }
    return Section(
        (f"{sweep.verdict}",), tuple(table), values,
        "gradient_variance over sizes; computed before this page",
        draw=lambda axes: sweep.plot(axes),
    )  # fmt: skip


def truncation_section(asked: Question) -> Section:
    """How many Pauli words a classical computer would have to follow."""
    found = weight_truncation(asked.model, key=asked.key, x=asked.x, cost=asked.cost)
    k, moment = found.weight_for(RELATIVE), found.second_moment
    if k >= found.cone:
        gain = (
            f"No smaller k than all {count(found.cone, 'wire')} of the light cone reaches {RELATIVE:.0%}: "
            "dropping heavy words does not simplify this circuit."
        )
    else:
        gain = (
            f"There are {found.words(k):.3g} words on at most {count(k, 'wire')} of the light cone's "
            f"{found.cone}, of {4.0**found.cone - 1:.3g} in all: that many numbers are enough for a "
            "classical computer to give the cost to that error, on average over these starts."
        )
    findings = (
        f"Dropping every word on more than {count(k, 'wire')} leaves a mean square error of "
        f"{found.error[k]:.2g}, {found.error[k] / moment:.2%} of E C² = {moment:.3g}.",
        gain,
    )
    table = [("k", "mean square error", "of E C²", "words on at most k wires")]
    for i, (error, spread) in enumerate(zip(found.error, found.standard_error, strict=True)):
        text = f"{error:.3g} ± {spread:.1g}"
        table.append((str(i), text, f"{error / moment:.2%}", f"{found.words(i):.3g}"))
    values = {
        "error": found.error.tolist(),
        "standard_error": found.standard_error.tolist(),
        "second_moment": moment,
        "weight_for_1_percent": k,
        "words": found.words(k),
    }
    return Section(
        findings, tuple(table), values,
        f"share of {found.samples} Pauli-walk paths whose weight exceeded k, constant part left out",
        draw=partial(pictures.truncation, found=found),
    )  # fmt: skip
