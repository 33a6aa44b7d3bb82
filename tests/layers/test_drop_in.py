"""What code written for torch.nn's modules relies on beside their results."""

import copy
import inspect
import io
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from suimon.cells import GRUCell
from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM, Recurrent
from tests.layers.pairs import PAIRS, B, H, I, T, pair, tensors
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
every_layer = pytest.mark.parametrize("name", list(PAIRS))
every_class = pytest.mark.parametrize("cls", [RNN, LSTM, GRU, MinGRU, MinLSTM])
OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "bias": False, "batch_first": True, "dropout": 0.5},
    {"proj_size": 2, "num_layers": 2, "bidirectional": True},
]


every_pair = pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=f"{name}-{options}")
        for name in PAIRS
        for options in OPTIONS
        if name == "LSTM" or "proj_size" not in options
    ],
)


@every_pair
def test_weights_load_both_ways_and_start_equal(name, options):
    ours, theirs = pair(name, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    fresh, other = pair(name, seed=8, **options)
    fresh.load_state_dict(theirs.state_dict(), strict=True)
    other.load_state_dict(ours.state_dict(), strict=True)
    shape = (B, T, I) if options.get("batch_first") else (T, B, I)
    x = torch.randn(shape)
    fresh.eval(), other.eval()
    assert_close(tensors(fresh(x)), tensors(other(x)))


@every_pair
def test_looks_like_torchs(name, options):
    ours, theirs = pair(name, **options)
    assert repr(ours) == repr(theirs)
    for mine, other in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert [weight.shape for weight in mine] == [weight.shape for weight in other]
    attributes = ("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first")
    for attribute in (*attributes, "dropout", "bidirectional", "proj_size"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    torch.manual_seed(5)
    ours.reset_parameters()
    torch.manual_seed(5)
    theirs.reset_parameters()
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    ours.flatten_parameters()


def test_says_what_goes_beyond_torch():
    layer = LSTM(I, H, 2, peephole=True, zoneout=(0.1, 0.0), recurrent_dropout=0.3, residual=True)
    assert repr(layer) == (
        "LSTM(3, 5, num_layers=2, peephole=True, recurrent_dropout=0.3, zoneout={'h': 0.1}, "
        "residual=True)"
    )


OTHER_VALUES = {
    "num_layers": 2,
    "nonlinearity": "relu",
    "dropout": 0.5,
    "proj_size": 2,
    "device": torch.device("meta"),
    "dtype": torch.float64,
    "forget_bias": 1.5,
}


@every_class
def test_each_argument_of_a_constructor_arrives_by_name_and_by_position(cls):
    parameters = list(inspect.signature(cls).parameters.values())[2:-1]  # sizes, and **beyond
    positional = []
    for parameter in parameters:
        name, default = parameter.name, parameter.default
        value = not default if isinstance(default, bool) else OTHER_VALUES[name]
        several = {"num_layers": 2} if name == "dropout" else {}
        made = [cls(I, H, **{name: value}, **several)]
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            with warnings.catch_warnings(action="ignore"):  # of dropout in a single layer
                made.append(cls(I, H, *positional, value))
            positional.append(default)
        for layer in made:
            like = layer.weight_ih_l0
            kept = {"device": like.device, "dtype": like.dtype, **layer.places[0].cell.options()}
            assert (kept[name] if name in kept else getattr(layer, name)) == value


@every_class
def test_an_argument_that_is_not_there_is_refused(cls):
    with pytest.raises(TypeError, match="nonlinearities"):
        cls(I, H, nonlinearities="relu")
    with pytest.raises(TypeError, match="hidden_size"):
        cls(I)


@every_class
def test_copies_and_pickles(cls):
    layer = cls(I, H, 2, bidirectional=True, zoneout=0.1).eval()
    x = torch.randn(T, B, I)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for twin in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(file, weights_only=False),
    ):
        assert_close(tensors(twin(x)), tensors(layer(x)))
        with torch.no_grad():
            next(twin.parameters()).add_(1)
        assert not torch.equal(twin(x)[0], layer(x)[0])


@every_class
def test_moves_and_casts(cls):
    layer = cls(I, H, 2, norm_between=True)
    wide = copy.deepcopy(layer).double()
    x = torch.randn(T, B, I)
    # The same computation in twice the digits.
    torch.testing.assert_close(wide(x.double())[0].float(), layer(x)[0], rtol=1e-4, atol=1e-5)
    made = cls(I, H, 2, device="meta", dtype=torch.float64)
    assert all(weight.is_meta and weight.dtype == torch.float64 for weight in made.parameters())
    assert made(torch.empty(T, B, I, device="meta", dtype=torch.float64))[0].shape == (T, B, H)
    filled = made.to_empty(device="cpu")
    filled.reset_parameters()
    filled.load_state_dict(cls(I, H, 2, dtype=torch.float64).state_dict())
    assert filled(x.double())[0].isfinite().all()


@every_layer
def test_functional_call_swaps_weights(name):
    ours, theirs = pair(name, num_layers=2, bidirectional=True)
    swapped = {n: torch.randn_like(w) for n, w in ours.named_parameters()}
    x = torch.randn(T, B, I)
    found, expected = (functional_call(module, swapped, (x,)) for module in (ours, theirs))
    assert_close(tensors(found), tensors(expected))
    assert not torch.equal(found[0], ours(x)[0])


@every_layer
def test_parametrizations_are_honoured(name):
    class Halved(nn.Module):
        def forward(self, weight):
            return 0.5 * weight

    layer, _ = pair(name)
    plain, _ = pair(name)
    with torch.no_grad():
        plain.weight_hh_l0.mul_(0.5)
    parametrize.register_parametrization(layer, "weight_hh_l0", Halved())
    x = torch.randn(T, B, I)
    found, expected = layer(x), plain(x)
    assert_close(tensors(found), tensors(expected))
    found[0].sum().backward()
    expected[0].sum().backward()
    original = layer.parametrizations.weight_hh_l0.original
    assert_close(original.grad, 0.5 * plain.weight_hh_l0.grad)


def test_weight_norm_trains():
    layer = weight_norm(GRU(I, H), "weight_hh_l0")
    layer(torch.randn(T, B, I))[0].sum().backward()
    assert all(weight.grad is not None for weight in layer.parameters())


@every_layer
def test_a_weight_assigned_anew_is_used(name):
    layer, _ = pair(name)
    x = torch.randn(T, B, I)
    before = layer(x)[0]
    layer.weight_hh_l0 = nn.Parameter(torch.zeros_like(layer.weight_hh_l0))
    assert not torch.equal(layer(x)[0], before)


def test_dropout_with_one_layer_warns_as_torch_does():
    recurrent = lambda *sizes, dropout: Recurrent(GRUCell(*sizes), dropout=dropout)  # noqa: E731
    for make in (LSTM, MinGRU, recurrent, torch.nn.LSTM):
        with pytest.warns(UserWarning, match="num_layers") as caught:
            make(I, H, dropout=0.5)
        assert make is torch.nn.LSTM or caught[0].filename == __file__


def test_frozen_layers_and_no_grad():
    layer = LSTM(I, H).requires_grad_(False)
    x = torch.randn(T, B, I)
    assert not layer(x)[0].requires_grad
    layer.requires_grad_(True)
    with torch.inference_mode():
        assert layer(x)[0].is_inference()
