"""The house rules that a machine can hold: who imports whom, what is documented, what is light."""

import ast
import importlib
import inspect
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import qdl

ROOT = Path(qdl.__file__).parent
GROUND = {
    "arguments",
    "certified",
    "layers",
    "observables",
    "readout",
    "initializers",
    "datasets",
    "circuit",
    "reading",
    "refused",
    "reverse_mode",
    "shown",
    "threefry",
}
# What each room may import, itself always; a room that is not here may import anything above it.
ALLOWED = {
    **{
        room: set()
        for room in (
            "arguments",
            "describe",
            "files",
            "refused",
            "reverse_mode",
            "sampled",
            "shown",
            "threefry",
        )
    },
    **{room: {"arguments", "threefry"} for room in ("initializers", "datasets")},
    "layers": {"arguments", "refused", "threefry"},
    "observables": {"arguments", "refused"},
    "readout": {"arguments", "observables", "refused"},
    "certified": {"arguments", "shown"},
    "circuit": {"arguments", "layers", "readout"},
    "reading": {"layers", "refused"},
    "simulator": GROUND,
    "modes": GROUND | {"simulator"},
    "photonic": GROUND | {"modes"},
    "backends": GROUND | {"describe", "files", "simulator", "pauli", "modes"},
    "drawing": {"circuit", "layers"},
    "model": GROUND | {"drawing", "sampled", "simulator", "backends"},
    "qaoa": GROUND | {"backends", "ising", "model"},
    "models": GROUND | {"ising", "model", "qaoa", "backends", "photonic"},
    "hybrid": GROUND | {"model", "backends"},
    "kernels": GROUND | {"model", "backends", "simulator"},
    "agreement": GROUND | {"model", "backends"},
    "testing": GROUND | {"model", "backends", "agreement", "ising", "training", "diagnostics"},
    "training": GROUND | {"files", "model", "backends", "hybrid", "simulator", "describe"},
    "torch": GROUND | {"hybrid", "backends"},
    "pauli": GROUND | {"simulator"},
    "diagnostics": GROUND
    | {
        "files",
        "hybrid",
        "kernels",
        "model",
        "backends",
        "simulator",
        "pauli",
        "training",
        "photonic",
    },
    "ising": {"arguments", "files", "describe"},
    "measures": set(),
    "tabular": {"arguments", "files"},
}
TOP = {"__init__", "__main__", "cli", "commands", "estimators", "baselines", "saving"}
INNER = {"qdl.simulator", "qdl.backends", "qdl.training", "qdl.hybrid"}  # rooms with inner parts
HEAVY = ("pennylane", "qiskit", "sklearn", "matplotlib", "scipy", "dimod", "torch", "typer")
FILES = sorted(path for path in ROOT.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})


def room_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imports(path, root=ROOT):
    """What of qdl a file imports, as parts of dotted names, inside functions too; not under TYPE_CHECKING."""
    package = [root.name, *path.relative_to(root).parent.parts]
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == root.name:
                yield name, node.lineno


def imported_rooms(path):
    for name, line in imports(path):
        yield name[1] if len(name) > 1 else "__init__", line


def circle(folder, root=ROOT):
    """Files or folders of one folder that import each other in a circle, or None."""
    graph = {}
    for path in folder.rglob("*.py"):
        for name, _ in imports(path, root):
            target = root.parent.joinpath(*name)
            while not (target.is_dir() or target.with_suffix(".py").exists()):
                target = target.parent  # the rest is a name inside the file
            target = target / "__init__" if target.is_dir() else target
            if target.is_relative_to(folder):
                here, there = (
                    p.relative_to(folder).parts[0] for p in (path.with_suffix(""), target)
                )
                graph.setdefault(here, set()).update({there} - {here})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    room = room_of(path)
    if room in TOP:
        return
    assert room in ALLOWED, f"{room} is new: say in this test what it may import."
    for target, line in imported_rooms(path):
        assert target == room or target in ALLOWED[room], f"{path}:{line}: {room} imports {target}"


def test_allowed_imports_have_no_cycle():
    order = []

    def visit(room, above):
        assert room not in above, f"cycle: {above} -> {room}"
        for target in ALLOWED[room]:
            visit(target, (*above, room))
        order.append(room)

    for room in ALLOWED:
        visit(room, ())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_no_room_has_a_circle_inside(folder):
    assert circle(folder) is None


def test_a_circle_is_found(tmp_path):
    files = {
        "a": "from .room.b import f",
        "room/b": "import pkg.c",
        "room/d": "from . import b",
        "c": "def f():\n    from .room import d",
    }
    (tmp_path / "pkg/room").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "pkg" / f"{name}.py").write_text(text)
    assert set(circle(tmp_path / "pkg", tmp_path / "pkg")) == {"c", "room"}
    assert circle(tmp_path / "pkg/room", tmp_path / "pkg") is None
    (tmp_path / "pkg/room/b.py").write_text("from .d import f")
    assert set(circle(tmp_path / "pkg/room", tmp_path / "pkg")) == {"b", "d"}


def test_the_import_reader_sees_imports_inside_functions():
    probe = ROOT / "layers" / "probe.py"  # never written: only its place matters
    source = (
        "def f():\n    from ..model import QNN\n    from .. import training\n    import qdl.cli\n"
    )
    assert {room for room, _ in read(source, probe)} == {"model", "training", "cli"}


def read(source, place):
    class File(type(place)):
        def read_text(self, *args, **kwargs):
            return source

    return list(imported_rooms(File(place)))


def test_qiskit_lives_in_one_room():
    """And in the one file that reads its circuits."""
    for path in FILES:
        reader = path == ROOT / "layers" / "of_qiskit.py"
        if not reader and not path.is_relative_to(ROOT / "backends" / "machines"):
            text = path.read_text()
            assert "import qiskit" not in text and "from qiskit" not in text, path


def test_testing_samplers_needs_no_circuit():
    code = "import sys, qdl.testing; assert not {'jax', 'pennylane'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_qdl_is_light():
    code = (
        "import sys, qdl; dir(qdl); "
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]; assert not heavy, heavy; "
        "assert not any(m.startswith('qdl.') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_classifiers_of_spins_need_neither_jax_nor_pennylane(tmp_path):
    """Nor to keep checkpoints, to be saved and to be loaded."""
    code = f"""
import sys, qdl.ising as ising, qdl.files
X, y, folder = [[0.0, 1.0], [1.0, 0.0]] * 4, ["a", "b"] * 4, {str(tmp_path)!r}
for kind, sizes in ((ising.IsingClassifier, 3), (ising.DeepIsingClassifier, (3, 3))):
    words = {{"hidden" if sizes == 3 else "layers": sizes}}
    clf = kind(**words, epochs=2).fit(X, y, checkpoint=f"{{folder}}/run{{sizes}}")
    clf.save(f"{{folder}}/{{sizes}}")
    assert (kind.load(f"{{folder}}/{{sizes}}").predict(X) == clf.predict(X)).all()
assert not (found := {{"jax", "pennylane"}} & sys.modules.keys()), found
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_qdl_never_touches_jax_config():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("config.update"):
                raise AssertionError(f"{path}:{node.lineno} changes the user's JAX configuration")


def test_files_are_short():
    long = {str(path): n for path in FILES if (n := len(path.read_text().splitlines())) > 330}
    assert not long, long


def public_names():
    """(module, name, object) of what a user can reach: qdl's index, and each room's."""
    for name in qdl.__all__:
        value = getattr(qdl, name)
        if not inspect.ismodule(value):
            if callable(value):
                yield f"qdl.{name}", value
            continue
        for inner in getattr(value, "__all__", dir(value)):
            item = getattr(value, inner)
            here = getattr(item, "__module__", "") or ""
            if callable(item) and not inner.startswith("_") and here.startswith(value.__name__):
                yield f"{value.__name__}.{inner}", item


@pytest.mark.parametrize("name, item", [pytest.param(n, i, id=n) for n, i in public_names()])
def test_public_names_have_a_docstring_with_example_or_reference(name, item):
    text = item.__doc__ or ""
    assert text, f"{name} has no docstring"
    if name.rpartition(".")[0] not in INNER:
        # A record of results, which nobody builds by hand, lists its Attributes instead.
        parts = ("Example", "Reference", "Attributes:")
        assert any(part in text for part in parts), f"{name}: add an Example or a Reference"


def test_every_module_says_what_it_is():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_index_names_exist():
    for name in qdl.__all__:
        assert getattr(qdl, name) is not None
    with pytest.raises(AttributeError, match="module 'qdl' has no attribute 'nothing'; it has"):
        qdl.nothing  # noqa: B018
    assert importlib.import_module("qdl.layers").Rotation is qdl.layers.Rotation
