"""A double of IBM's service, which keeps count: the one part of the road to hardware that is not real.

Everything before it is Qiskit's: an ``IBMBackend`` with the configuration and calibration of FakeManila, the
Runtime primitives, their options and checks. What is sent to it runs in Runtime's local testing mode.
"""

import itertools
import time

from qiskit_ibm_runtime import IBMBackend, exceptions
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from qiskit_ibm_runtime.fake_provider.local_service import QiskitRuntimeLocalService
from qiskit_ibm_runtime.models import QasmBackendConfiguration


class Killed(BaseException):
    """The process ends here."""


class Client:
    def backend_properties(self, *args, **kwargs):
        return self.fake._props_dict

    def __init__(self):
        self.fake = FakeManilaV2()
        self.fake.properties()


class Service:
    """``fault(where)`` is called at every step and may raise.

    A job is found by its tag ``lag`` seconds after it was sent, which takes ``slow`` seconds.
    """

    def __init__(self, fault=lambda where: None, lag=0.0, slow=0.0):
        self.fault, self.lag, self.slow = fault, lag, slow
        self.sent = []  # (job, options, inputs)
        self.account = {"token": "canary-token-0123456789abcdef"}
        client = Client()
        configuration = QasmBackendConfiguration.from_dict(client.fake._get_conf_dict_from_json())
        configuration.backend_name = "ibm_manila"
        self._backend = IBMBackend(configuration, self, client)

    @property
    def tags(self):
        return [options["job_tags"] for _, options, _ in self.sent]

    def backends(self):
        return [self._backend]

    def least_busy(self, **filters):
        return self._backend

    def _run(self, program_id, inputs, options, **rest):
        self.fault("before sending")
        time.sleep(self.slow)
        job = Job(self, f"job-{len(self.sent)}", program_id, inputs)
        job.tags = list(options["job_tags"])
        self.sent.append((job, dict(options), inputs))
        self.fault("sent")
        return job

    def job(self, job_id):
        self.fault("looking up a job")
        for job, _, _ in self.sent:
            if job.job_id() == job_id:
                return job
        raise exceptions.RuntimeJobNotFound(f"Job not found: {job_id}")

    def jobs(self, job_tags, limit=10):
        self.fault("looking for a tag")
        shown = [job for job, _, _ in self.sent if time.monotonic() - job.since >= self.lag]
        return [job for job in shown if set(job_tags) <= set(job.tags)][::-1][:limit]


class Job:
    def __init__(self, service, job_id, program_id, inputs):
        self.service, self.id, self.program_id, self.inputs = service, job_id, program_id, inputs
        self.since = time.monotonic()
        self.state, self.rows, self.seconds, self.tags = "DONE", None, 0.0, []

    def job_id(self):
        return self.id

    def status(self):
        return self.state

    def usage(self):
        return self.seconds

    def result(self, timeout=None):
        self.service.fault("waiting")
        if self.state == "ERROR":
            raise exceptions.RuntimeJobFailureError(
                "Unable to retrieve job result. Error code 6000"
            )
        if self.state == "CANCELLED":
            raise exceptions.RuntimeInvalidStateError(f"Job {self.id} was cancelled.")
        if self.state == "QUEUED":
            raise exceptions.RuntimeJobTimeoutError(f"Timed out after {timeout} secs.")
        local = QiskitRuntimeLocalService()
        options = {"simulator": {"seed_simulator": 1}}
        inputs = {"pubs": self.inputs["pubs"], "options": options}
        fake = FakeManilaV2()
        result = local._run(self.program_id, inputs, {"backend": fake}, None).result()
        self.service.fault("has a result")
        return result if self.rows is None else cut(result, self.rows)


def cut(result, rows):
    """The same result with fewer rows: what a service should never send."""
    from qiskit.primitives import DataBin, PrimitiveResult, PubResult

    evs = result[0].data.evs[:, :rows]
    return PrimitiveResult([PubResult(DataBin(evs=evs, shape=evs.shape))])


def once(where, error, after=0):
    """A fault that happens one time, at the step ``where``."""
    seen = itertools.count()

    def fault(here):
        if here == where and next(seen) == after:
            raise error

    return fault
