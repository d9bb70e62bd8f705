"""The variance of the gradient over random starts: the first question to ask of a circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from ..arguments import check_number
from ..backends.native.statevector import statevector
from ..circuit import check_features
from ..layers.base import check_key
from ..photonic import haar
from ..refused import Refused
from .bounds.family import bounds
from .data import DataLoss, data_loss
from .energy import EnergySweep, check_energies, mean_leak
from .engine import Engine, Task
from .engines.choose import METHODS, run
from .engines.dense_moment import DenseMoment
from .one_shot import one_shot
from .result.structure import Bounds
from .result.sweep import Sweep
from .result.variance import GradientVariance, Subject, check_index
from .until import warned

QUICK = 2e10  # multiplications of exact moments beside what was sampled: some seconds on ten wires


def gradient_variance(
    model_or_build: Any,
    n_wires: Iterable[int] | None = None,
    *,
    depth: Callable[[int], int] | None = None,
    parameter: Subject = None,
    method: str | Engine = "auto",
    samples: int | None = None,
    interval: float | None = None,
    x: Any = None,
    initializer: Any = None,
    cost: Callable[[jax.Array], jax.Array] | None = None,
    data: Any = None,
    loss: Any = None,
    energy: Any = None,
    key: jax.Array,
    executor: Any = None,
) -> Any:
    r"""The variance of each gradient component over the model's own random starts.

    For every width $n$ the model ``build(n)`` draws parameters $\theta$ with its own ``init``, and the
    row reports the expected squared norm $E\,|\nabla C|^2 = \sum_k (v_k + m_k^2)$ of the gradient, the
    variance $v_k = \mathrm{Var}_\theta[\partial_{\theta_k} C]$ of every component ($m_k$ is its mean) and
    that of the cost. A squared norm that falls exponentially with $n$ is a barren plateau. One component
    alone may fall where the gradient does not: that of a gate far from the readout.

    On a place that samples, its noise is not part of the answer: two independent runs at each start share
    nothing but the gradient. A sweep then measures one component, drawn at random, at each start, one model
    all of them; what the shots cannot resolve is said (``.floor``, ``.limit``).

    Args:
        model_or_build: a QNN, or a function of the width that returns one.
        n_wires: the widths; None for a single QNN.
        depth: gives the depth for a width; then the model is ``build(n, depth(n))``.
        parameter: what the verdict follows: None for the whole gradient, $E\,|\nabla C|^2$; or one
            component's variance, by its index in the flattened parameters, ``"median"`` or ``"largest"``.
        method: ``"statevector"`` (random starts of any model), ``"dense_moment"`` (exact, few wires),
            ``"pauli_walk"`` and ``"pauli_walk_rb"`` (sampled, up to thousands of wires; the second for
            deep plateaus), ``"light_cone"`` (local observables, any start), ``"sampled"`` (places with
            shots), or ``"auto"``: the best of them that is valid for the model, with the reason in the row;
            or an ``Engine`` of your own.
        samples: random starts or walks for each width, at least 2; None for the engine's own number. With
            ``interval`` the most of them; None for 16 times the engine's own.
        interval: draw in parts, one call of a machine each, until half of the 95% interval of the squared
            norm (or of the component ``parameter``) is at most this, relative to it, as 0.2. A warning says
            where ``samples`` were not enough. None for a fixed number of draws.
        x: one sample of features, ``(n_features,)``, or a function of the width that returns it; None
            for features uniform in $[0, 2\pi)$ with each draw, where the model reads some.
        initializer: in place of the model's; layers that have one of their own keep it.
        cost: a function of the readout values; None for the first value.
        data: ``(X, y)``, or a function of the width that returns it: the cost is the loss on these rows.
        loss: of the data, as in ``qdl.fit``: ``"mse"``, ``"cross_entropy"`` or f(outputs, y) -> scalar.
        energy: for photonic circuits, photons per mode, one or several: a sweep over the energy of the start
            too, each with ``initializer(E)``, ``qdl.photonic.haar`` if None.
        key: a JAX key.
        executor: where blocks of draws run: anything with ``submit``, as a
            ``concurrent.futures`` executor or a Dask ``Client``; None for here.

    Returns:
        A ``Sweep`` with a row a width, or for a single QNN one ``GradientVariance``; with ``energy`` an
        ``EnergySweep``, whose verdict names the modes and the energy.

    Raises:
        ValueError: widths, samples or method that make no sense; a model without parameters.
        Refused: an engine that is not valid for the model, with the reason and the alternative.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> sweep = gradient_variance(lambda n: qdl.QNN(n, Rotation("y"), readout=qdl.ExpZ(0)), (1, 2),
        ...                           key=jax.random.key(0))
        >>> [round(sweep[n].squared_norm, 1) for n in (1, 2)]  # E sin^2 = 1/2: C = cos(angle)
        [0.5, 0.5]

    Reference: McClean, Boixo, Smelyanskiy, Babbush, Neven, Nature Communications 9, 4812 (2018).
    """
    if energy is not None:
        options = dict(depth=depth, parameter=parameter, method=method, samples=samples, x=x)
        options |= dict(interval=interval)
        options |= dict(cost=cost, data=data, loss=loss, key=key, executor=executor)
        return _over_energies(model_or_build, n_wires, energy, initializer or haar, options)
    _check(model_or_build, method, samples, parameter, depth)
    if interval is not None:
        check_number("interval", interval, "interval=0.2", positive=True)
    _check_cost(x, cost, data, loss)
    key = check_key(key, "gradient_variance")
    if hasattr(model_or_build, "layers"):
        for name, given in (("n_wires", n_wires), ("depth", depth)):
            if given is not None:
                raise ValueError(
                    f"{name}={given!r} was given with one model of {model_or_build.n_wires} wires. Leave "
                    "it out, or pass a function build(n) that returns the model for each width."
                )
        components = "all" if parameter is None else _components(parameter)
        here, what = _cost(model_or_build, x, cost, data, loss)
        task = Task(model_or_build, key, what, here, samples, executor, components, interval)
        row = _row(task, initializer, method)
        row.point(parameter)  # a single row has no verdict, but it has an index or not
        return row
    widths = [int(n) for n in n_wires] if isinstance(n_wires, Iterable) else []
    if not widths or len(set(widths)) != len(widths):
        raise ValueError(
            f"gradient_variance needs distinct widths for build(n), at least one; got {widths or n_wires!r}. "
            "Example: n_wires=(2, 4, 6)."
        )
    depths = [None if depth is None else int(depth(n)) for n in widths]
    models = [
        model_or_build(n) if d is None else model_or_build(n, d)
        for n, d in zip(widths, depths, strict=True)
    ]
    for n, model in zip(widths, models, strict=True):
        if not hasattr(model, "layers"):
            raise TypeError(
                f"build({n}) gave {type(model).__name__}, expected a QNN. End it with return qdl.QNN(n, ...)."
            )
    if len({model.n_wires for model in models}) < len(models):
        raise ValueError(
            f"build(n) gave models of {', '.join(str(m.n_wires) for m in models)} wires for the widths "
            f"{widths}: expected another number for each. Use n in it, as in qdl.QNN(n, layers)."
        )
    rows, tasks = [], []
    for n, d, model in zip(widths, depths, models, strict=True):
        rows_of = data(n) if callable(data) else data
        here, what = _cost(model, x(n) if callable(x) else x, cost, rows_of, loss)
        own = jax.random.fold_in(key, n)
        task = Task(model, own, what, here, samples, executor, _components(parameter), interval)
        row = _row(task, initializer, method)
        row.point(parameter)  # refused before the next, wider one takes its time
        tasks.append(task)
        rows.append(replace(row, depth=d))
    law = "as in build(n)" if depth is None else ", ".join(map(str, depths))
    family = partial(_family, model_or_build, depth, initializer, tuple(widths), cost, x)
    moments = partial(_moments, tuple(tasks), initializer)
    if data is not None:
        return Sweep(tuple(rows), parameter, law)
    return Sweep(tuple(rows), parameter, law, family=family, moments=moments)


def _over_energies(
    build: Any, n_wires: Any, energy: Any, start: Any, options: dict[str, Any]
) -> EnergySweep:
    """A sweep over widths for each energy of the start."""
    energies = check_energies(energy)
    if hasattr(build, "layers") or not callable(build):
        raise TypeError(
            "gradient_variance(energy=...) sweeps over modes too: pass a function build(n) that returns a "
            f"photonic QNN, and n_wires=(...); got {type(build).__name__}. Example: "
            "gradient_variance(lambda n: model, (model.n_wires,), energy=(0.5, 1.0, 2.0), key=key)."
        )
    widths = tuple(n_wires) if isinstance(n_wires, Iterable) else ()
    depth, data = options["depth"], options["data"]

    def model_of(n: int) -> Any:
        return build(n) if depth is None else build(n, int(depth(n)))

    if options["x"] is None and data is None:
        # Features are displacements, energy of their own: none of it.
        options["x"] = lambda n: np.zeros(k) if (k := model_of(n).n_features) else None
    sweeps = [gradient_variance(build, widths, initializer=start(e), **options) for e in energies]

    def leak(n: int, e: float) -> float:
        given: Any = options["x"]
        if given is None and data is not None:
            of_rows: Any = data(n) if callable(data) else data
            given = of_rows[0]
        rows = given(n) if callable(given) else given
        return mean_leak(replace(model_of(n), initializer=start(e)), rows, options["key"])

    leaks = np.array([[leak(n, e) for n in widths] for e in energies])
    return EnergySweep(energies, tuple(sweeps), leaks)


def _family(
    build: Any, depth: Any, initializer: Any, widths: tuple[int, ...], cost: Any, x: Any
) -> Bounds:
    """What the structure of ``build(n)`` proves."""

    def model(n: int) -> Any:
        found = build(n) if depth is None else build(n, int(depth(n)))
        return found if initializer is None else replace(found, initializer=initializer)

    return bounds(model, widths, cost, x)


def _moments(tasks: tuple[Task, ...], initializer: Any) -> dict[int, GradientVariance]:
    """Exact moments of the circuits that were sampled, without the shots; as far as that takes a moment."""
    out = {}
    for task in sorted(tasks, key=lambda task: task.model.n_wires):
        if task.model.place.noisy:
            break
        model = task.model.on(statevector())
        model = model if initializer is None else replace(model, initializer=initializer)
        x = None if task.x is None else check_features(task.x)
        try:
            out[model.n_wires] = run(replace(task, model=model, x=x), DenseMoment(most_work=QUICK))
        except Refused:
            break
    return out


def _check(
    model_or_build: Any, method: str | Engine, samples: int | None, parameter: Any, depth: Any
) -> None:
    if not hasattr(model_or_build, "layers") and not callable(model_or_build):
        raise TypeError(
            "gradient_variance takes a QNN or a function build(n) that returns one, got "
            f"{type(model_or_build).__name__}. Of a Hybrid pass the quantum stage, as model.stages[1]."
        )
    if not isinstance(method, Engine) and method not in METHODS:
        raise ValueError(
            f"unknown method {method!r}: expected one of {', '.join(METHODS)}, or an instance of your own "
            "qdl.diagnostics.Engine. 'auto' chooses."
        )
    if samples is not None and not (_is_whole(samples) and samples >= 2):
        raise ValueError(f"a variance needs samples >= 2, got {samples!r}. Take 100 or more.")
    named = parameter in (None, "median", "largest")
    if not named and not (_is_whole(parameter) and int(parameter) >= 0):
        raise ValueError(
            f"parameter={parameter!r} is none to follow: expected None for the whole gradient, 'median', "
            "'largest', or an index >= 0 into the flattened parameters. Example: parameter=0."
        )
    if depth is not None and not callable(depth):
        raise TypeError(
            f"depth must be a function of the width, got {depth!r}. Example: depth=lambda n: 2 * n."
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_cost(x: Any, cost: Any, data: Any, loss: Any) -> None:
    if data is not None and (x is not None or cost is not None):
        raise ValueError(
            "data=(X, y) has the features, and its loss is the cost. Leave x and cost out."
        )
    if data is None and loss is not None:
        raise ValueError(
            f"loss={loss!r} needs rows to be a loss of: pass data=(X, y), or a cost= of the readout values."
        )


def _cost(model: Any, x: Any, cost: Any, data: Any, loss: Any) -> tuple[Any, Any]:
    """Features and cost: as they are, or of data."""
    return (x, cost) if data is None else data_loss(model, data, loss)


def _components(parameter: Subject) -> str | int:
    """What a sweep has to measure of the gradient where every expectation value is paid for."""
    if parameter is None:
        return "drawn"
    return "all" if isinstance(parameter, str) else int(parameter)


def _row(task: Task, initializer: Any, method: str | Engine) -> GradientVariance:
    model, x = task.model, task.x
    if not model.n_params:
        raise ValueError(
            f"the model on {model.n_wires} wires has no parameters, so no gradient. Add a layer that has "
            "some, for example Rotation()."
        )
    if x is not None and np.ndim(x) != 1 and not isinstance(task.cost, DataLoss):
        raise ValueError(
            f"x must be one sample of shape (n_features,), got shape {np.shape(x)}. Pass one row, as X[0], "
            "leave x out for random features, or give data=(X, y) and a loss."
        )
    model = model if initializer is None else replace(model, initializer=initializer)
    task = replace(task, model=model, x=None if x is None else check_features(x))
    if not isinstance(task.components, str):
        check_index(task.components, len(task.parameters.names), model.n_wires)
    row = warned(run(task, method), task.components, task.interval)
    return replace(row, cost=_named(model, task.cost), one_shot=one_shot(task, row))


def _named(model: Any, cost: Any) -> str:
    """What is differentiated, in words: nobody should take the first of many values for their mean."""
    if isinstance(cost, DataLoss):
        return cost.name
    if cost is not None:
        return f"cost={getattr(cost, '__name__', cost)}"
    count = model.size
    return "the readout's value" if count == 1 else f"the first of {count} readout values"
