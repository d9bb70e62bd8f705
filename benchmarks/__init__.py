"""How fast qdl trains, measured against its peers: ``python -m benchmarks``."""

import os
import sys

if "jax" not in sys.modules:  # first calls are measured: nothing compiled comes from a folder
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
