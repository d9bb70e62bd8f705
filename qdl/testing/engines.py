"""What every engine of gradient variances must do, as one call."""

from __future__ import annotations

import jax
import numpy as np

from ..diagnostics import Engine, GradientVariance, Task, gradient_variance
from ..layers import Entangler, Rotation
from ..model import QNN
from ..readout import Expval, ExpZ
from ..refused import Refused

SIGMAS = 5.0  # standard errors that a sampled variance may be away from the exact one
RELATIVE = 1e-6  # what differences in place of derivatives may leave


def check_engine(engine: Engine, samples: int | None = None, key: jax.Array | None = None) -> None:
    """Check that an engine keeps the contract, on circuits whose variances are known.

    Description: ``valid`` gives None or a reason, and with a reason ``gradient_variance`` raises
    ``qdl.Refused``. Where it is valid: one row for each parameter, named by its layer; variances that agree
    with the exact ones within 5 standard errors; intervals that hold them; nothing called zero that is not.
    The circuits are one rotation (1/2), a product state (2^-n), and a hardware-efficient circuit.

    Args:
        engine: an instance of it.
        samples: draws that the engine is asked for; None for its own number.
        key: ``jax.random.key(0)`` if None.

    Raises:
        AssertionError: the contract is broken; the text says where and by how much.

    Example:
        >>> from qdl.diagnostics.engines.dense_moment import DenseMoment
        >>> check_engine(DenseMoment())
    """
    assert isinstance(engine, Engine), (
        f"{engine!r} is no instance of a qdl.diagnostics.Engine: subclass it, and pass an instance."
    )
    key = jax.random.key(0) if key is None else key
    valid = [_check(engine, name, model, samples, key) for name, model in _circuits().items()]
    assert any(valid), (
        f"{engine.name} is valid for none of {', '.join(_circuits())}, so nothing was compared. An engine "
        "for other circuits is compared with method='dense_moment' on some of those."
    )


def _circuits() -> dict[str, QNN]:
    import pennylane as qp

    zzz = Expval(qp.Z(0) @ qp.Z(1) @ qp.Z(2))
    layers = [Rotation("yz"), Entangler("cz"), Rotation("x")]
    return {
        "one rotation": QNN(1, Rotation("x")),
        "a product state on 3 wires": QNN(3, Rotation("x"), zzz),
        "a hardware-efficient circuit on 3 wires": QNN(3, layers, ExpZ(1)),
    }


def _check(engine: Engine, name: str, model: QNN, samples: int | None, key: jax.Array) -> bool:
    """Whether the engine is valid for a circuit, after it was found right about that."""
    where = f"{engine.name}, {name}"
    reason = engine.valid(Task(model, key, samples=samples))
    assert reason is None or (isinstance(reason, str) and reason), (
        f"{where}: valid gave {reason!r}, expected None or the reason as a string."
    )
    try:
        row = gradient_variance(model, method=engine, samples=samples, key=key)
    except Refused as error:
        assert str(error), f"{where}: refused without a reason."
        return False
    assert reason is None, f"{where}: valid gave {reason!r}, and yet it was measured."
    _check_row(row, gradient_variance(model, method="dense_moment", key=key), where)
    return True


def _check_row(row: GradientVariance, exact: GradientVariance, where: str) -> None:
    wanted = exact.variance.shape
    for field in ("variance", "low", "high", "standard_error", "certified_zero"):
        shape = np.shape(getattr(row, field))
        assert shape == wanted, f"{where}: {field} has shape {shape}, expected {wanted}."
    assert row.n_wires == exact.n_wires, (
        f"{where}: n_wires = {row.n_wires}, expected {exact.n_wires}."
    )
    assert tuple(row.layers) == exact.layers, (
        f"{where}: layers are {row.layers}, expected {exact.layers}. Use task.parameters.names."
    )
    assert isinstance(row.method, str) and row.method, f"{where}: method is {row.method!r}."
    assert np.isfinite(row.standard_error).all() and (row.low <= row.high).all(), (
        f"{where}: standard errors must be finite, and low at most high."
    )
    room = SIGMAS * row.standard_error + RELATIVE
    off = np.abs(row.variance - exact.variance) - room
    worst = int(off.argmax())
    assert off[worst] <= 0, (
        f"{where}: variance of parameter {worst} is {row.variance[worst]:.6g} +- "
        f"{row.standard_error[worst]:.2g}, exact {exact.variance[worst]:.6g}."
    )
    away = abs(row.cost_mean - exact.cost_mean)
    most = SIGMAS * (row.cost_variance / max(row.draws, 1)) ** 0.5 * (row.draws > 0) + RELATIVE
    assert away <= most, (
        f"{where}: mean cost {row.cost_mean:.6g}, exact {exact.cost_mean:.6g} (away by more than {most:.2g})."
    )
    wrong = np.flatnonzero(np.asarray(row.certified_zero) & (exact.variance > RELATIVE))
    assert not wrong.size, (
        f"{where}: parameter {wrong[:1]} is certified zero, its variance is {exact.variance[wrong[:1]]}."
    )
