"""The upper bounds in pyproject.toml: each still has its reason."""

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# As code, not in a comment; these names are gone from jax.core since jax 0.11.
REMOVED = re.compile(r"^[^#\n]*\bjax\.core(\.| import .*)\b(is_concrete|concrete_or_error)\b", re.M)


def removed_names(folder):
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path(folder).glob("*.py")}
    return sorted(
        (name, found[2]) for name, text in texts.items() for found in REMOVED.finditer(text)
    )


def test_jax_is_bounded_as_long_as_pennylane_needs_it():
    folder = Path(find_spec("pennylane").origin).parent / "math"  # found, not imported
    assert removed_names(folder), (
        f"pennylane.math {version('pennylane')} no longer uses is_concrete or concrete_or_error of "
        "jax.core. In pyproject.toml ask for this PennyLane at least, lift the bounds of jax and flax, "
        "and delete this test; then .ci/run, which has the newest Python."
    )


def test_removed_names_are_those_in_code(tmp_path):
    """Else the test above might look in vain, or find what PennyLane's comments remember."""
    code = "    # jax.core.is_concrete was used here\n    return not jax.core.is_concrete(tensor)\n"
    (tmp_path / "a.py").write_text(code)
    (tmp_path / "b.py").write_text("from jax.core import Tracer, concrete_or_error\n")
    (tmp_path / "c.py").write_text("isinstance(x, jax.core.Tracer)  # jax.core.is_concrete\n")
    assert removed_names(tmp_path) == [("a.py", "is_concrete"), ("b.py", "concrete_or_error")]
