"""Real IBM machines as places: priced, budgeted, and every job written down before anyone waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...arguments import check_number
from ...describe import HERE
from ..cost import BudgetError
from .jobs import Line
from .ledger import Ledger
from .lower import Lowered
from .names import bare, near
from .price import estimate, qpu_seconds
from .primitives import primitive, submit
from .qiskit_place import QiskitPlace
from .request import Request

MODES = ("job", "batch", "session")
EXECUTIONS = 10_000_000  # the most in one job, says IBM's page of job limits


@dataclass(frozen=True)
class IBM(QiskitPlace):
    """A machine of the IBM Quantum service; see ``ibm``."""

    noisy: ClassVar[bool] = True  # type: ignore[misc]
    simulated: ClassVar[bool] = False
    name: str | None = None
    mode: str = "job"
    resilience: int = 1
    twirling: tuple[tuple[str, Any], ...] = ()
    dynamical_decoupling: str | None = "XY4"
    max_qpu_seconds: float | None = field(default=60.0, metadata=HERE)
    jobs: str = field(default="qdl-jobs", metadata=HERE)
    timeout: float | None = field(default=None, metadata=HERE)
    service: Any = field(default=None, hash=False, repr=False, metadata=HERE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shots is None:
            raise ValueError("ibm() needs shots: got None. Example: ibm('torino', shots=4000).")
        if self.mode not in MODES:
            raise ValueError(
                f"mode={self.mode!r} is not an execution mode: expected one of {', '.join(MODES)}. Sessions "
                "are billed by the wall clock and are not part of the open plan; 'job' fits here."
            )
        if self.resilience not in (0, 1, 2) or isinstance(self.resilience, bool):
            raise ValueError(f"resilience must be 0, 1 or 2, got {self.resilience!r}.")
        object.__setattr__(self, "resilience", int(self.resilience))
        for name in ("max_qpu_seconds", "timeout"):
            value = getattr(self, name)
            if value is not None:
                check_number(name, value, f"{name}=60, or None for no limit", positive=True)
                object.__setattr__(self, name, float(value))

    def __getstate__(self) -> dict[str, Any]:
        """The plain fields without the service, which knows the account."""
        return super().__getstate__() | {"service": None}

    @cached_property
    def account(self) -> Any:
        """The service: the one given, or that of the account which Qiskit has saved."""
        return self.service if self.service is not None else _login()

    @cached_property
    def backend(self) -> Any:
        """The machine: that of the name, or the least busy one."""
        if self.name is None:
            return self.account.least_busy(simulator=False, operational=True)
        known = {bare(backend.name): backend for backend in self.account.backends()}
        if self.name not in known:
            raise ValueError(
                f"Your account has no machine {self.name!r}. {near(self.name, list(known))} "
                "Leave the name out for the least busy one."
            )
        return known[self.name]

    @property
    def settings(self) -> str:
        """What values depend on: not how gradients are made, nor which machine where any will do."""
        values = replace(self, gradient="auto", random_shifts=4)
        where = "" if self.name is None else f" {self.backend.name}"
        return f"{super(IBM, values).settings}{where}"

    def rows(self, lowered: Lowered) -> int:
        """The most rows of a circuit in one job."""
        most = max(1, EXECUTIONS // (lowered.bases * (self.shots or 1)))
        return min(most, self.max_batch or most)

    def send(self, requests: list[Request]) -> list[np.ndarray]:
        """The values ``(rows, k)``: of the jobs that were sent for these requests, or of new ones."""
        with self._where() as where:
            line = Line(
                self.account,
                self.backend.name,
                self.compiled,
                lambda request: self._prepared(where, request),
                Ledger(self.jobs),
                lambda request: qpu_seconds(1, request.executions),
                self.max_qpu_seconds,
                self.timeout,
            )
            return line.collect(requests)

    def options(self, kind: str, tag: str) -> dict[str, Any]:
        """The options of a primitive, under the names of Qiskit Runtime."""
        decoupling: dict[str, Any] = {"enable": self.dynamical_decoupling is not None}
        if self.dynamical_decoupling is not None:
            decoupling["sequence_type"] = self.dynamical_decoupling
        found: dict[str, Any] = {
            "dynamical_decoupling": decoupling,
            "environment": {"job_tags": ["qdl", tag]},
        }
        if kind == "estimator":
            found["resilience_level"] = self.resilience
        if self.twirling:
            found["twirling"] = dict(self.twirling)
        if (
            self.max_qpu_seconds is not None
        ):  # the service stops the job there, whatever was estimated
            found["max_execution_time"] = _whole(self.max_qpu_seconds)
        return found

    def announce(self, model: Any, **sizes: Any) -> None:
        """Print the estimate of a training; refuse it when it is more than what is left of the budget."""
        found, spent = estimate(model, **sizes), Ledger(self.jobs).seconds()
        print(found)
        if self.max_qpu_seconds is not None and spent + found.qpu_seconds > self.max_qpu_seconds:
            raise BudgetError(
                f"Training needs about {found.qpu_seconds:.1f} QPU seconds, but {spent:.1f} of "
                f"max_qpu_seconds={self.max_qpu_seconds:g} are used by the jobs in {self.jobs}. Nothing was "
                "sent. Raise max_qpu_seconds, lower steps, shots or batch_size, or use gradient='spsa' "
                f"({found.spsa_qpu_seconds:.1f} s)."
            )

    def _prepared(self, where: Any, request: Request) -> Callable[[], Any]:
        """What sends a request: options and circuit are checked here, before anything is written down."""
        kind = "sampler" if request.program.samples else "estimator"
        runner = primitive(kind, where, self.options(kind, request.tag))
        compiled = self.compiled(request.program)
        return lambda: submit(runner, request, compiled)

    @contextmanager
    def _where(self) -> Iterator[Any]:
        """What a primitive runs in: the machine, a batch for these jobs, or the session."""
        if self.mode == "batch":
            from qiskit_ibm_runtime import Batch

            with Batch(self.backend) as batch:
                yield batch
        else:
            yield self._session if self.mode == "session" else self.backend

    @cached_property
    def _session(self) -> Any:
        """Opened by the first job; billed by the wall clock, so the service ends it at the budget."""
        from qiskit_ibm_runtime import Session

        return Session(self.backend, max_time=_whole(self.max_qpu_seconds))

    def close(self) -> None:
        """End the session, if there is one; jobs that wait in it still run."""
        if "_session" in self.__dict__:
            self.__dict__.pop("_session").close()

    def __enter__(self) -> IBM:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, int(np.ceil(seconds)))


def ibm(
    name: str | None = None,
    shots: int = 4000,
    mode: str = "job",
    resilience: int = 1,
    twirling: Mapping[str, Any] | None = None,
    dynamical_decoupling: str | None = "XY4",
    max_qpu_seconds: float | None = 60.0,
    gradient: str = "auto",
    random_shifts: int = 4,
    max_batch: int | None = None,
    jobs: str = "qdl-jobs",
    timeout: float | None = None,
    service: Any = None,
) -> IBM:
    """A machine of the IBM Quantum service.

    A batch, or a batch with all shifts of its gradient, is one job. Its id is written to a folder before
    anyone waits, and it carries a tag with the hash of everything that its result depends on: the same
    call with the same key collects the job instead of sending it again, also after a crash. Token and
    account are Qiskit's own affair: ``QiskitRuntimeService.save_account``, or ``QISKIT_IBM_TOKEN``.

    Not one job of this function has been run on a QPU yet: it is tested up to the service, whose place
    a double takes. Error mitigation is Runtime's own and cannot be tested without a machine.

    Args:
        name: of the machine, as "torino" or "ibm_torino"; None for the least busy one.
        shots: of each circuit and basis.
        mode: "job"; "batch", for calls that are split into several jobs; "session", which is billed by the
            wall clock until ``close()``, or the end of ``with ibm(...) as place``.
        resilience: 0 no mitigation, 1 readout, 2 also zero-noise extrapolation; of expectation values.
        twirling: options of Qiskit Runtime, as ``{"enable_gates": True}``; None for its defaults.
        dynamical_decoupling: "XX", "XpXm", "XY4", or None for none.
        max_qpu_seconds: what all jobs of the folder may use together; None for no limit.
        gradient: "auto" (which is "parameter_shift"), "parameter_shift", "spsa", "stochastic".
        random_shifts: pairs of shifts that "stochastic" draws for each sample.
        max_batch: the most circuits in one job; None for IBM's limit of ten million executions.
        jobs: the folder where jobs are written down.
        timeout: seconds to wait for a result; None to wait for ever.
        service: a ``QiskitRuntimeService``; None for that of the saved account.

    Raises:
        ValueError: no account, unknown machine (near names are listed), options that make no sense.
        BudgetError: at a call, before it sends anything: its jobs need more than what is left.

    Example:
        >>> place = ibm("torino", shots=4000, max_qpu_seconds=120)  # doctest: +SKIP

    Reference: execution modes and job limits: IBM Quantum documentation, read in November 2026.
    """
    place = IBM(
        shots,
        gradient,
        random_shifts,
        max_batch,
        name=None if name is None else bare(name),
        mode=mode,
        resilience=resilience,
        twirling=tuple(sorted((name, _plain(value)) for name, value in (twirling or {}).items())),
        dynamical_decoupling=dynamical_decoupling,
        max_qpu_seconds=max_qpu_seconds,
        jobs=str(jobs),
        timeout=timeout,
        service=service,
    )
    place.backend  # noqa: B018  # an unknown machine or account is refused here, not at the first job
    return place


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's: equal options are the same job."""
    return value.item() if isinstance(value, np.generic) else value


def _login() -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts import AccountNotFoundError

    try:
        return QiskitRuntimeService()
    except AccountNotFoundError:
        raise ValueError(
            "There is no IBM Quantum account on this machine. Save one, once, with qiskit_ibm_runtime."
            "QiskitRuntimeService.save_account(...), or set QISKIT_IBM_TOKEN; qdl itself takes no "
            "token. Without an account, qdl.backends.fake('torino') runs the same way."
        ) from None
