"""Does a place give the numbers of the exact simulator?

``check`` asks, ``scatter`` says how far shots move values, ``mistakes`` which of the usual ones explain a
difference.
"""

from .check import Agreement, check

__all__ = ["Agreement", "check"]
