"""Tables of somebody's own: read from a file, prepared for a circuit, kept as plain arrays and names.

Nothing here knows about models: a table becomes numbers, and predictions become its own words again.
"""

from .prepare import Preparation, as_angles, learn, projected
from .read import TABLES, as_table, is_table, listed, read_table
from .storage import Saved, load, save
from .target import Target, check_there, learn_target

__all__ = [
    "TABLES",
    "Preparation",
    "Saved",
    "Target",
    "as_angles",
    "as_table",
    "check_there",
    "is_table",
    "learn",
    "learn_target",
    "listed",
    "load",
    "projected",
    "read_table",
    "save",
]
