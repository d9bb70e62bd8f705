"""The one reading of a circuit: which gates its layers yield, and where each angle comes from.

``tree`` unfolds composites, repetitions and adjoints into leaf layers inside loops; ``gates`` asks a leaf
for its operators and finds the source of every angle: a constant, a multiple of one parameter or feature,
or computed by the layer; ``cone`` finds the gates that matter to what is measured, ``shift_rules`` tells how
an angle is differentiated by more values; ``rewritten`` puts other layers into the tree. Simulator,
hardware, export and diagnostics all start from here.
"""

from .cone import light_cone
from .gates import (
    Computed,
    Constant,
    Entry,
    Expand,
    Feature,
    Gate,
    Source,
    read_gates,
    with_all_data,
)
from .rewritten import rewritten
from .tree import Leaf, Loop, Path, Visit, leaves, numbered, unfold, visits

__all__ = [
    "Computed",
    "Constant",
    "Entry",
    "Expand",
    "Feature",
    "Gate",
    "Leaf",
    "Loop",
    "Path",
    "Source",
    "Visit",
    "leaves",
    "light_cone",
    "numbered",
    "read_gates",
    "rewritten",
    "unfold",
    "visits",
    "with_all_data",
]
