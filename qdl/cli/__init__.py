"""The command line: parse, call, print. The work is in ``qdl.commands``."""

from . import circuits, machines, spins, tables, training
from .base import app, main

COMMANDS = (  # in the order of the help page
    training.quickstart, training.train, training.runs, training.compare,
    tables.predict, tables.evaluate,
    machines.cost, machines.jobs, circuits.variance, circuits.report,
    spins.ising,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)

__all__ = ["app", "main"]
