"""The linear recurrence under every transform of torch, and in compiled and exported graphs."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacrev, jvp, vmap

from suimon.kernels.cpu import linear_recurrence, operators
from tests.kernels.linear_recurrence_cases import by_hand, drawn, marked, needs_native
from tests.tolerances import assert_close

pytestmark = needs_native
NODE = "suimon.linear_recurrence.default"


def loss(run):
    return lambda *inputs: run(*inputs).square().sum()


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("in_dims", [(0, 0, 0), (1, 2, None), (None, 0, 0), (3, None, 1)])
def test_vmap(in_dims):
    shapes = ((4, 2, 3), (4, 2, 3), (2, 3))  # T, B, H
    tensors = []
    for shape, axis in zip(shapes, in_dims, strict=True):
        full = list(shape)
        if axis is not None:
            full.insert(axis, 5)
        tensors.append(torch.randn(full, dtype=torch.float64))
    expected = vmap(by_hand, in_dims)(*tensors)
    assert_close(vmap(linear_recurrence, in_dims)(*tensors), expected)
    assert_close(vmap(operators.forward, in_dims)(*tensors), expected)  # its own batching rule


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_vmap_over_restarts(axis):
    shape = [4, 2]  # T, B
    if axis is not None:
        shape.insert(axis, 5)
    restart = torch.rand(shape) < 0.4
    a, b, h_0 = torch.rand(5, 4, 2, 3), torch.randn(4, 2, 3), torch.randn(2, 3)
    in_dims = (0, None, None, axis)
    expected = vmap(by_hand, in_dims)(a, b, h_0, restart)
    assert_close(vmap(linear_recurrence, in_dims)(a, b, h_0, restart), expected)
    assert_close(vmap(operators.forward, in_dims)(a, b, h_0, restart), expected)


@pytest.mark.parametrize("restart", [(), (marked(4, 2),)], ids=["plain", "restart"])
def test_batching_rule_of_the_gradient(restart):
    a, b, h_0 = drawn(4, 2, 3, torch.float64)
    h, grads = by_hand(a, b, h_0, *restart), torch.randn(5, 4, 2, 3, dtype=torch.float64)
    one_by_one = [operators.backward(a, h_0, h, gradient, *restart) for gradient in grads]
    in_dims = (None, None, None, 0, *(None for _ in restart))
    together = vmap(operators.backward, in_dims)(a, h_0, h, grads, *restart)
    for position, batched in enumerate(together):
        assert_close(batched, torch.stack([one[position] for one in one_by_one]))


def test_torch_func_grad_and_hessian():
    tensors = drawn(3, 2, 2, torch.float64)
    for transform in (grad, hessian, jacrev):
        expected = transform(loss(by_hand), (0, 1, 2))(*tensors)
        assert_close(transform(loss(linear_recurrence), (0, 1, 2))(*tensors), expected)
    per_example = vmap(grad(loss(linear_recurrence)), (1, 1, 0))
    a, b, h_0 = (tensor.unsqueeze(-2) for tensor in tensors)  # B of (T, 1, H)
    assert_close(per_example(a, b, h_0), vmap(grad(loss(by_hand)), (1, 1, 0))(a, b, h_0))


def test_forward_mode_both_ways():
    tensors, tangents = drawn(4, 2, 3, torch.float64), drawn(4, 2, 3, torch.float64)
    expected = jvp(by_hand, tensors, tangents)
    assert expected[1].abs().max() > 0.1
    assert_close(jvp(linear_recurrence, tensors, tangents), expected)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(*pair) for pair in zip(tensors, tangents, strict=True)]
        result = forward_ad.unpack_dual(linear_recurrence(*duals))
        assert_close((result.primal, result.tangent), expected)
    assert torch.autograd.gradcheck(
        linear_recurrence,
        drawn(3, 1, 2, torch.float64, requires_grad=True),
        check_forward_ad=True,
        check_batched_forward_grad=True,
    )


class Graphs:
    """A compiler backend that keeps the graphs it is given and runs them as they are."""

    def __init__(self) -> None:
        self.code = ""

    def __call__(self, graph, example_inputs):
        self.code += graph.code
        return graph


def test_compile_keeps_one_node_and_needs_no_second_graph():
    graphs = Graphs()
    compiled = torch.compile(linear_recurrence, fullgraph=True, dynamic=True, backend=graphs)
    for T in (4, 9):
        tensors = drawn(T, 2, 3)
        assert torch.equal(compiled(*tensors), by_hand(*tensors))
    assert graphs.code.count("suimon.linear_recurrence") == 1


@pytest.mark.parametrize("restarts", [False, True])
def test_compile_with_gradients(restarts):
    tensors = drawn(6, 2, 3, requires_grad=True)
    restart = marked(6, 2) if restarts else None
    compiled = torch.compile(loss(linear_recurrence), fullgraph=True, backend="aot_eager")
    actual = torch.autograd.grad(compiled(*tensors, restart), tensors)
    assert_close(actual, torch.autograd.grad(loss(by_hand)(*tensors, restart), tensors))


def test_compiled_forward_mode():
    tensors, tangents = drawn(4, 2, 3), drawn(4, 2, 3)
    compiled = torch.compile(
        lambda x, v: jvp(linear_recurrence, x, v), fullgraph=True, backend="aot_eager"
    )
    assert_close(compiled(tensors, tangents), jvp(by_hand, tensors, tangents))


def test_export_with_dynamic_time_keeps_one_node(tmp_path):
    class Module(torch.nn.Module):
        def forward(self, a, b, h_0):
            return linear_recurrence(a.sigmoid(), b, h_0)

    time = torch.export.Dim("time", min=1, max=1000)
    exported = torch.export.export(
        Module(), drawn(5, 2, 3), dynamic_shapes={"a": {0: time}, "b": {0: time}, "h_0": None}
    )
    nodes = [node for node in exported.graph.nodes if str(node.target) == NODE]
    assert len(nodes) == 1
    torch.export.save(exported, tmp_path / "recurrence.pt2")
    loaded = torch.export.load(tmp_path / "recurrence.pt2").module()
    for T in (1, 12):
        tensors = drawn(T, 2, 3)
        assert_close(loaded(*tensors), Module()(*tensors))


def test_functional_call_of_a_module_with_the_recurrence():
    layer = torch.nn.Linear(3, 6)

    def module_loss(weights, x):
        a, b = functional_call(layer, weights, (x,)).chunk(2, dim=-1)
        return linear_recurrence(a.sigmoid(), b, torch.zeros(2, 3)).square().sum()

    x = torch.randn(4, 2, 3)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}
    by_transform = grad(module_loss)(weights, x)
    by_autograd = torch.autograd.grad(
        module_loss(dict(layer.named_parameters()), x), list(layer.parameters())
    )
    assert_close(list(by_transform.values()), list(by_autograd))


def test_torchs_own_check_of_the_operators():
    a, b, h_0 = drawn(4, 2, 3, torch.float64, requires_grad=True)
    for restart in ((), (marked(4, 2),)):
        torch.library.opcheck(operators.forward, (a, b, h_0, *restart))
        h = by_hand(a, b, h_0, *restart).detach()
        torch.library.opcheck(operators.backward, (a, h_0, h, torch.randn_like(h), *restart))
