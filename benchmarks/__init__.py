"""How fast qdl trains, measured against its peers: ``python -m benchmarks``."""
