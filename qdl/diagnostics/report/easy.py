"""What the page says about classical computers: the model is run on one."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...backends import classical
from ...certified import EXACT
from .section import Question, Section, count

BATCH = 4  # samples of the gradient that is timed
PATIENCE = 20.0  # seconds that a gradient may be expected to take


def classical_section(asked: Question) -> Section:
    """The cheapest classical engine, a gradient on it, and what may be said of its values."""
    model, place = asked.model, classical()
    found = place.explain(model)
    cone = 16 * 2.0**found.wires
    findings = [
        f"The readout sees {count(found.wires, 'wire')} of {model.n_wires}; a state vector of those is "
        f"{cone:.2g} bytes.",
        f"{found}",
    ]
    values: dict[str, Any] = {
        "engine": found.engine,
        "wires": found.wires,
        "log10_operations": float(np.log10(max(found.flops, 1.0))),
        "bytes": found.bytes,
        "expected_seconds": found.seconds,
    }
    method = "operations counted from the structure"
    if 3 * BATCH * found.seconds > PATIENCE:
        findings.append("Not run: a gradient is expected to take longer than this page may.")
        return Section(tuple(findings), (), values, method)
    start, for_x = jax.random.split(asked.key)
    params, x = model.init(start), _features(asked, for_x)
    first, later = _timed(model.on(place), params, x)
    verdict = place.certify(model.circuit, params, x)
    findings.append(
        f"Run here: a gradient of {count(1 if x is None else len(x), 'sample')} takes {1e3 * later:.2g} ms, "
        f"the first one {first:.2g} s. Its values at one random start are {verdict.verdict}."
    )
    if verdict.verdict != EXACT:
        findings.append(verdict.why)
    values |= {
        "first_seconds": first,
        "gradient_seconds": later,
        "verdict": verdict.verdict,
        "error": verdict.error,
    }
    how = "a value and gradient at one random start, timed by wall clock; the verdict is qdl.certify's"
    return Section(tuple(findings), (), values, f"{method}; {how}")


def _features(asked: Question, key: jax.Array) -> Any:
    """The sample that was given, or a few that the layers accept."""
    model = asked.model
    if not model.n_features:
        return None
    if asked.x is not None:
        return jnp.atleast_2d(model.check_features(asked.x))
    x = jax.random.uniform(key, (BATCH, model.n_features), maxval=2 * np.pi)
    try:
        return model.check_features(x)
    except ValueError:  # layers of bits
        return model.check_features(jnp.round(x / (2 * np.pi)))


def _timed(model: Any, params: Any, x: Any) -> tuple[float, float]:
    """Seconds of the first gradient and of a later one."""
    gradient = jax.jit(jax.value_and_grad(lambda p, x: jnp.mean(model.apply(p, x) ** 2)))
    times = []
    for _ in range(2):
        start = time.perf_counter()
        jax.block_until_ready(gradient(params, x))
        times.append(time.perf_counter() - start)
    return times[0], times[1]
