"""Never pay twice: how a request becomes one job, and how that job is found again.

A job's tag is the hash of everything that its result depends on. Before a job is sent, it is looked for: in
the ledger on disk, then by its tag at the service. That it is being sent is on disk before it is sent, under
a lock that one process holds at a time; its id is on disk before anyone waits for it. So whatever is
interrupted can be run again, with the same key, and only what is missing is sent.
"""

from __future__ import annotations

import errno
import math
import re
import secrets
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cost import BudgetError
from .ledger import Ledger, LedgerError
from .primitives import AnswerError, values
from .request import Request

PAUSES = (1, 2, 4, 8, 16, 32, 64)  # seconds between attempts to reach the service
LAG = (0.5, 0.5, 1, 2, 4, 8, 14)  # seconds in all until a service's index of tags shows a new job
LOST = ("ERROR", "CANCELLED")
AWAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ETIMEDOUT, errno.EHOSTDOWN}
LATER = (408, 425, 429)  # HTTP's refusals that ask for another attempt


@dataclass(frozen=True)
class Line:
    """The way of a request to a service and back.

    Attributes:
        service: Qiskit's Runtime service, of which ``job`` and ``jobs`` are used.
        machine: its name, for the ledger.
        compiled: a program's circuit in the gates of the machine.
        prepare: checks a request, tagged with ``request.tag``, and gives the function that sends it; the job.
        ledger: where jobs are written down.
        seconds: the estimated QPU seconds of a request.
        max_seconds: the most that the jobs of the ledger may use together; None for no limit.
        timeout: seconds to wait for a result; None to wait for ever.
        sleep: waits between attempts.
    """

    service: Any
    machine: str
    compiled: Callable[[Any], Any]
    prepare: Callable[[Request], Callable[[], Any]]
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
        """Try again while the network is away for a minute or two; not where the service says no."""
        for pause in (*PAUSES, None):
            try:
                return attempt(request)
            except (TimeoutError, LedgerError):
                raise
            except Exception as error:
                if _is_refusal(error):
                    raise self._refused(request, error) from error
                if not _is_network(error):
                    raise
                if pause is None:
                    raise self._unreachable(request, error) from error
                self.sleep(pause)

    def _job(self, request: Request) -> Any:
        """The job of a request, found or sent, written down."""
        while True:
            before = self.ledger.jobs(request.tag)
            job = self._find(request)
            ready = None
            if job is None:
                self._check_budget(request)  # before any file is made
                ready = self.prepare(request)
            elif self.ledger.current(request.tag) == job.job_id():
                return job
            with self.ledger.locked():
                if self.ledger.jobs(request.tag) != before:
                    continue  # somebody was quicker: look again
                return self._send(request, ready) if ready is not None else self._sent(request, job)

    def _send(self, request: Request, ready: Callable[[], Any]) -> Any:
        """Send a job: on disk before and after, so that it is looked for wherever this stops."""
        self._check_budget(request)  # others may have sent meanwhile
        id, seconds = f"sending-{secrets.token_hex(8)}", self.seconds(request)
        self.ledger.write(request.tag, id, "sending", seconds, self.machine)
        try:
            job = ready()
        except Exception as error:
            if _is_refusal(error):
                self.ledger.forget(request.tag, id)
            raise
        return self._sent(request, job)

    def _sent(self, request: Request, job: Any) -> Any:
        self.ledger.write(request.tag, job.job_id(), "sent", self.seconds(request), self.machine)
        return job

    def _find(self, request: Request) -> Any:
        """The job of this request that can still give its result, or None."""
        known = self.ledger.jobs(request.tag)
        lost = [id for id, job in known.items() if job["state"] == "lost"]
        for job in self._candidates(request, any(j["state"] == "sending" for j in known.values())):
            if job.job_id() not in lost and str(job.status()) not in LOST:
                return job
        return None

    def _candidates(self, request: Request, in_doubt: bool) -> Iterator[Any]:
        """The job that is written down; else those with the tag, which may take a while to show."""
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        id = self.ledger.current(request.tag)
        try:
            job = self.service.job(id) if id else None
        except RuntimeJobNotFound:  # deleted, or another account's
            job = None
        if job is not None:
            self._check_tag(request, job)
            yield job
            return
        for pause in (0, *LAG) if in_doubt else (0,):
            self.sleep(pause) if pause else None
            yield from self.service.jobs(job_tags=[request.tag], limit=None)

    def _check_tag(self, request: Request, job: Any) -> None:
        """Refuse a ledger that names a job which was sent for something else."""
        tags = list(job.tags or [])
        if request.tag not in tags:
            raise ValueError(
                f"{self.ledger.folder}/{request.tag}.json names job {job.job_id()}, whose tags are {tags}: "
                "it was sent for another request, so its values are not used. Remove that file if it was "
                "edited or copied; the right job is found by its tag."
            )

    def _values(self, request: Request, job: Any) -> np.ndarray:
        """Wait for a job; one that will never give its values is set aside."""
        id, estimated = job.job_id(), self.seconds(request)
        try:
            found = values(self._wait(job), request, self.compiled(request.program))
        except _Lost as lost:
            self._note(request, id, "lost", _billed(job, estimated))
            raise self._set_aside(id, str(lost)) from lost.__cause__
        except AnswerError as error:
            self._note(request, id, "lost", _billed(job, estimated))
            raise self._set_aside(id, f"it answered with {error}") from error
        self._note(request, id, "done", _billed(job, estimated))
        return found

    def _note(self, request: Request, id: str, state: str, seconds: float) -> None:
        """Write down how a job ended; its values are worth more than the note, and are not lost with it."""
        try:
            with self.ledger.locked():
                self.ledger.write(request.tag, id, state, seconds)
        except (LedgerError, TimeoutError) as error:
            warnings.warn(
                f"Job {id} is {state} after {seconds:.1f} QPU seconds; this could not be written: {error}",
                stacklevel=2,
            )

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
                f"Job {job.job_id()} has no result after {self.timeout:g} s. It stays at the service: run "
                "the same again, with the same key, to collect it; nothing is sent twice."
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
        spent, next_one = self.ledger.seconds(apart=request.tag), self.seconds(request)
        if spent + next_one > self.max_seconds:
            raise BudgetError(
                f"The next job needs about {next_one:.1f} QPU seconds, but {spent:.1f} of "
                f"max_qpu_seconds={self.max_seconds:g} are used by the jobs in {self.ledger.folder}. "
                "Nothing was sent. Raise max_qpu_seconds, lower shots or the batch, or use gradient='spsa'."
            )

    def _unreachable(self, request: Request, error: Exception) -> ConnectionError:
        return ConnectionError(
            f"The service could not be reached in {len(PAUSES) + 1} attempts ({type(error).__name__}: "
            f"{error}). {self._state(request)}: run the same again, with the same key; nothing is sent twice."
        )

    def _refused(self, request: Request, error: Exception) -> RuntimeError:
        return RuntimeError(
            f"The service says no ({type(error).__name__}): {error}. It was not asked again, since it would "
            f"say the same. {self._state(request)}; mend what it says and run it again with the same key."
        )

    def _state(self, request: Request) -> str:
        id = self.ledger.current(request.tag)
        if id:
            return f"Job {id} is written down"
        if self.ledger.jobs(request.tag):
            return "It is written down that a job was being sent, which is looked for before another one is"
        return "No job was written down"


class _Lost(Exception):
    """The job will never have a result."""


def _is_network(error: BaseException) -> bool:
    """Whether a service could not be reached, or had a fault of its own. A local file is no network."""
    from qiskit_ibm_runtime.api.exceptions import ApiError
    from qiskit_ibm_runtime.exceptions import IBMApiError, IBMRuntimeError
    from requests import RequestException

    kinds = (
        ConnectionError,
        socket.gaierror,
        RequestException,
        ApiError,
        IBMApiError,
        IBMRuntimeError,
    )
    return isinstance(error, kinds) or (isinstance(error, OSError) and error.errno in AWAY)


def _is_refusal(error: BaseException | None) -> bool:
    """Whether the service understood and said no: HTTP's 4xx, an account that may not."""
    from qiskit_ibm_runtime.exceptions import (
        IBMAccountError,
        IBMNotAuthorizedError,
        RuntimeProgramNotFound,
    )

    if isinstance(error, IBMAccountError | IBMNotAuthorizedError | RuntimeProgramNotFound):
        return True
    text, codes = str(error), []
    while error is not None:  # Qiskit raises its own errors in place of those with a status
        response = getattr(error, "response", None)
        codes += [getattr(error, "status_code", None), getattr(response, "status_code", None)]
        error = error.__cause__ or error.__context__
    codes += [int(code) for code in re.findall(r"\b(4\d\d) Client Error", text)]
    return any(isinstance(c, int) and 400 <= c < 500 and c not in LATER for c in codes)


def _billed(job: Any, estimated: float) -> float:
    """The QPU seconds that the service says a job used; the estimate where it does not say."""
    try:
        used = float(job.usage())
    except Exception:  # whatever goes wrong: the number is only for the ledger
        return estimated
    return used if math.isfinite(used) and used >= 0 else estimated
