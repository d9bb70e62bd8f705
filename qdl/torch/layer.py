"""A model of qdl inside of PyTorch: values and gradients of JAX, handed over through DLPack."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import torch
from torch.autograd import forward_ad

from ..backends import places_of
from ..circuit import Circuit, check_features
from ..hybrid import Hybrid
from ..layers.base import check_key
from ..reading import leaves, unfold
from ..refused import Refused


class Layer(torch.nn.Module):
    r"""A QNN, a Hybrid, or anything with ``init(key)`` and ``apply``, as a layer of PyTorch.

    Its parameters are those of the module, so that ``state_dict``, optimizers and ``nn.Sequential`` know
    them. A forward pass is the compiled one of JAX, a backward pass JAX's gradient: to the parameters, and to
    x where x asks for one. JAX computes in the precision that it is set to; values come back in that of x (in
    that of the parameters without x) and on its device. First derivatives only.

    Drawn choices, such as the axes of ``RandomRotation``, are buffers: they are saved and not trained. Where
    the model's place draws shots, each pass draws its key from PyTorch's generator.

    Args:
        model: the model.
        params: a tree of parameters of the model, such as those of a ``fit``; None to draw them with
            ``model.init`` and a key from PyTorch's generator, so that ``torch.manual_seed`` decides.
        key: a JAX key to draw them with instead.

    Raises:
        TypeError: a model without ``init`` and ``apply``.
        ValueError: parameters or features that are not of the model.
        Refused: a backward pass with ``create_graph=True``; ``torch.func``, ``torch.jit``, forward
            derivatives, and whatever else hands over tensors without numbers.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding, Entangler, Rotation
        >>> model = qdl.QNN(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")])
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2), Layer(model), torch.nn.Linear(2, 3))
        >>> net(torch.zeros(5, 4)).shape
        torch.Size([5, 3])
        >>> [name for name, _ in net.named_parameters()]
        ['0.weight', '0.bias', '1.params_1', '2.weight', '2.bias']
    """

    def __init__(self, model: Any, params: Any = None, *, key: Any = None):
        super().__init__()
        if not (callable(getattr(model, "init", None)) and callable(getattr(model, "apply", None))):
            raise TypeError(
                f"qdl.torch.Layer takes a model with init(key) and apply(params, x), got {model!r}. "
                "Example: qdl.torch.Layer(qdl.QNN(4, layers))."
            )
        if params is not None and key is not None:
            raise ValueError(
                "qdl.torch.Layer takes params or a key to draw them with, got both. Leave one out."
            )
        if params is None:
            params = model.init(_drawn_key() if key is None else check_key(key, "qdl.torch.Layer"))
        elif isinstance(model, Circuit):
            model.check_params(params)
        self.model = model
        found, self._tree = jax.tree_util.tree_flatten_with_path(params)
        self._names = [_name(path) for path, _ in found]
        if len(set(self._names)) < len(found):
            raise ValueError(f"two parameters would share a name: {self._names}. Rename a key.")
        fixed = _fixed(model)
        for name, (path, leaf) in zip(self._names, found, strict=True):
            value = _to_torch(jnp.asarray(leaf, jnp.result_type(float)))
            if _keys(path) in fixed:
                self.register_buffer(name, value)
            else:
                self.register_parameter(name, torch.nn.Parameter(value))
        self._draws = any(place.draws is not None for place in places_of(model))

    @property
    def params(self) -> Any:
        """The parameters as the model's tree of JAX arrays, for ``qdl.save`` and all else of qdl."""
        return jax.tree.unflatten(self._tree, [_to_jax(leaf) for leaf in self._leaves()])

    def _leaves(self) -> list[torch.Tensor]:
        return [getattr(self, name) for name in self._names]

    @torch.compiler.disable  # which could not look into JAX
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The readout values ``(..., k)`` of features ``(..., n_features)``; None for a model without."""
        if x is not None and not isinstance(x, torch.Tensor):
            raise TypeError(
                f"qdl.torch.Layer takes a tensor of PyTorch, got {type(x).__name__}. Use "
                "torch.as_tensor(x), or the model itself, model.apply(params, x)."
            )
        tensors = self._leaves()
        _check_numbers(x, *tensors)
        if x is not None:  # the program below cannot look at numbers
            check = self.model.check_features if isinstance(self.model, Circuit) else check_features
            check(_to_jax(x))
        key = _drawn_key() if self._draws else None
        if torch.is_grad_enabled() and any(t.requires_grad for t in [*tensors, x] if t is not None):
            return _Apply.apply(self.model, self._tree, key, x, *tensors)
        params = jax.tree.unflatten(self._tree, [_to_jax(t) for t in tensors])
        values = _values(self.model, params, None if x is None else _to_jax(x), key)
        return _like(values, x, tensors)

    def extra_repr(self) -> str:
        return str(self.model).splitlines()[0]


class _Apply(torch.autograd.Function):
    """Values of JAX; what JAX keeps for the gradient is kept until the backward pass."""

    @staticmethod
    def forward(ctx: Any, model: Any, tree: Any, key: Any, x: Any, *tensors: Any) -> Any:
        params = jax.tree.unflatten(tree, [_to_jax(t) for t in tensors])
        features = None if x is None else _to_jax(x)
        ctx.of_x = x is not None and x.requires_grad
        values, ctx.pullback = _with_pullback(model, ctx.of_x, params, features, key)
        ctx.dtype, ctx.x, ctx.tensors = values.dtype, _kind(x), [_kind(t) for t in tensors]
        return _like(values, x, tensors)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        if torch.is_grad_enabled():  # a second derivative would silently be 0
            raise Refused(
                "qdl.torch.Layer has first derivatives only, and create_graph=True asks for more. For second "
                "ones differentiate the model in JAX: jax.jacrev(jax.grad(f))."
            )
        found = _pulled_back(ctx.pullback, _to_jax(grad_outputs[0]).astype(ctx.dtype))
        of_params = jax.tree.leaves(found[0])
        asked = ctx.needs_input_grad[4:]
        tensors = [
            _to_torch(leaf, *kind) if wanted else None
            for leaf, kind, wanted in zip(of_params, ctx.tensors, asked, strict=True)
        ]
        of_x = _to_torch(found[1], *ctx.x) if ctx.of_x else None
        return None, None, None, of_x, *tensors


@partial(jax.jit, static_argnums=0)
def _values(model: Any, params: Any, x: Any, key: Any) -> Any:
    return _applied(model, params, x, key)


@partial(jax.jit, static_argnums=(0, 1))
def _with_pullback(model: Any, of_x: bool, params: Any, x: Any, key: Any) -> Any:
    if of_x:
        return jax.vjp(lambda params, x: _applied(model, params, x, key), params, x)
    return jax.vjp(lambda params: _applied(model, params, x, key), params)


@jax.jit
def _pulled_back(pullback: Any, slopes: Any) -> Any:
    return pullback(slopes)


def _applied(model: Any, params: Any, x: Any, key: Any) -> Any:
    return model.apply(params, x) if key is None else model.apply(params, x, key)


def _drawn_key() -> Any:
    """A JAX key from PyTorch's generator, which ``torch.manual_seed`` sets."""
    return jax.random.key(int(torch.randint(2**31 - 1, ())))


def _check_numbers(*tensors: torch.Tensor | None) -> None:
    """Refuse what would silently lose imaginary parts or slopes, or keep one x for all."""
    if torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        raise Refused(
            "torch.jit.trace would write the values for this x down, and give them for every other. "
            "Trace the layers before and behind qdl.torch.Layer."
        )
    for tensor in tensors:
        if tensor is not None and tensor.is_complex():
            raise TypeError(
                f"qdl.torch.Layer takes real numbers, got {tensor.dtype}. Use x.abs(), or "
                "torch.view_as_real(x) and a circuit with twice the features."
            )
        if tensor is not None and forward_ad.unpack_dual(tensor).tangent is not None:
            raise Refused(
                "qdl.torch.Layer has derivatives backward only, and torch.autograd.forward_ad asks for one "
                "forward. Use backward(), or jax.jvp of the model in JAX."
            )


def _to_jax(tensor: torch.Tensor) -> Any:
    """A copy, which nobody changes in place while JAX computes."""
    try:
        return _copied(tensor)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise Refused(
            "qdl.torch.Layer needs a dense tensor with its numbers, which JAX can read; torch.func, vmap, "
            "torch.export, meta and sparse tensors have none to read. A batch is an axis of x; jacobians and "
            f"maps are those of the model in JAX: jax.jacrev, jax.vmap. PyTorch says: {error}"
        ) from error


def _copied(tensor: torch.Tensor) -> Any:
    dtype = torch.float64 if jnp.result_type(float) == jnp.float64 else torch.float32
    there = tensor.is_cuda and jax.default_backend() == "gpu"
    tensor = tensor.detach() if there else tensor.detach().cpu()
    return jnp.from_dlpack(tensor.to(dtype, copy=True).contiguous())


def _to_torch(array: Any, dtype: Any = None, device: Any = None) -> torch.Tensor:
    """A copy, which may be changed in place."""
    return torch.from_dlpack(array).clone().to(dtype=dtype, device=device)


def _kind(tensor: Any) -> Any:
    return None if tensor is None else (tensor.dtype, tensor.device)


def _like(values: Any, x: Any, tensors: Any) -> torch.Tensor:
    """Values in the precision and on the device of the features, or of the parameters."""
    of = [t for t in [x, *tensors] if t is not None and t.is_floating_point()]
    return _to_torch(values, *(_kind(of[0]) if of else ()))


def _keys(path: Any) -> tuple[Any, ...]:
    return tuple(getattr(k, "key", getattr(k, "idx", getattr(k, "name", None))) for k in path)


def _name(path: Any) -> str:
    return "_".join(["params", *(str(key).replace(".", "_") for key in _keys(path))])


def _fixed(model: Any) -> set[tuple[Any, ...]]:
    """The paths of parameters that hold drawn choices."""
    if isinstance(model, Hybrid):
        stages = enumerate(model.stages)
        return {(i, *path) for i, stage in stages for path in _fixed(stage)}
    if not isinstance(model, Circuit):
        return set()
    return {path for leaf in leaves(unfold(model.layers, model.wires)) for path in leaf.fixed}
