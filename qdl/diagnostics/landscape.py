"""The loss around some parameters, on a plane through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from .. import threefry
from ..arguments import check_number, check_whole
from ..backends import places_of
from ..hybrid import applied
from ..refused import Refused
from ..training.check import check_class_weight, check_model, n_outputs
from ..training.given import given_data
from ..training.losses import CrossEntropy, as_loss

DIRECTIONS = ("random", "pca", "hessian")
LARGEST = 2000  # parameters of a Hessian that is computed whole
ROOM = 1.15  # how far the plane goes beyond the path
NUMBERS = 2**22  # values of rows times points that are computed side by side


@dataclass(frozen=True, eq=False, repr=False)
class LossLandscape:
    r"""The loss $L(\theta + a\,d_1 + b\,d_2)$ on a grid of $a$ and $b$.

    Attributes:
        a: ``(points,)``, along the first direction.
        b: ``(points,)``, along the second.
        values: the losses ``(points, points)``, the first axis along a.
        directions: $d_1$ and $d_2$, ``(2, p)``, in the order of ``jax.flatten_util.ravel_pytree(params)``.
        kind: ``"random"``, ``"pca"`` or ``"hessian"``.
        centre: the loss at the parameters themselves.
        path: a and b of the point of the plane that is nearest to each of the parameters of the path,
            ``(steps, 2)``; None without a path.
        shares: for ``"pca"`` the share of the path's squared lengths along each direction, ``(2,)``.
        curvatures: for ``"hessian"`` the second derivative of the loss along each, ``(2,)``.
    """

    a: np.ndarray
    b: np.ndarray
    values: np.ndarray
    directions: np.ndarray
    kind: str
    centre: float
    path: np.ndarray | None = None
    shares: np.ndarray | None = None
    curvatures: np.ndarray | None = None

    def __repr__(self) -> str:
        """The loss in the middle, and the lowest and highest on the plane."""
        low, high = np.nanmin(self.values), np.nanmax(self.values)
        more = ""
        if self.shares is not None:
            more = f"; {self.shares[0]:.0%} and {self.shares[1]:.0%} of the path lie along them"
        if self.curvatures is not None:
            more = f"; curvatures {self.curvatures[0]:.3g} and {self.curvatures[1]:.3g}"
        return (
            f"<LossLandscape along {NAMES[self.kind]}: loss {self.centre:.4g} at the parameters, "
            f"{low:.4g} to {high:.4g} on the plane{more}>"
        )

    def plot(self, axes: Any = None) -> Any:
        """Draw the loss as a map with the parameters as a cross, and the path from its first point on.

        Args:
            axes: matplotlib axes; None for a new figure.

        Returns:
            The axes; ``axes.figure.savefig("landscape.pdf")`` writes the picture.
        """
        from .result.landscapes import draw_landscape

        return draw_landscape(self, axes)


NAMES = {
    "random": "random directions",
    "pca": "principal components of the path",
    "hessian": "eigenvectors of the Hessian",
}


def loss_landscape(
    model: Any,
    params: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any,
    directions: str = "random",
    path: Sequence[Any] | None = None,
    points: int = 31,
    extent: float | None = None,
    key: jax.Array | None = None,
) -> LossLandscape:
    r"""The loss on a plane through some parameters, and where a training went on it.

    A plane is two directions of many: valleys that are narrow elsewhere do not show, and on the plane of
    ``"pca"`` the way that was taken looks as straight as it can.

    Args:
        model: what ``fit`` takes.
        params: the parameters in the middle, such as those of a ``fit``.
        X: features ``(rows, n_features)``, all of which are in every loss; None for a model without data.
        y: targets, as in ``fit``.
        loss: as in ``fit``. The penalty of a place is not in it.
        directions: ``"random"``: normal numbers, in each array of the parameters scaled to the length that
            this array has; ``"pca"``: the two principal components of the path, seen from ``params``;
            ``"hessian"``: the eigenvectors of the two eigenvalues of the Hessian that are largest in size.
        path: parameters along a training, such as a ``callback`` of ``fit`` collects; three or more for
            ``"pca"``.
        points: along each direction.
        extent: the largest a and b; None for 1, and for as far as the path goes. For ``"pca"`` and
            ``"hessian"`` directions have length 1, so that a and b are in the units of the parameters.
        key: a JAX key for random directions and shots; None for ``jax.random.key(0)``.

    Raises:
        ValueError: parameters of another model, data that ``fit`` would refuse, a path that is too short.
        Refused: fewer than two parameters, random directions around parameters that are all zero, more
            parameters than a whole Hessian is computed of, rows that are not in memory.

    Example:
        >>> import qdl
        >>> model, X = qdl.Hybrid([qdl.Dense(1, 1)]), np.array([[-1.0], [0.0], [1.0]])
        >>> params = [{"weight": np.array([[2.0]]), "bias": np.array([0.0])}]
        >>> found = loss_landscape(model, params, X, 2 * X[:, 0], loss="mse", directions="hessian")
        >>> found.curvatures.round(3).tolist(), round(found.centre, 6)  # 2 E 1 and 2 E x^2
        ([2.0, 1.333], 0.0)

    Reference: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS
    (2018), sections 4 and 7; Huembeli, Dauphin, Quantum Science and Technology 6, 025011 (2021).
    """
    check_model(model)
    check_whole("points", points, least=3, owner="loss_landscape")
    if directions not in DIRECTIONS:
        raise ValueError(f"directions must be one of {', '.join(DIRECTIONS)}, got {directions!r}.")
    if extent is not None:
        check_number("extent", extent, "extent=1.0", positive=True)
    for_directions, for_shots = threefry.split(jax.random.key(0) if key is None else key, 2)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(float)), params)
    middle, tree = ravel_pytree(params)
    if middle.size < 2:
        raise Refused(f"a plane needs two parameters or more, the model has {middle.size}.")
    measure = _loss_of(model, X, y, loss, tree, for_shots)
    walked = None if path is None else _walked(path, params)
    shares = curvatures = None
    if directions == "random":
        found = np.stack([_random(k, params) for k in threefry.split(for_directions, 2)])
    elif directions == "pca":
        found, shares = _principal(walked, np.asarray(middle, float))
    else:
        found, curvatures = _hessian(measure, middle)
    on_plane = None
    if walked is not None:
        on_plane = np.linalg.lstsq(found.T, (walked - np.asarray(middle, float)).T, rcond=None)[0].T
    a, b = (_axis(on_plane, i, points, extent, directions) for i in range(2))
    plane = np.stack(np.meshgrid(a, b, indexing="ij"), -1).reshape(-1, 2)
    moved = jnp.asarray(np.asarray(middle, float) + plane @ found, middle.dtype)
    values = _at(measure, moved, places_of(model), 1 if X is None else len(X))
    return LossLandscape(
        a, b, values.reshape(points, points), found, directions, float(measure(middle)),
        on_plane, shares, curvatures,
    )  # fmt: skip


def _loss_of(
    model: Any, X: Any, y: Any, loss: Any, tree: Callable, key: Any
) -> Callable[[Any], Any]:
    """The loss of all rows as a function of the flattened parameters."""
    function, outputs = as_loss(loss, model), n_outputs(model)
    data, source = given_data(X, y, None, model, function, outputs, True, key)
    if source is not None:
        raise Refused("a landscape looks at all rows at every point: pass X and y as arrays.")
    if isinstance(function, CrossEntropy):
        check_class_weight(function.weight, data.y, outputs)
        function = function.balanced(data.y)
    draws = any(place.draws for place in places_of(model))

    targets = () if data.y is None else (data.y,)

    def measure(flat: Any) -> Any:
        found = applied(model, tree(flat), data.X, data.key if draws else None)
        return function(found, *targets)

    return measure


def _at(measure: Callable[[Any], Any], moved: Any, places: list[Any], rows: int) -> np.ndarray:
    """The losses at some parameters; one compilation where the places are compiled."""
    if not all(place.compiles for place in places):
        return np.array([float(measure(each)) for each in moved])
    block = int(np.clip(NUMBERS // max(rows, 1) >> 8, 1, 64))
    run = jax.jit(partial(jax.lax.map, measure, batch_size=block))
    return np.asarray(run(moved), float)


def _random(key: Any, params: Any) -> np.ndarray:
    leaves = jax.tree.leaves(params)
    parts = []
    for k, leaf in zip(threefry.split(key, len(leaves)), leaves, strict=True):
        drawn = np.asarray(jax.random.normal(k, leaf.shape), float).ravel()
        length = np.linalg.norm(drawn)
        parts.append(drawn * np.linalg.norm(leaf) / length if length else drawn)
    found = np.concatenate(parts)
    if not found.any():
        raise Refused(
            "all parameters are zero, so that random directions of their length have none. Use "
            "directions='hessian', or other parameters."
        )
    return found


def _walked(path: Sequence[Any], params: Any) -> np.ndarray:
    """The flattened parameters of a path ``(steps, p)``."""
    shapes = jax.tree.map(jnp.shape, params)
    for i, each in enumerate(path):
        if jax.tree.structure(each) != jax.tree.structure(params) or (
            jax.tree.map(jnp.shape, each) != shapes
        ):
            raise ValueError(
                f"path[{i}] is not of the same model as params: expected trees like those of model.init. "
                "Collect them by fit(..., callback=lambda report: path.append(report.params))."
            )
    if not len(path):
        raise ValueError("path is empty, expected parameters along a training.")
    return np.stack([np.asarray(ravel_pytree(each)[0], float) for each in path])


def _principal(walked: np.ndarray | None, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if walked is None or len(walked) < 3:
        given = "none" if walked is None else f"{len(walked)} point(s)"
        raise ValueError(
            f"directions='pca' needs a path of three points or more, got {given}. Collect it by "
            "fit(..., callback=lambda report: path.append(report.params))."
        )
    _, lengths, rows = np.linalg.svd(walked - middle, full_matrices=False)
    shares = lengths**2 / max((lengths**2).sum(), np.finfo(float).tiny)
    if lengths[1] <= 1e-6 * lengths[0]:
        raise Refused("the path lies on a line through params, or is no path: it spans no plane.")
    return rows[:2], shares[:2]


def _hessian(measure: Callable[[Any], Any], middle: Any) -> tuple[np.ndarray, np.ndarray]:
    if middle.size > LARGEST:
        raise Refused(
            f"the Hessian of {middle.size} parameters is not computed, of {LARGEST} at most. Use "
            "directions='random' or 'pca'."
        )
    matrix = np.asarray(jax.jacrev(jax.grad(measure))(middle), float)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    order = np.argsort(-np.abs(values))[:2]
    return vectors[:, order].T, values[order]


def _axis(
    path: np.ndarray | None, i: int, points: int, extent: float | None, kind: str
) -> np.ndarray:
    """The places along a direction: around 0, and as far as the path goes."""
    if extent is not None:
        return np.linspace(-extent, extent, points)
    low, high = (-1.0, 1.0) if kind != "pca" or path is None else (0.0, 0.0)
    if path is not None:
        reach = path[:, i].min(), path[:, i].max()
        width = (ROOM - 1) * max(reach[1] - reach[0], np.ptp(path, axis=0).max() / 4)
        low, high = min(low, reach[0] - width), max(high, reach[1] + width)
    return np.linspace(low, high, points)
