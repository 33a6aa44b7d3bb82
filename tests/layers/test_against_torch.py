"""RNN, LSTM and GRU against torch.nn: outputs, states and all gradients."""

from itertools import product

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from tests.layers.pairs import PAIRS, B, H, I, T, pair, random_hx, tensors
from tests.tolerances import assert_close

# torch says this of its own LSTM with a projection; ours says nothing.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
every_layer = pytest.mark.parametrize("name", list(PAIRS))
LENGTHS = torch.tensor([4, 6, 1, 6])


def grid() -> list[dict]:
    """Every combination of depth, directions, biases and projection."""
    found = []
    for num_layers, bidirectional, bias, proj_size in product(
        [1, 2], [False, True], [True, False], [0, 2]
    ):
        options = {"num_layers": num_layers, "bidirectional": bidirectional, "bias": bias}
        found.append(options | ({"proj_size": proj_size} if proj_size else {}))
    return found


def cases() -> list:
    return [
        pytest.param(name, options, id=f"{name}-{'-'.join(map(str, options.values()))}")
        for name in PAIRS
        for options in grid()
        if name == "LSTM" or "proj_size" not in options
    ]


def assert_same_results_and_gradients(ours, theirs, input, hx=None, scale=10):
    """Equal, gradients of the input, the state and every weight included."""
    data = input.data if isinstance(input, PackedSequence) else input
    found = []
    for module in (ours, theirs):
        results = tensors(module(input, hx))
        inputs = [data, *tensors(hx), *module.parameters()]
        pull = [torch.linspace(-1, 1, each.numel()).view_as(each).to(each) for each in results]
        floating = [(r, p) for r, p in zip(results, pull, strict=True) if r.is_floating_point()]
        results, pull = zip(*floating, strict=True)
        found.append((results, torch.autograd.grad(results, inputs, pull)))
    assert_close(found[0][0], found[1][0])
    assert_close(found[0][1], found[1][1], scale=scale)  # sums over T*B products


@pytest.mark.parametrize(("name", "options"), cases())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(name, options, dtype):
    for batch_first, with_hx in [(False, True), (True, False)]:
        ours, theirs = pair(name, batch_first=batch_first, dtype=dtype, **options)
        shape = (B, T, I) if batch_first else (T, B, I)
        x = torch.randn(shape, dtype=dtype, requires_grad=True)
        assert_same_results_and_gradients(ours, theirs, x, random_hx(theirs) if with_hx else None)


@pytest.mark.parametrize(("name", "options"), cases())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch_on_packed_sequences(name, options, dtype):
    for batch_first, in_order in [(False, False), (True, True)]:
        ours, theirs = pair(name, batch_first=batch_first, dtype=dtype, **options)
        x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
        lengths = LENGTHS.sort(descending=True).values if in_order else LENGTHS
        packed = pack_padded_sequence(x, lengths, enforce_sorted=in_order)
        assert_same_results_and_gradients(ours, theirs, packed, random_hx(theirs))
        output, _ = ours(packed)
        assert isinstance(output, PackedSequence)
        for mine, given in zip(output[1:], packed[1:], strict=True):
            assert (mine is None and given is None) or torch.equal(mine, given)


@every_layer
@pytest.mark.parametrize("batch_first", [False, True])
def test_equals_torch_without_a_batch_axis(name, batch_first):
    ours, theirs = pair(name, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(T, I, requires_grad=True)
    assert_same_results_and_gradients(ours, theirs, x, random_hx(theirs, None))
    assert_same_results_and_gradients(ours, theirs, x)


@every_layer
def test_relu_and_positional_arguments(name):
    third = ("relu",) if name == "RNN" else ()
    arguments = (I, H, 2, *third, False, True, 0.0, True)
    torch.manual_seed(1)
    ours = PAIRS[name][0](*arguments)
    torch.manual_seed(1)
    theirs = PAIRS[name][1](*arguments)
    x = torch.randn(B, T, I, requires_grad=True)
    assert_same_results_and_gradients(ours, theirs, x)


@every_layer
def test_dropout_draws_what_torch_draws(name):
    ours, theirs = pair(name, num_layers=3, dropout=0.4, bidirectional=True)
    x = torch.randn(T, B, I)
    for module in (ours, theirs):
        module.train()
    torch.manual_seed(3)
    found = ours(x)
    torch.manual_seed(3)
    assert_close(tensors(found), tensors(theirs(x)))
    ours.eval()
    assert torch.equal(ours(x)[0], ours(x)[0])


@every_layer
def test_no_rows(name):
    ours, theirs = pair(name, num_layers=2, bidirectional=True)
    x = torch.randn(T, 0, I)
    assert [each.shape for each in tensors(ours(x))] == [each.shape for each in tensors(theirs(x))]


@every_layer
def test_input_in_any_memory_order(name):
    ours, theirs = pair(name, bidirectional=True)
    x = torch.randn(I, T, B).permute(1, 2, 0).requires_grad_()
    assert not x.is_contiguous()
    assert_same_results_and_gradients(ours, theirs, x)


def test_bfloat16_weights():
    ours, theirs = pair("LSTM", dtype=torch.bfloat16)
    x = torch.randn(T, B, I, dtype=torch.bfloat16)
    assert_close(tensors(ours(x)), tensors(theirs(x)))


@every_layer
def test_the_same_values_on_the_definition(name):
    """What torch's operators compute is what the equations say."""
    ours, theirs = pair(name, num_layers=2, bidirectional=True)
    ours.backend = "reference"
    x = torch.randn(T, B, I, requires_grad=True)
    assert_same_results_and_gradients(ours, theirs, x, random_hx(theirs))
