"""The fake IBM machines that come with Qiskit Runtime, by name."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any


def bare(name: str) -> str:
    """A machine's name without ``fake_`` or ``ibm_``, in lower case."""
    if not isinstance(name, str):
        raise TypeError(f"a machine's name is text, got {name!r}. Example: 'torino'.")
    lower = name.lower().replace("-", "_")
    return lower.removeprefix("fake_").removeprefix("ibm_").removeprefix("ibmq_")


def near(name: str, known: list[str]) -> str:
    """What to say of a name that is not known: the nearest ones, or all."""
    close = difflib.get_close_matches(bare(name), [bare(each) for each in known], n=4, cutoff=0.5)
    return (
        f"Did you mean {', '.join(close)}?" if close else f"There are {', '.join(sorted(known))}."
    )


@lru_cache(maxsize=8)
def fake_backend(name: str) -> Any:
    """The fake backend of that name, with or without ``fake_``.

    Raises:
        ValueError: there is none; near names are listed.

    Example:
        >>> fake_backend("manila").num_qubits
        5
    """
    from qiskit_ibm_runtime import fake_provider

    classes = {
        bare(cls.backend_name): cls
        for cls in vars(fake_provider).values()
        if isinstance(getattr(cls, "backend_name", None), str)
        and issubclass(cls, fake_provider.fake_backend.FakeBackendV2)
    }
    if bare(name) not in classes:
        raise ValueError(
            f"There is no fake machine {name!r}. {near(name, list(classes))} "
            "Example: qdl.backends.fake('torino')."
        )
    return classes[bare(name)]()
