"""What is written to disk: whole or not there, hashed, of a stated format. NumPy alone.

Nothing here knows about models, circuits or machines. ``fit``, ``qdl.save``, the classifiers of
``qdl.ising``, the ledgers of machines and the folders of the command line write and read through it.
"""

from .checkpoints import Checkpoints, Saved
from .compiled import keep_compiled
from .hashes import fingerprint, sha256
from .lock import lock
from .plain import VERSION, jsonable, read_json, read_lines, write_json
from .schema import checked
from .store import read, write
from .whole import cannot_write, replace

__all__ = [
    "VERSION",
    "Checkpoints",
    "Saved",
    "cannot_write",
    "checked",
    "fingerprint",
    "jsonable",
    "keep_compiled",
    "lock",
    "read",
    "read_json",
    "read_lines",
    "replace",
    "sha256",
    "write",
    "write_json",
]
