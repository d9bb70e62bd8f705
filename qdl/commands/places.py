"""Places by the names that the command line knows."""

from __future__ import annotations

from typing import Any


def place_named(
    name: str,
    shots: int,
    gradient: str | None = None,
    max_qpu_seconds: float | None = None,
) -> Any:
    """A place by its name.

    Args:
        name: ``"classical"``, ``"aer"``, a fake machine as ``"fake_torino"``, or a real one as
            ``"ibm_torino"``.
        shots: of each circuit and basis, where they are drawn.
        gradient: how a machine makes gradients; None for its own way.
        max_qpu_seconds: the budget of a real machine; None for its own.
    """
    from .. import backends

    if name == "classical":
        return backends.classical()
    how: dict[str, Any] = {"shots": shots} | ({} if gradient is None else {"gradient": gradient})
    if name == "aer":
        return backends.aer(**how)
    if name.startswith("ibm_"):
        how |= {} if max_qpu_seconds is None else {"max_qpu_seconds": max_qpu_seconds}
        return backends.ibm(name, **how)
    return backends.fake(name, **how)
