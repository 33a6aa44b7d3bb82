"""Whole layers under torch's transforms: what torch.nn's own fail in several ways."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.export import Dim, export
from torch.func import functional_call, grad, hessian, jvp, stack_module_state, vmap

from suimon.layers import GRU, LSTM, MinGRU
from tests.layers.pairs import H, I, tensors
from tests.layers.zoo import ZOO, every_kind
from tests.tolerances import assert_close

T, B = 3, 2


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()


def deep(make, **options):
    return make(num_layers=2, bidirectional=True, **options).eval()


@every_kind
def test_gradcheck_and_gradgradcheck(make):
    layer = make(bidirectional=True, dtype=torch.float64).eval()
    x = torch.randn(2, B, I).double().requires_grad_()
    weights = dict(layer.named_parameters())

    def run(x, *values):
        named = dict(zip(weights, values, strict=True))
        return tuple(tensors(functional_call(layer, named, (x,), {"lengths": [2, 1]})))

    inputs = (x, *weights.values())
    assert gradcheck(run, inputs, fast_mode=True)
    assert gradgradcheck(run, inputs, fast_mode=True)


@every_kind
def test_an_ensemble_by_vmap(make):
    layers = [deep(make) for _ in range(3)]
    parameters, buffers = stack_module_state(layers)
    x = torch.randn(T, B, I)
    found = vmap(lambda p, b: functional_call(layers[0], (p, b), (x,))[0])(parameters, buffers)
    assert_close(found, torch.stack([layer(x)[0] for layer in layers]))


@every_kind
def test_a_gradient_for_each_example(make):
    layer = deep(make, dtype=torch.float64)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}
    x = torch.randn(T, B, I).double()

    def loss(weights, x):
        return functional_call(layer, weights, (x,))[0].sin().sum()

    found = vmap(grad(loss), in_dims=(None, 1))(weights, x)  # x of one example is (T, I)
    for b in range(B):
        expected = torch.autograd.grad(layer(x[:, b])[0].sin().sum(), layer.parameters())
        assert_close([each[b] for each in found.values()], list(expected))


@every_kind
def test_hessian_and_forward_mode_agree_with_double_backward(make):
    layer = deep(make, dtype=torch.float64)
    x, towards = torch.randn(2, 2, 1, I).double()

    def energy(x):
        return layer(x)[0].sin().sum()

    expected = torch.autograd.functional.hessian(energy, x)
    assert_close(hessian(energy)(x), expected)
    _, slope = jvp(grad(energy), (x,), (towards,))
    assert_close(slope.flatten(), expected.view(2 * I, 2 * I) @ towards.flatten())


@pytest.mark.parametrize("cls", [LSTM, GRU, MinGRU])
def test_compiled_with_everything_in_training(cls):
    masks = {} if cls is MinGRU else {"recurrent_dropout": 0.2, "weight_dropout": 0.2}
    layer = cls(I, H, 2, dropout=0.2, zoneout=0.1, norm_between=True, residual=True, **masks)
    x = torch.randn(T, B, I)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    lengths = torch.tensor([2, 3])
    reset = torch.zeros(T, B, dtype=torch.bool)
    found = []
    for run in (compiled, layer):
        torch.manual_seed(9)
        results = tensors(run(x, lengths=lengths, reset=reset, trace=True))
        total = sum(each.sin().sum() for each in results)
        found.append((results, torch.autograd.grad(total, layer.parameters())))
    assert_close(found[0][0], found[1][0])
    assert_close(found[0][1], found[1][1], scale=10)


@pytest.mark.parametrize("name", ["LSTM", "LSTM-proj", "GRU-before", "MinLSTM", "Jordan"])
def test_exported_with_any_length_it_is_a_node_a_layer_and_direction(name):
    layer = deep(ZOO[name])
    shapes = ({0: Dim("T", min=2, max=512)},)
    program = export(layer, (torch.randn(T, B, I),), dynamic_shapes=shapes)
    nodes = [str(node.target) for node in program.graph.nodes]
    assert nodes.count("suimon.scan.default") == 4
    run = program.module()
    for steps in (2, 9):
        x = torch.randn(steps, B, I)
        assert_close(tensors(run(x)), tensors(layer(x)))


@pytest.mark.parametrize("cls", [LSTM, GRU, MinGRU])
def test_double_backward_in_float32(cls):
    layer, exact = cls(I, H, 2), cls(I, H, 2, dtype=torch.float64)
    exact.load_state_dict({name: w.double() for name, w in layer.state_dict().items()})
    x = torch.randn(T, B, I)

    def second(layer, x):
        x = x.detach().requires_grad_()
        (first,) = torch.autograd.grad(layer(x)[0].sin().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    found, expected = second(layer, x), second(exact, x.double()).float()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
