"""The command line: parse, call, print. The work is in ``qdl.commands``."""

from . import training, tables, circuits, spins  # noqa: F401, I001  # the order of the help page
from .base import app, main

__all__ = ["app", "main"]
