"""qdl.torch.Layer: values and gradients are JAX's, and PyTorch treats it as any of its layers."""

import copy
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qdl
from qdl.layers import AngleEncoding, Entangler, RandomRotation, Rotation

torch = pytest.importorskip("torch")

LAYERS = [AngleEncoding(trainable=True), Rotation("zy"), Entangler("crx", "ring")]
MODEL = qdl.QNN(3, LAYERS, readout=qdl.ExpZ([0, 1]))
HYBRID = qdl.Hybrid([qdl.Dense(4, 3), "tanh", MODEL, qdl.Dense(2, 1)])


@pytest.mark.parametrize("model, width", [(MODEL, 3), (HYBRID, 4)], ids=["circuit", "hybrid"])
@pytest.mark.parametrize("lead", [(5,), ()], ids=str)
def test_values_and_gradients_are_those_of_jax(model, width, lead):
    layer = qdl.torch.Layer(model, key=jax.random.key(1))
    x = torch.rand(*lead, width, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(*lead, layer(x).shape[-1], dtype=torch.float64)
    found = layer(x)
    (found * weights).sum().backward()

    def loss(params, x):
        return (model.apply(params, x) * weights.numpy()).sum()

    at = model.init(jax.random.key(1)), jnp.asarray(x.detach().numpy())
    assert jax.tree.all(jax.tree.map(np.array_equal, layer.params, at[0]))
    np.testing.assert_allclose(found.detach(), model.apply(*at), atol=1e-12)
    of_params, of_x = jax.grad(loss, (0, 1))(*at)
    np.testing.assert_allclose(x.grad, of_x, atol=1e-12)
    for got, expected in zip(layer.parameters(), jax.tree.leaves(of_params), strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(got.grad, expected, atol=1e-12)


def test_gradients_agree_with_finite_differences():
    """PyTorch's own check."""
    layer = qdl.torch.Layer(qdl.QNN(2, [AngleEncoding(), Rotation("yz"), Entangler("cz")])).double()
    x = torch.rand(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))
    with pytest.raises(qdl.Refused, match="first derivatives only"):
        torch.autograd.grad(layer(x).sum(), x, create_graph=True)


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_is_that_of_the_features(x64, dtype):
    with jax.enable_x64(x64):
        net = torch.nn.Sequential(
            torch.nn.Linear(4, 3), qdl.torch.Layer(MODEL), torch.nn.Linear(2, 2)
        )
        net = net.to(dtype)
        x = torch.rand(6, 4, dtype=dtype, requires_grad=True)
        net(x).sum().backward()
    assert net(x).dtype == x.grad.dtype == dtype
    assert all(p.grad.dtype == p.dtype == dtype for p in net.parameters())


def test_state_dict_copies_and_pickles():
    torch.manual_seed(0)
    layer, other = qdl.torch.Layer(MODEL), qdl.torch.Layer(MODEL)
    x = torch.rand(3, 3)
    assert not torch.equal(layer(x), other(x))
    assert list(layer.state_dict()) == ["params_0", "params_1", "params_2"]
    other.load_state_dict(layer.state_dict())
    torch.manual_seed(0)
    for twin in (
        other,
        qdl.torch.Layer(MODEL),
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
    ):
        assert torch.equal(layer(x), twin(x))
    assert torch.equal(qdl.torch.Layer(MODEL, layer.params)(x), layer(x))
    assert str(layer) == "Layer(QNN  3 wires, 12 parameters, 3 features)"


@pytest.mark.parametrize("model", [MODEL, qdl.Hybrid([qdl.Dense(3, 2)])], ids=["QNN", "Dense"])
def test_changes_in_place_do_not_reach_what_jax_keeps(model):
    """Features and parameters that are overwritten between the two passes, or after ``params``."""
    layer = qdl.torch.Layer(model, key=jax.random.key(0)).double()
    x = torch.rand(4, 3, dtype=torch.float64)
    layer(x).sum().backward()
    wanted = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    out = layer(x)
    loss = out.sum()
    kept = layer.params
    there = jax.tree.map(np.array, kept)
    x.zero_()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        out.zero_()
    assert jax.tree.all(jax.tree.map(np.array_equal, kept, there))
    loss.backward()
    assert all(torch.equal(p.grad, w) for p, w in zip(layer.parameters(), wanted, strict=True))


def test_drawn_choices_are_buffers():
    model = qdl.QNN(3, [RandomRotation(), Entangler("cz"), Rotation("y")])
    layer = qdl.torch.Layer(model)
    assert [name for name, _ in layer.named_buffers()] == ["params_0_axis"]
    assert [name for name, _ in layer.named_parameters()] == ["params_0_angle", "params_2"]
    before = layer.params_0_axis.clone()
    optimizer = torch.optim.AdamW(layer.parameters(), weight_decay=0.5)
    layer().sum().backward()
    optimizer.step()
    assert torch.equal(before, layer.params_0_axis)


def test_shots_follow_the_seed_of_pytorch():
    layer = qdl.torch.Layer(MODEL.on(qdl.backends.statevector(shots=50)), key=jax.random.key(0))
    x = torch.rand(2, 3, dtype=torch.float64)

    def draw(seed):
        torch.manual_seed(seed)
        return layer(x)

    assert torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))
    draw(0).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in layer.parameters())


def test_no_gradient_where_none_is_asked_for():
    layer = qdl.torch.Layer(MODEL)
    with torch.no_grad():
        assert not layer(torch.rand(2, 3)).requires_grad
    layer.requires_grad_(False)
    x = torch.rand(2, 3, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and all(p.grad is None for p in layer.parameters())
    layer.params_1.requires_grad_(True)
    layer(x).sum().backward()
    assert [p.grad is None for p in layer.parameters()] == [True, False, True]


def test_a_training_inside_of_a_network():
    torch.manual_seed(0)
    x = torch.rand(20, 4) * 2
    y = (x[:, 0] > x[:, 1]).long()
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), qdl.torch.Layer(MODEL), torch.nn.Linear(2, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 < losses[0]


def test_what_does_not_fit_is_said():
    layer = qdl.torch.Layer(MODEL)
    with pytest.raises(ValueError, match=r"x of shape \(2, 4\) for 3 wires"):
        layer(torch.rand(2, 4))
    with pytest.raises(ValueError, match="x must be finite, got nan in column 1, row 0"):
        layer(torch.tensor([[0.0, float("nan"), 0.0]]))
    with pytest.raises(TypeError, match="takes a tensor of PyTorch, got ndarray"):
        layer(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"takes a model with init\(key\) and apply"):
        qdl.torch.Layer(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="params are not of this model"):
        qdl.torch.Layer(MODEL, [np.ones(2), None])
    with pytest.raises(ValueError, match="params or a key to draw them with, got both"):
        qdl.torch.Layer(MODEL, MODEL.init(jax.random.key(0)), key=jax.random.key(1))


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of complex modules and of jit
@pytest.mark.parametrize("frozen", [False, True])
def test_what_pytorch_would_get_wrong_is_refused(frozen):
    """Each of these once gave a wrong number, or an error out of PyTorch's depths."""
    layer = qdl.torch.Layer(MODEL).requires_grad_(not frozen)
    x = torch.rand(2, 3)
    with pytest.raises(TypeError, match="real numbers, got torch.complex64"):
        layer(torch.complex(x, x))
    with pytest.raises(TypeError, match="real numbers, got torch.complex64"):
        copy.deepcopy(layer).to(torch.complex64)(x)
    with pytest.raises(qdl.Refused, match="torch.jit.trace would write"):
        torch.jit.trace(layer, x)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(qdl.Refused, match="derivatives backward only"):
            layer(dual)
        assert layer(x).shape == (2, 2)
    for call in (
        lambda: torch.func.vmap(layer)(x),
        lambda: torch.func.jacrev(layer)(x),
        lambda: torch.func.jvp(layer, (x,), (x,)),
        lambda: layer(x.to("meta")),
        lambda: layer(x.to_sparse()),
    ):
        with pytest.raises(qdl.Refused, match="qdl.torch.Layer (needs a dense|has derivatives)"):
            call()
    with pytest.raises(ValueError, match=r"shape \(0, 4\), so there is nothing"):
        qdl.torch.Layer(HYBRID)(torch.zeros(0, 4))
    with pytest.raises(ValueError, match="x must be finite, got nan in column 1, row 2"):
        qdl.torch.Layer(HYBRID)(
            torch.zeros(3, 4).index_put_(
                (torch.tensor(2), torch.tensor(1)), torch.tensor(torch.nan)
            )
        )


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
def test_torch_compile_goes_round_the_layer():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), qdl.torch.Layer(MODEL), torch.nn.Linear(2, 1))
    compiled, x = torch.compile(net, backend="aot_eager"), torch.rand(4, 3)
    for values in (x, x + 1):
        found, expected = (
            torch.autograd.grad(module(values).sum(), list(net.parameters()))
            for module in (compiled, net)
        )
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(compiled(values), net(values))


def test_apply_names_a_tensor_that_asks_for_a_gradient():
    params = MODEL.init(jax.random.key(0))
    x = torch.rand(2, 3, requires_grad=True)
    for model, width in ((MODEL, x), (HYBRID, torch.rand(2, 4, requires_grad=True))):
        with pytest.raises(
            TypeError, match=r"x is a tensor of PyTorch.*Use qdl.torch.Layer\(model\)\(x\)"
        ):
            model.apply(model.init(jax.random.key(0)), width)
    tensors = jax.tree.map(lambda p: torch.tensor(np.array(p), requires_grad=True), params)
    with pytest.raises(TypeError, match=r"params\[0\] is a tensor of PyTorch"):
        MODEL.apply(tensors, np.ones((2, 3)))
    plain = MODEL.apply(params, x.detach())
    np.testing.assert_allclose(plain, MODEL.apply(params, x.detach().numpy()))


def test_without_pytorch_it_is_said_what_to_install():
    code = "import sys; sys.modules['torch'] = None\nimport qdl\nqdl.torch.Layer"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'Run pip install "qdl[torch]"' in found.stderr
