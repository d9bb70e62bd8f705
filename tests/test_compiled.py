"""What is compiled is kept for the next process, where the process is qdl's own."""

import os
import subprocess
import sys

import pytest

from qdl.files.compiled import DAYS

JIT = "import jax; jax.jit(lambda x: x + 1)(1.0); print(jax.config.jax_compilation_cache_dir)"
PRINT = "import os; print(os.environ.get('JAX_COMPILATION_CACHE_DIR'))"


def run(code, home, **changes):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    folders = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "LOCALAPPDATA": str(home)}
    environment = kept | folders | {"JAX_PLATFORMS": "cpu"} | changes
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def programs(home):
    return {path.name for path in home.rglob("*-cache")}


def test_commands_keep_what_they_compile(tmp_path):
    code = f"import qdl.cli; qdl.cli.main(); {JIT}"
    [folder] = run(code, tmp_path)
    there = programs(tmp_path)
    assert there and folder.startswith(str(tmp_path)) and folder.endswith("compiled")
    old = next(path for path in tmp_path.rglob("*-cache"))
    os.utime(old, (0, old.stat().st_mtime - (DAYS + 1) * 86400))
    young = tmp_path.joinpath(folder, "other-cache")
    young.write_bytes(b"")
    run(f"import qdl.cli; qdl.cli.main(); {PRINT}", tmp_path)
    assert not old.exists() and young.exists()
    run(code, tmp_path)
    assert programs(tmp_path) - {"other-cache"} == there  # found again by their names


@pytest.mark.parametrize(
    "code", ["import qdl, qdl.cli, qdl.files", "import jax, qdl.cli; qdl.cli.main()"]
)
def test_imports_and_processes_of_others_are_left_alone(code, tmp_path):
    assert run(f"{code}; {PRINT}", tmp_path) == ["None"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("chosen", ["", "elsewhere"])
def test_a_folder_that_the_user_chose_stays(chosen, tmp_path):
    code = f"import qdl.cli; qdl.cli.main(); {PRINT}"
    assert run(code, tmp_path, JAX_COMPILATION_CACHE_DIR=chosen) == ([chosen] if chosen else [])


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert run(f"import qdl.cli; qdl.cli.main(); {PRINT}", file) == ["None"]
