"""Places by the names that the command line knows."""

from __future__ import annotations

from typing import Any


def place_named(name: str, shots: int) -> Any:
    """``"classical"``, ``"aer"``, a fake machine as ``"fake_torino"``, or a real one as ``"ibm_torino"``."""
    from .. import backends

    if name == "classical":
        return backends.classical()
    if name == "aer":
        return backends.aer(shots=shots)
    if name.startswith("ibm_"):
        return backends.ibm(name, shots=shots)
    return backends.fake(name, shots=shots)
