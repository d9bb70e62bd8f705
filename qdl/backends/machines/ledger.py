"""Where jobs are written down: one small file for each request, changed by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from annotated_types import Interval
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ...files import VERSION, checked, lock, read_json, write_json

Seconds = Annotated[float, Interval(ge=0, le=1e9)]  # NaN is in no interval
PATIENCE = 600.0  # seconds to wait for another process, which holds the lock while it sends one job


class LedgerError(OSError):
    """The folder of jobs cannot be written: found out before a job is sent, and never a network's fault.

    Example:
        >>> issubclass(LedgerError, OSError)
        True
    """


class Entry(TypedDict):
    """A job: ``seconds`` are those billed where known, and estimated elsewhere."""

    state: Literal["sending", "sent", "done", "lost"]
    seconds: Seconds
    machine: NotRequired[str]


class Written(NamedTuple):
    """A job as the ledger has it; ``changed``: when its file was written, in seconds since 1970."""

    tag: str
    id: str
    entry: Entry
    changed: float


@dataclass(frozen=True)
class Ledger:
    """One small JSON file for each request, in a folder: its jobs, newest last.

    A job is written down as "sending" before it is sent, when it has no id yet.

    Example:
        >>> import tempfile
        >>> ledger = Ledger(tempfile.mkdtemp())
        >>> with ledger.locked():
        ...     ledger.write("qdl-1", "job-7", "sent", 2.5, "ibm_torino")
        >>> ledger.current("qdl-1"), ledger.seconds()
        ('job-7', 2.5)
    """

    folder: str | Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in the folder: other processes and machines wait here. A process that dies lets go.

        Raises:
            LedgerError: the folder cannot be made or written.
            TimeoutError: somebody else has been in it for ten minutes.
        """
        try:
            held = lock(Path(self.folder), PATIENCE)
        except TimeoutError:
            raise TimeoutError(
                f"Another process has held {self.folder} for {PATIENCE:g} s; sending a job takes seconds. "
                "Stop it if it hangs, and run the same again: nothing is sent twice."
            ) from None
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            held.release()

    def jobs(self, tag: str) -> dict[str, Entry]:
        """The jobs of a tag, by id."""
        path = Path(self.folder) / f"{tag}.json"
        try:
            return _jobs(path) if path.exists() else {}
        except OSError as error:
            raise self._unwritable(error) from error

    def current(self, tag: str) -> str | None:
        """The id of the job that was sent for this tag and has not been lost."""
        alive = [id for id, job in self.jobs(tag).items() if job["state"] in ("sent", "done")]
        return alive[-1] if alive else None

    def write(
        self, tag: str, id: str, state: str, seconds: float, machine: str | None = None
    ) -> None:
        """Write a job down, so that it survives a power cut; it takes the place of one in sending."""
        jobs: dict[str, Any] = {k: v for k, v in self.jobs(tag).items() if v["state"] != "sending"}
        on = jobs.get(id, {}).get("machine") if machine is None else machine
        entry = {"state": state, "seconds": seconds} | ({} if on is None else {"machine": on})
        self._replace(tag, jobs | {id: entry})

    def forget(self, tag: str, id: str) -> None:
        """Take out what was about to be sent, and was not."""
        self._replace(tag, {k: v for k, v in self.jobs(tag).items() if k != id})

    def seconds(self, apart: str | None = None) -> float:
        """QPU seconds of all jobs in the folder; without what is being sent for the tag ``apart``."""
        total = 0.0
        for file in sorted(Path(self.folder).glob("qdl-*.json")):
            jobs = _jobs(file).values()
            total += sum(
                j["seconds"] for j in jobs if file.stem != apart or j["state"] != "sending"
            )
        return total

    def written(self) -> list[Written]:
        """Every job of the folder, those that were written down last at the end."""
        files = sorted(Path(self.folder).glob("qdl-*.json"), key=lambda file: file.stat().st_mtime)
        return [
            Written(file.stem, id, job, file.stat().st_mtime)
            for file in files
            for id, job in _jobs(file).items()
        ]

    def _replace(self, tag: str, jobs: dict[str, Any]) -> None:
        try:
            write_json(Path(self.folder) / f"{tag}.json", {"version": VERSION, "jobs": jobs})
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> LedgerError:
        return LedgerError(
            error.errno,
            f"jobs cannot be written down in {self.folder} ({error.strerror or error}). Mend that, or name "
            "another folder with ibm(jobs=...): without it a job could be paid twice",
        )


def _jobs(path: Path) -> dict[str, Entry]:
    content = read_json(path, "job ledger")
    # the jobs alone, before these files had a version
    return checked(content.get("jobs", content), dict[str, Entry], path, "job ledger")
