"""``python -m qdl``: the command ``qdl``, where no folder of programs is on the path."""

from .cli import app

if __name__ == "__main__":
    app(prog_name="qdl")
