"""Never pay twice: where jobs are written down, and how they are found again.

A job's tag is the hash of everything that its result depends on. Before a job is sent, it is looked for: in
the ledger on disk, then by its tag at the service. The id of a job is on disk before anyone waits for it. So
whatever is interrupted can be run again, with the same key, and only what is missing is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...files import VERSION, read_json, write_json
from .primitives import LengthError, values
from .request import Request

PAUSES = (1, 2, 4, 8, 16, 32, 64)  # seconds between attempts to reach the service
LOST = ("ERROR", "CANCELLED")


class BudgetError(RuntimeError):
    """The next job would cost more QPU seconds than are left.

    Example:
        >>> issubclass(BudgetError, RuntimeError)
        True
    """


@dataclass(frozen=True)
class Ledger:
    """One small JSON file for each request, in a folder: its jobs, newest last.

    Example:
        >>> import tempfile
        >>> ledger = Ledger(tempfile.mkdtemp())
        >>> ledger.write("qdl-1", "job-7", "sent", 2.5)
        >>> ledger.current("qdl-1"), ledger.seconds()
        ('job-7', 2.5)
    """

    folder: str | Path

    def jobs(self, tag: str) -> dict[str, dict[str, Any]]:
        """The jobs of a tag: id to ``{"state", "seconds"}``."""
        path = Path(self.folder) / f"{tag}.json"
        return _jobs(path) if path.exists() else {}

    def current(self, tag: str) -> str | None:
        """The id of the job that was sent for this tag and has not been lost."""
        alive = [id for id, job in self.jobs(tag).items() if job["state"] != "lost"]
        return alive[-1] if alive else None

    def write(self, tag: str, id: str, state: str, seconds: float) -> None:
        """Write a job down, so that it survives a power cut from here on."""
        jobs = self.jobs(tag) | {id: {"state": state, "seconds": seconds}}
        write_json(Path(self.folder) / f"{tag}.json", {"version": VERSION, "jobs": jobs})

    def seconds(self) -> float:
        """QPU seconds of all jobs in the folder: as billed where known, as estimated elsewhere."""
        files = Path(self.folder).glob("qdl-*.json")
        return float(sum(job["seconds"] for file in files for job in _jobs(file).values()))


def _jobs(path: Path) -> dict[str, dict[str, Any]]:
    content = read_json(path, "job ledger")
    return content.get("jobs", content)  # the jobs alone, before these files had a version


@dataclass(frozen=True)
class Line:
    """The way of a request to a service and back.

    Attributes:
        service: Qiskit's Runtime service, of which ``job`` and ``jobs`` are used.
        compiled: a program's circuit in the gates of the machine.
        send: sends a request, tagged with ``request.tag``; the job.
        ledger: where jobs are written down.
        seconds: the estimated QPU seconds of a request.
        max_seconds: the most that the jobs of the ledger may use together; None for no limit.
        timeout: seconds to wait for a result; None to wait for ever.
        sleep: waits between attempts.
    """

    service: Any
    compiled: Callable[[Any], Any]
    send: Callable[[Request], Any]
    ledger: Ledger
    seconds: Callable[[Request], float]
    max_seconds: float | None = None
    timeout: float | None = None
    sleep: Callable[[float], None] = time.sleep

    def collect(self, requests: list[Request]) -> list[np.ndarray]:
        """The values of each request: of the job that was sent for it, or of a new one.

        All jobs are in the queue before the first is waited for.
        """
        jobs = [self._patiently(request, self._job) for request in requests]
        waits = [lambda request, job=job: self._values(request, job) for job in jobs]
        return [self._patiently(r, wait) for r, wait in zip(requests, waits, strict=True)]

    def _patiently(self, request: Request, attempt: Callable[[Request], Any]) -> Any:
        """Try again while the network is away for a minute or two."""
        for pause in (*PAUSES, None):
            try:
                return attempt(request)
            except TimeoutError:
                raise
            except _network_errors() as error:
                if pause is None:
                    raise self._unreachable(request, error) from error
                self.sleep(pause)

    def _job(self, request: Request) -> Any:
        """The job of a request, found or sent, written down."""
        job = self._find(request)
        if job is None:
            self._check_budget(request)
            job = self.send(request)
            self.ledger.write(request.tag, job.job_id(), "sent", self.seconds(request))
        elif self.ledger.current(request.tag) != job.job_id():
            self.ledger.write(request.tag, job.job_id(), "sent", self.seconds(request))
        return job

    def _find(self, request: Request) -> Any:
        """The job of this request that can still give its result, or None."""
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        lost = [id for id, job in self.ledger.jobs(request.tag).items() if job["state"] == "lost"]
        id = self.ledger.current(request.tag)
        try:
            known = [self.service.job(id)] if id else []
        except RuntimeJobNotFound:  # deleted, or another account's
            known = []
        # Sent, and then the process died before it could write the id down: the tag finds it.
        for job in known or self.service.jobs(job_tags=[request.tag], limit=None):
            if job.job_id() not in lost and str(job.status()) not in LOST:
                return job
        return None

    def _values(self, request: Request, job: Any) -> np.ndarray:
        """Wait for a job; one that will never give its values is set aside."""
        id, estimated = job.job_id(), self.seconds(request)
        try:
            found = values(self._wait(job), request, self.compiled(request.program))
        except _Lost as lost:
            self.ledger.write(request.tag, id, "lost", _billed(job, 0.0))
            raise self._set_aside(id, str(lost)) from lost.__cause__
        except LengthError as error:
            self.ledger.write(request.tag, id, "lost", _billed(job, estimated))
            raise self._set_aside(id, f"it answered with {error}") from error
        self.ledger.write(request.tag, id, "done", _billed(job, estimated))
        return found

    def _set_aside(self, id: str, why: str) -> RuntimeError:
        return RuntimeError(
            f"Job {id} gave no result: {why}. It is set aside and everything else is kept: run the same "
            f"again, with the same key, and only this job is sent once more."
        )

    def _wait(self, job: Any) -> Any:
        from qiskit_ibm_runtime import exceptions as problems

        try:
            return job.result(timeout=self.timeout)
        except problems.RuntimeJobTimeoutError as error:
            raise TimeoutError(
                f"Job {job.job_id()} has no result after {self.timeout} s. It stays at the service: run the "
                "same again, with the same key, to collect it; nothing is sent twice."
            ) from error
        except problems.RuntimeJobMaxTimeoutError as error:
            raise _Lost(f"the service stopped it after its longest run time ({error})") from error
        except problems.RuntimeInvalidStateError as error:
            raise _Lost("it was cancelled") from error
        except problems.RuntimeJobFailureError as error:
            raise _Lost(f"it failed ({error})") from error

    def _check_budget(self, request: Request) -> None:
        if self.max_seconds is None:
            return
        spent, next_one = self.ledger.seconds(), self.seconds(request)
        if spent + next_one > self.max_seconds:
            raise BudgetError(
                f"The next job needs about {next_one:.1f} QPU seconds, but {spent:.1f} of "
                f"max_qpu_seconds={self.max_seconds:g} are used by the jobs in {self.ledger.folder}. "
                "Nothing was sent. Raise max_qpu_seconds, lower shots or the batch, or use gradient='spsa'."
            )

    def _unreachable(self, request: Request, error: Exception) -> ConnectionError:
        id = self.ledger.current(request.tag)
        state = f"Job {id} is written down" if id else "No job was written down"
        return ConnectionError(
            f"The service could not be reached in {len(PAUSES) + 1} attempts ({type(error).__name__}: "
            f"{error}). {state}: run the same again, with the same key; nothing is sent twice."
        )


class _Lost(Exception):
    """The job will never have a result."""


def _network_errors() -> tuple[type[Exception], ...]:
    """What a service that cannot be reached raises; requests' own errors are OSErrors."""
    from qiskit_ibm_runtime.exceptions import IBMApiError, IBMRuntimeError

    return OSError, IBMApiError, IBMRuntimeError


def _billed(job: Any, otherwise: float) -> float:
    """The QPU seconds that the service says a job used."""
    try:
        return float(job.usage())
    except Exception:  # whatever goes wrong: the number is only for the ledger
        return otherwise
