"""A user's own cell in a layer: everything a built-in one can, save what its step cannot know."""

import copy
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, jvp, vmap

from suimon.cells import Cell, GRUCell, Transition
from suimon.errors import ConfigError
from suimon.layers import GRU, Recurrent
from tests.layers.pairs import tensors
from tests.tolerances import assert_close

T, B, I, H = 4, 3, 2, 5


class OwnState(NamedTuple):
    h: torch.Tensor


class OwnGRU(nn.Module):
    """A GRU written by someone who knows of ``step`` and ``initial_state`` alone."""

    output_field = "h"

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.inner = nn.GRUCell(input_size, hidden_size)

    def initial_state(self, batch_size):
        return OwnState(self.inner.bias_ih.new_zeros(batch_size, self.hidden_size))

    def step(self, x_t, state):
        from_x = F.linear(x_t, self.inner.weight_ih, self.inner.bias_ih).chunk(3, -1)
        from_h = F.linear(state.h, self.inner.weight_hh, self.inner.bias_hh).chunk(3, -1)
        r, z = (torch.sigmoid(from_x[k] + from_h[k]) for k in range(2))
        h = torch.lerp(torch.tanh(from_x[2] + r * from_h[2]), state.h, z)
        return h, OwnState(h)


class Loose:
    """No module: nothing could find its weights."""

    input_size, hidden_size = I, H


def own(**options):
    return Recurrent(lambda width: OwnGRU(width, H), input_size=I, **options)


def twin(layer, **options):
    """A GRU layer with the weights of ``layer``'s cells."""
    gru = GRU(I, H, layer.num_layers, bidirectional=layer.bidirectional, **options)
    for place in layer.places:
        suffix = f"_l{place.layer}" + ("_reverse" if place.direction else "")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(gru, name + suffix).data = getattr(place.cell.inner, name).data
    return gru


def test_it_stacks_pads_resets_and_goes_both_ways():
    layer = own(num_layers=2, bidirectional=True)
    gru = twin(layer)
    x, reset = torch.randn(T, B, I), torch.rand(T, B) < 0.3
    lengths = [2, 0, 4]
    output, state = layer(x, lengths=lengths, reset=reset)
    expected, h_n = gru(x, lengths=lengths, reset=reset)
    assert isinstance(state, OwnState)
    assert_close([output, state.h], [expected, h_n])
    assert_close(tensors(layer(x, OwnState(h_n))), tensors(gru(x, h_n)))
    assert len(list(layer.parameters())) == 16


def test_zoneout_needs_to_know_the_output():
    layer = own(zoneout=0.25).eval()
    x = torch.randn(T, B, I)
    assert_close(layer(x)[0], twin(layer, zoneout=0.25).eval()(x)[0])

    class Nameless(OwnGRU):
        output_field = property()

    with pytest.raises(
        ConfigError, match=r"zoneout is 0\.1, but Nameless does not say which field"
    ):
        Recurrent(Nameless(I, H), zoneout=0.1)


def test_one_instance_serves_one_place():
    cell = OwnGRU(I, H)
    layer = Recurrent(cell)
    assert next(iter(layer.state_dict())) == "cell_l0.inner.weight_ih"
    assert layer.cell_l0 is cell
    with pytest.raises(ConfigError, match="cell is one OwnGRU, and 2 are needed"):
        Recurrent(OwnGRU(I, H), bidirectional=True)
    with pytest.raises(ConfigError, match="OwnGRU has no recurrent product weight_hh"):
        Recurrent(OwnGRU(I, H), weight_dropout=0.1)
    with pytest.raises(ConfigError, match="cell makes a Loose; it must be a torch module"):
        Recurrent(lambda width: Loose(), input_size=I)


def test_half_a_cell_is_no_cell():
    with pytest.raises(ConfigError, match="cell is a Linear without input_size, hidden_size, init"):
        Recurrent(nn.Linear(I, H))
    with pytest.raises(ConfigError, match="cell is a str without input_size"):
        Recurrent("lstm")


def test_it_copies_and_saves():
    layer = own(num_layers=2)
    x = torch.randn(T, B, I)
    copied = copy.deepcopy(layer)
    assert_close(tensors(copied(x)), tensors(layer(x)))
    with torch.no_grad():
        copied.cell_l0.inner.weight_ih.add_(1)
    assert not torch.equal(copied(x)[0], layer(x)[0])
    other = own(num_layers=2)
    other.load_state_dict(layer.state_dict())
    assert_close(tensors(other(x)), tensors(layer(x)))


def test_it_is_right_under_transforms():
    layer = own().double()
    x = torch.randn(T, B, I).double()
    gru = twin(layer).double()

    def energy(module, x):
        return module(x)[0].sin().sum()

    xs = torch.stack([x, 2 * x])
    expected = vmap(grad(lambda x: energy(gru, x)))(xs)
    assert_close(vmap(grad(lambda x: energy(layer, x)))(xs), expected)
    assert_close(jvp(lambda x: layer(x)[0], (x,), (x,)), jvp(lambda x: gru(x)[0], (x,), (x,)))
    swapped = {name: 2 * weight.detach() for name, weight in layer.named_parameters()}
    assert not torch.equal(functional_call(layer, swapped, (x,))[0], layer(x)[0])


def test_compiled_it_is_its_loop():
    torch._dynamo.reset()
    layer = own(bidirectional=True)
    x = torch.randn(2, B, I)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert_close(tensors(compiled(x)), tensors(layer(x)))


class Leaky(Cell):
    """A user's cell that names its weights, so that the layer owns them."""

    kind = "leaky"
    State = OwnState

    def parameter_shapes(self):
        return {"weight_ih": (self.hidden_size, self.input_size), "leak": (self.hidden_size,)}

    def transition(self, x_t, state, weights, recurrent_mask=None):
        h = torch.sigmoid(weights["leak"]) * state.h + x_t @ weights["weight_ih"].T
        return Transition(h, OwnState(h), {"h": h})


def test_a_subclass_of_cell_works_though_no_registry_knows_it():
    torch._dynamo.reset()
    layer = Recurrent(Leaky(I, H), 2, bidirectional=True)
    assert "leak_l1_reverse" in layer.state_dict()
    x = torch.randn(2, B, I)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert_close(tensors(compiled(x)), tensors(layer(x)))
    assert isinstance(Recurrent(GRUCell(I, H)).places[0].cell, GRUCell)
