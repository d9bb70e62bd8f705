"""Every quantity at every place: right, or refused by name; ``python -m tests.matrix`` writes the page.

A new public quantity that takes a model, a new method of ``QNN`` and a new place have a row here, or the test
of this page says which is missing.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jax  # noqa: E402
from fuzz.compare import judge  # noqa: E402
from places import PLACES  # noqa: E402
from quantities import QUANTITIES, At, Elsewhere  # noqa: E402

import qdl  # noqa: E402

PAGE = Path(__file__).parent.parent / "docs" / "matrix.md"
MODELS = {
    "model",
    "circuit",
    "build",
    "model_or_build",
    "model_or_generators",
}  # names of arguments
# Public names that take a model and have no value of their own that a place could change.
ELSEWHERE = {
    "QNN.init": "parameters; no circuit is run",
    "QNN.check_params": "shapes",
    "QNN.check_features": "shapes and values of features",
    "QNN.draw_mpl": "a picture of the circuit",
    "backends.HashedNoise": "its model is a noise model",
    "backends.places_of": "a list",
    "baselines.Contender": "its build makes classical models too",
    "baselines.compare": "trains as `fit` does",
    "baselines.encoding_gates": "of the circuit alone",
    "baselines.frequencies": "of the circuit alone",
    "baselines.quantum": "trains as `fit` does",
    "baselines.surrogate": "a classical model",
    "baselines.without_entanglers": "a model",
    "diagnostics.TrainabilityReport": "its model is a text",
    "diagnostics.iqp_expectations": "of the circuit alone",
    "layers.from_qiskit": "takes a circuit of Qiskit",
    "photonic.plot_photon_numbers": "a picture, of `state`",
    "photonic.plot_wavefunction": "a picture, of `state`",
    "photonic.plot_wigner": "a picture, of `state`",
    "training.layer_masks": "of the circuit alone",
    "training.natural_gradient": "an optimizer, with `metric_tensor`",
    "torch.Layer": "`QNN.apply` and its gradient, compared in test_torch",
    "training.qnspsa": "an optimizer, with states as `metric_tensor`",
}
MODES = "## Modes of light"  # a table of its own, of tests/modes_matrix.py
INNER = ("simulator", "testing")  # what the statevector place is made of, and checks


def public():
    """Names of what takes a model: functions and classes of qdl's index, methods of a model."""
    found = {
        f"QNN.{name}"
        for name, item in inspect.getmembers(qdl.QNN)
        if not name.startswith("_") and inspect.isfunction(item)
    }
    for room in (None, *qdl._ROOMS):
        home = qdl if room is None else getattr(qdl, room)
        for name in getattr(home, "__all__", ()) if room not in INNER else ():
            item = getattr(home, name)
            if callable(item) and takes_a_model(item):
                found.add(name if room is None else f"{room}.{name}")
    return found


def takes_a_model(item):
    try:
        return bool(set(inspect.signature(item).parameters) & MODELS)
    except ValueError:  # an exception
        return False


def at(name):
    row = PLACES[name]
    place = row.make()
    return At(name, place, row.reference(place))


def cell(quantity, place):
    """The verdict of one cell; None where the quantity is none of the place's."""
    here = at(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return judge(lambda: QUANTITIES[quantity].check(here), passes=Elsewhere)
        except Elsewhere:
            return None


SIGNS = {"right": "right", "refused": "refused", "different": "WRONG"}
HEAD = """# What is right where

Every quantity that takes a model, on every place. *right*: compared with a simulator of dense density
matrices that shares no code with qdl's, made of the operators' own matrices, errors of the place included;
sampled places within the scatter of their shots. *refused*: an error says by name that it is not valid
there, and what is. A dash: none of that place's. `tests/test_matrix.py` fails where a quantity or a place has
no row here. `python -m tests.matrix` writes this page.
"""


def page(found):
    """The table with places in rows of columns, and the sentences of the refusals."""
    notes: dict[str, int] = {}

    def sign(verdict):
        if verdict is None:
            return "-"
        if verdict.kind != "refused":
            return SIGNS[verdict.kind]
        return f"refused {notes.setdefault(verdict.text, len(notes) + 1)}"

    lines = [HEAD, "| quantity | " + " | ".join(PLACES) + " |", "| --- |" + " --- |" * len(PLACES)]
    for quantity in QUANTITIES:
        signs = [sign(found[quantity, place]) for place in PLACES]
        lines.append(f"| {quantity} | " + " | ".join(signs) + " |")
    lines += ["", "What the refusals say, numbers left out:", ""]
    lines += [f"{number}. {text}" for text, number in notes.items()]
    lines += ["", "Of no place, or made of the above:", ""]
    lines += [f"- `{name}`: {why}" for name, why in ELSEWHERE.items()]
    return "\n".join(lines) + "\n"


def printed():
    """The signs of the page that is there: (quantity, place) -> sign without its number."""
    rows = [
        [each.strip() for each in line.strip("|\n ").split(" | ")]
        for line in PAGE.read_text(encoding="utf-8").partition(MODES)[0].splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
    head, *body = rows
    return {
        (row[0], place): re.sub(r" \d+$", "", sign)
        for row in body
        for place, sign in zip(head[1:], row[1:], strict=True)
    }


def signed(verdict):
    return "-" if verdict is None else SIGNS[verdict.kind]


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    found = {}
    for place in PLACES:
        for quantity in QUANTITIES:
            found[quantity, place] = verdict = cell(quantity, place)
            if verdict is not None and verdict.kind == "different":
                print(f"{quantity} on {place}: {verdict.text}", flush=True)
        print(place, flush=True)
    modes = "".join(PAGE.read_text(encoding="utf-8").partition(MODES)[1:])
    PAGE.write_text(page(found) + "\n" + modes, encoding="utf-8")
