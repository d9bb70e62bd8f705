"""``qdl jobs``: the ledger of a folder: what was sent, what it cost, what is outstanding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

OUTSTANDING = ("sending", "sent")
HEADERS = ("job", "machine", "state", "QPU seconds", "written")


@dataclass(frozen=True)
class Jobs:
    """The jobs of a ledger.

    Attributes:
        folder: of the ledger.
        jobs: each with ``job`` (its id), ``tag`` (of the request), ``machine``, ``state``, ``seconds``
            (billed where the service said so, else estimated) and ``written`` (when, local time).
        price_per_second: of a QPU second; None if it is not known.
    """

    folder: Path
    jobs: list[dict[str, Any]]
    price_per_second: float | None = None

    def seconds(self, *states: str) -> float:
        """QPU seconds of the jobs in these states; without any, of all."""
        return sum(job["seconds"] for job in self.jobs if not states or job["state"] in states)

    @property
    def outstanding(self) -> list[dict[str, Any]]:
        """The jobs whose results are not collected."""
        return [job for job in self.jobs if job["state"] in OUTSTANDING]

    def rows(self) -> list[tuple[str, ...]]:
        """A row of text for each job."""
        return [
            (
                job["job"],
                job["machine"] or "",
                job["state"],
                f"{job['seconds']:,.1f}",
                job["written"],
            )
            for job in self.jobs
        ]

    def summary(self) -> list[str]:
        """What it comes to, in a few lines."""
        done, left = self.seconds("done"), self.seconds(*OUTSTANDING)
        lines = [
            f"{len(self.jobs)} jobs, {self.seconds():,.1f} QPU seconds: {done:,.1f} of jobs that are done, "
            f"{left:,.1f} of {len(self.outstanding)} outstanding, {self.seconds('lost'):,.1f} of lost ones"
        ]
        if self.price_per_second is not None:
            lines.append(
                f"price: {self.price_per_second * self.seconds():,.2f}, of which "
                f"{self.price_per_second * left:,.2f} outstanding"
            )
        if self.outstanding:
            lines.append(
                "What is outstanding is collected by the same call with the same key: it is not sent again."
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Every number by its name, for JSON."""
        states = {state: self.seconds(state) for state in ("sending", "sent", "done", "lost")}
        found: dict[str, Any] = {
            "folder": str(self.folder),
            "jobs": self.jobs,
            "seconds": {"all": self.seconds(), **states},
            "outstanding": len(self.outstanding),
        }
        if self.price_per_second is not None:
            found["price"] = self.price_per_second * self.seconds()
        return found


def jobs(folder: Path, price_per_second: float | None = None) -> Jobs:
    """Read a ledger; nothing is asked of the service.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a damaged file, by its path.
    """
    from ..backends.machines.ledger import Ledger

    if not folder.is_dir():
        raise FileNotFoundError(
            f"no ledger {folder}: no job was sent from here. ibm(jobs=...) says the folder, qdl-jobs unless "
            "it is given."
        )
    return Jobs(
        folder,
        [
            {
                "job": id, "tag": tag, "machine": entry.get("machine"), "state": entry["state"],
                "seconds": entry["seconds"],
                "written": datetime.fromtimestamp(changed).isoformat(" ", "seconds"),
            }
            for tag, id, entry, changed in Ledger(folder).written()
        ],
        price_per_second,
    )  # fmt: skip
