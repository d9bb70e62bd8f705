"""The command line: parse, call, print. The work is in ``qdl.commands``."""

from . import training, tables, circuits, spins  # noqa: F401, I001  # the order of the help page
from .app import app

__all__ = ["app"]
