"""What the page says about the states a circuit makes: spread, entanglement, Fisher information."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...pauli.parameters import parameters
from ..entanglement import entangling_capability
from ..expressivity import expressibility, frame_potential
from ..fisher import effective_dimension, fisher_spectrum
from . import pictures
from .section import Question, Section

PAIRS = 5000
DRAWS = 10
INPUTS = 20  # parameters drawn for the effective dimension
N_DATA = 1000
WORK = 3e10  # amplitudes times gates that a section may touch: some tens of seconds


def expressibility_section(asked: Question) -> Section:
    """Histogram of fidelities against Haar's, and the frame potential."""
    model = asked.model
    _affordable(model, 2 * PAIRS)
    found = expressibility(model, key=asked.key, samples=PAIRS, x=asked.x)
    potential = frame_potential(model, 2, key=asked.key, samples=PAIRS, x=asked.x)
    spread = f" ± {potential.standard_error:.1g}" if potential.standard_error else " (exact)"
    findings = (
        f"D(P || Haar) = {found.value:.4g} ± {found.standard_error:.2g} nats; Haar-random states "
        f"themselves read {found.haar_bias:.2g} with this many pairs.",
        f"Frame potential F2 = {potential.value:.4g}{spread}; Haar's is {potential.haar:.4g}.",
    )
    values = {
        "value": found.value,
        "standard_error": found.standard_error,
        "haar_bias": found.haar_bias,
        "counts": found.counts.tolist(),
        "frame_potential": potential.value,
        "frame_potential_haar": potential.haar,
    }
    how = f"{PAIRS} pairs of states, {len(found.counts)} bins; F2 by {potential.method}"
    draw = partial(pictures.fidelities, found=found)
    return Section(findings, (), values, how, draw=draw)


def entangling_section(asked: Question) -> Section:
    """Mean Meyer-Wallach entanglement."""
    found = entangling_capability(asked.model, key=asked.key, x=asked.x)
    spread = f" ± {found.standard_error:.1g}" if found.samples else " (exact)"
    text = (
        f"Mean Meyer-Wallach Q = {found.value:.4g}{spread}; products have 0, Haar-random states "
        f"{found.haar:.4g}."
    )
    values = {"value": found.value, "standard_error": found.standard_error, "haar": found.haar}
    how = f"{found.method}, {found.samples} samples" if found.samples else f"{found.method}, exact"
    return Section((text,), (), values, how)


def quantum_fisher_section(asked: Question) -> Section:
    """Rank and spectrum of the quantum Fisher information."""
    n, p = asked.model.n_wires, int(parameters(asked.model).reported.sum())
    found = _spectrum(asked, "quantum", DRAWS)
    most = 2 ** (n + 1) - 2
    text = (
        f"Rank {found.rank} of at most {min(p, most)}: {p} parameters, and a state of {n} wires has "
        f"{most} real directions."
    )
    more = (
        f"{p - found.rank} of the parameters' directions move no state: the circuit is overparametrised or "
        "has redundant angles."
    )
    findings = (text, more) if found.rank < p else (text,)
    values = {"rank": found.rank, "parameters": p, "eigenvalues": found.eigenvalues.tolist()}
    how = f"derivatives of the state at {DRAWS} random starts; eigenvalues below {found.threshold:.1g} of "
    how += "the largest count as zero"
    draw = partial(pictures.spectrum, found=found)
    return Section(findings, (), values, how, draw=draw)


def classical_fisher_section(asked: Question) -> Section:
    """Spectrum of the classical Fisher information, and the effective dimension."""
    p = int(parameters(asked.model).reported.sum())
    found = _spectrum(asked, "classical", DRAWS)
    _affordable(asked.model, INPUTS * p)
    dimension = effective_dimension(
        asked.model, key=asked.key, n_data=N_DATA, draws=INPUTS, x=asked.x
    )
    findings = (
        f"Rank {found.rank} of {p} parameters at one input, for the bits that the readout measures.",
        f"Effective dimension {dimension:.3g} with {N_DATA} data, {dimension / p:.2f} of the number of "
        "parameters.",
    )
    values = {
        "rank": found.rank,
        "effective_dimension": dimension,
        "n_data": N_DATA,
        "eigenvalues": found.eigenvalues.tolist(),
    }
    how = f"outcome probabilities and their derivatives at {DRAWS} and {INPUTS} random starts"
    draw = partial(pictures.spectrum, found=found)
    return Section(findings, (), values, how, draw=draw)


def _spectrum(asked: Question, kind: str, draws: int) -> Any:
    _affordable(asked.model, draws * int(parameters(asked.model).reported.sum()))
    return fisher_spectrum(asked.model, kind, key=asked.key, draws=draws, x=asked.x)


def _affordable(model: Any, states: int) -> None:
    """Refuse what would hold up the page."""
    work = 2.0**model.n_wires * max(model.n_params, 1) * states
    if work > WORK:
        raise ValueError(
            f"{states} state vectors of {model.n_wires} wires and {model.n_params} gates with an angle "
            f"are about {work:.1g} operations, more than a page may take ({WORK:.0g}). Call the function "
            "itself with fewer samples."
        )
