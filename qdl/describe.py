"""Objects as JSON and back: frozen dataclasses and PennyLane observables by name, fields as values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

PAULIS = ("PauliX", "PauliY", "PauliZ", "Hadamard", "Identity")
OPAQUE = ("function", "object")  # kinds of entries that only say a name
MOST_WIRES = 1024  # of a model in a file: no simulator comes near, and a huge number would hang


class Missing(LookupError):
    """A description names a class of the user's own that was not passed."""


HERE = {
    "saved": False
}  # metadata of a field that tells how a place is reached, and not what it answers


def of_results(value: Any) -> list[dataclasses.Field[Any]]:
    """The fields of a dataclass that results depend on: neither a budget nor a service, say."""
    return [f for f in dataclasses.fields(value) if f.compare and f.metadata.get("saved", True)]


def describe(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """JSON of a model, a layer, a readout, a loss, a sampler, or any value of their fields.

    A dataclass becomes ``{"class": name, "fields": {...}}``, one that is not of qdl with
    ``"own class"``. Functions become ``{"function": name}`` and what cannot be described
    ``{"object": name}``: of those only the name is compared, and no file can bring them back.

    Args:
        value: what to describe.
        arrays: matrices found inside (of ``qp.Hermitian``, say) are put here by name.

    Example:
        >>> import qdl
        >>> describe(qdl.Dense(4, 2), {})
        {'class': 'Dense', 'fields': {'n_in': 4, 'n_out': 2}}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [describe(item, arrays) for item in value]
    if isinstance(value, np.generic) or (hasattr(value, "__array__") and np.ndim(value) == 0):
        return describe(np.asarray(value).item(), arrays)
    if hasattr(value, "__array__"):
        return _array(value, arrays)
    if type(value).__module__.startswith("pennylane."):
        return _operator(value, arrays)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        mine = type(value).__module__.startswith("qdl.")
        fields = [f for f in of_results(value) if f.init or mine]
        # Options that came later are keyword-only, and left out at their default: older files stay equal.
        fields = [f for f in fields if not (f.kw_only and getattr(value, f.name) == f.default)]
        return {
            "class" if mine else "own class": type(value).__name__,
            "fields": {f.name: describe(getattr(value, f.name), arrays) for f in fields},
        }
    if callable(value) and hasattr(value, "__qualname__"):
        return {"function": value.__qualname__}
    return {"object": type(value).__qualname__}


def build(
    description: Any,
    arrays: Mapping[str, np.ndarray],
    known: Callable[[str], type],
    own: Mapping[str, type],
) -> Any:
    """The value that a description means: the opposite of ``describe``.

    Nothing is imported or executed but the classes given; what their names and fields make of a
    description of somebody else's may be any error.

    Args:
        description: as ``describe`` gives it; lists become tuples.
        arrays: the matrices by name.
        known: the class of qdl of a name.
        own: the user's classes by name.

    Raises:
        Missing: a class of the user's own is not among ``own``.

    Example:
        >>> import qdl
        >>> build({"class": "Dense", "fields": {"n_in": 4, "n_out": 2}}, {}, vars(qdl.hybrid).get, {})
        Dense(n_in=4, n_out=2)
    """
    if description is None or isinstance(description, bool | int | float | str):
        return description
    if isinstance(description, list):
        return tuple(build(item, arrays, known, own) for item in description)
    if "operator" in description:
        return _build_operator(description, arrays)
    if "array" in description:
        return arrays[description["array"]]
    if "own class" in description:
        name = description["own class"]
        if name not in own:
            raise Missing(name)
        cls = own[name]
    else:
        cls = known(description["class"])
    fields = description["fields"]
    if fields.get("n_wires", 0) > MOST_WIRES:
        raise ValueError(f"{fields['n_wires']} wires are more than {MOST_WIRES}.")
    return cls(**{name: build(value, arrays, known, own) for name, value in fields.items()})


def own_classes(description: Any) -> set[str]:
    """The names of the user's own classes in a description."""
    found = {name for inner, _ in _parts(description, "") for name in own_classes(inner)}
    return found | ({description["own class"]} if _is_own(description) else set())


def _is_own(description: Any) -> bool:
    return isinstance(description, dict) and isinstance(description.get("own class"), str)


def opaque(description: Any, path: str = "model") -> Iterator[tuple[str, str]]:
    """Where a description only knows a name, and that name."""
    for inner, where in _parts(description, path):
        yield from opaque(inner, where)
    if isinstance(description, dict):
        yield from ((path, f"{kind} {description[kind]}") for kind in OPAQUE if kind in description)


def differences(one: Any, two: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The innermost entries in which two descriptions differ, each with both values."""
    a, b = dict(_named(one, path)), dict(_named(two, path))
    same_kind = type(one) is type(two) and isinstance(one, dict | list) and a.keys() == b.keys()
    if same_kind:
        for where in a:
            yield from differences(a[where], b[where], where)
    elif one != two:
        yield path, one, two


def _named(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    return ((where, inner) for inner, where in _parts(value, path))


def _parts(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The entries of a description, each with its path as one would write it in Python."""
    if isinstance(value, list):
        yield from ((inner, f"{path}[{i}]") for i, inner in enumerate(value))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "fields" and isinstance(inner, dict):
                yield from ((each, f"{path}.{field}") for field, each in inner.items())
            else:
                yield inner, f"{path}.{name}"


def _array(value: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    name = f"model/{len(arrays)}"
    arrays[name] = np.asarray(value)
    return {"array": name}


def _operator(value: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """A PennyLane observable: those below, their sums and products, and nothing else."""
    kind = type(value).__name__
    if kind in PAULIS:
        return {"operator": kind, "wires": _wires(value, arrays)}
    if kind in ("Sum", "Prod"):
        return {"operator": kind, "operands": [_operator(o, arrays) for o in value.operands]}
    if kind == "SProd":
        scalar = describe(value.scalar, arrays)
        return {"operator": kind, "scalar": scalar, "base": _operator(value.base, arrays)}
    if kind == "LinearCombination":
        coefficients, terms = value.terms()
        return {
            "operator": kind,
            "coefficients": [describe(c, arrays) for c in coefficients],
            "terms": [_operator(term, arrays) for term in terms],
        }
    if kind == "Hermitian" or kind.endswith("Projector"):
        kind, numbers = kind.removeprefix("BasisState"), _array(value.data[0], arrays)
        kind = kind.removeprefix("StateVector")
        return {"operator": kind, "numbers": numbers, "wires": _wires(value, arrays)}
    return {"object": kind}


def _build_operator(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    import pennylane as qp

    kind, wires = entry["operator"], entry.get("wires")
    if kind in PAULIS:
        return getattr(qp, kind)(wires)
    if kind in ("Sum", "Prod"):
        operands = [_build_operator(each, arrays) for each in entry["operands"]]
        return qp.sum(*operands) if kind == "Sum" else qp.prod(*operands)
    if kind == "SProd":
        return qp.s_prod(entry["scalar"], _build_operator(entry["base"], arrays), lazy=True)
    if kind == "LinearCombination":
        terms = [_build_operator(each, arrays) for each in entry["terms"]]
        return qp.Hamiltonian([float(c) for c in entry["coefficients"]], terms)
    numbers = arrays[entry["numbers"]["array"]]
    return {"Hermitian": qp.Hermitian, "Projector": qp.Projector}[kind](numbers, wires)


def _wires(value: Any, arrays: dict[str, np.ndarray]) -> list[Any]:
    return [describe(wire, arrays) for wire in value.wires]
