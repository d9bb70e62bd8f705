"""``python sender.py FOLDER REQUESTS BUDGET``: a process that pays, for the test of two that share a ledger.

The service is a folder: sending takes a moment, and a job is found by its tag half a second later. The
ledger's folder is slow, as one on a network, and both processes begin together.
"""

import json
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from qdl.backends import BudgetError
from qdl.backends.machines import jobs
from qdl.backends.machines.ledger import Ledger

LAG, SLOW = 0.5, 0.2
folder, requests = Path(sys.argv[1]), int(sys.argv[2])
budget = None if sys.argv[3] == "None" else float(sys.argv[3])
sent = folder / "service"
sent.mkdir(exist_ok=True)


class Job:
    def __init__(self, path):
        self.path, self.tags = path, [json.loads(path.read_text())]

    def job_id(self):
        return self.path.stem

    def status(self):
        return "DONE"

    def usage(self):
        return 2.0

    def result(self, timeout=None):
        value = float(self.tags[0].removeprefix("qdl-"))
        return [SimpleNamespace(data=SimpleNamespace(evs=np.array([[value]])))]


class Service:
    def job(self, id):
        return Job(sent / f"{id}.json")

    def jobs(self, job_tags, limit=None):
        shown = [p for p in sent.glob("job-*.json") if time.time() - p.stat().st_mtime > LAG]
        return [job for job in map(Job, shown) if job.tags == job_tags]


def send(request):
    time.sleep(SLOW)
    path = sent / f"job-{uuid.uuid4().hex}.json"
    path.write_text(json.dumps(request.tag))
    return Job(path)


write = Ledger.write


def slowly(*arguments):
    time.sleep(SLOW)
    write(*arguments)


Ledger.write = slowly
(folder / f"ready-{uuid.uuid4().hex}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.01)

program = SimpleNamespace(samples=False, size=1)
line = jobs.Line(
    Service(), "there", lambda program: SimpleNamespace(circuit=SimpleNamespace(parameters=[1])),
    lambda request: lambda: send(request), Ledger(folder / "jobs"), lambda request: 2.0, budget,
)  # fmt: skip
try:
    for i in range(requests):
        request = SimpleNamespace(tag=f"qdl-{i}", values=np.zeros((1, 1)), program=program)
        [found] = line.collect([request])
        print(int(found[0, 0]), flush=True)
except BudgetError:
    print("BudgetError")
