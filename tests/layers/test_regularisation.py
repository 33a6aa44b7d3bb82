"""What is dropped and kept inside a layer, in training and in evaluation."""

import pytest
import torch

from suimon.kernels import ScanRequest, scan
from suimon.layers import GRU, LSTM, RNN, MinGRU
from suimon.layers.regularisation import drawn_marks, dropped
from tests.layers.pairs import H, I, tensors
from tests.tolerances import assert_close

T, B = 6, 4
regularised = [
    {"recurrent_dropout": 0.5},
    {"weight_dropout": 0.5},
    {"zoneout": 0.5},
    {"dropout": 0.5},
]
every_option = pytest.mark.parametrize("options", regularised, ids=lambda o: next(iter(o)))


@every_option
def test_a_draw_is_new_each_time_and_the_seeds(options):
    layer = LSTM(I, H, 2, **options)
    x = torch.randn(T, B, I)
    torch.manual_seed(1)
    first, second = layer(x)[0], layer(x)[0]
    torch.manual_seed(1)
    assert torch.equal(layer(x)[0], first)
    assert not torch.equal(first, second)


@every_option
def test_evaluation_draws_nothing(options):
    layer = LSTM(I, H, 2, **options).eval()
    x = torch.randn(T, B, I)
    assert torch.equal(layer(x)[0], layer(x)[0])
    if "zoneout" not in options:
        plain = LSTM(I, H, 2).eval()
        plain.load_state_dict(layer.state_dict())
        assert_close(tensors(layer(x)), tensors(plain(x)))


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_recurrent_dropout_is_one_mask_a_sequence(cls):
    """Found again from the seed: the mask drawn first, applied at every step."""
    layer = cls(I, H, recurrent_dropout=0.4)
    x = torch.randn(T, B, I)
    torch.manual_seed(2)
    output, _ = layer(x)
    torch.manual_seed(2)
    mask = torch.nn.functional.dropout(torch.ones(B, H), 0.4)
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / 0.6).item()}
    cell, weights = layer.places[0].cell, layer.places[0].weights(layer)
    state = cell.initial_state(B, device="cpu")
    for t in range(T):
        done = cell.transition(x[t], state, weights, mask)
        state = done.state
        assert_close(output[t], done.output)


def test_recurrent_dropout_draws_for_each_layer_and_direction(monkeypatch):
    masks = []
    monkeypatch.setattr(
        "suimon.layers.recurrent.scan",
        lambda request, *how: masks.append(request.recurrent_mask) or scan(request, *how),
    )
    GRU(I, H, 2, bidirectional=True, recurrent_dropout=0.5)(torch.randn(T, B, I))
    assert len(masks) == 4
    assert all(mask.shape == (B, H) for mask in masks)
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == 4
    projected = LSTM(I, H, proj_size=2, recurrent_dropout=0.5)
    projected(torch.randn(T, B, I))
    assert masks[-1].shape == (B, 2)


def test_weight_dropout_drops_weight_hh_alone_and_keeps_the_fused_path(monkeypatch):
    requests: list[ScanRequest] = []
    monkeypatch.setattr(
        "suimon.layers.recurrent.scan",
        lambda request, *how: requests.append(request) or scan(request, "torch"),
    )
    layer = LSTM(I, H, weight_dropout=0.5)
    layer(torch.randn(T, B, I))[0].sum().backward()
    used = requests[0].weights
    assert used["weight_ih"] is layer.weight_ih_l0
    dropped = used["weight_hh"] == 0
    assert 0.3 < dropped.float().mean() < 0.7
    assert_close(used["weight_hh"][~dropped], 2 * layer.weight_hh_l0[~dropped])
    assert torch.equal(layer.weight_hh_l0.grad[dropped], torch.zeros(int(dropped.sum())))
    assert layer.weight_hh_l0.grad.any()


def test_zoneout_keeps_or_takes_in_training():
    layer = MinGRU(I, H, zoneout=0.5)
    output, _, trace = layer(torch.randn(50, B, I), trace=True)
    before = torch.cat([torch.zeros(1, B, H), output[:-1]])
    z, n = trace[0][0]["z"], trace[0][0]["n"]
    taken = (1 - z) * before + z * n
    kept = output == before
    assert_close(output[~kept], taken[~kept])
    assert 0.4 < kept.float().mean() < 0.6


@pytest.mark.parametrize("probability", [1e-5, 0.05, 1 / 3, 0.5, 1 - 1e-5, 1.0])
def test_what_zoneout_draws_has_its_probability_at_every_place(probability):
    """Within five deviations in all, and at each place among those drawn from one word."""
    torch.manual_seed(3)
    drawn = drawn_marks(probability, (250, 40, 400), torch.device("cpu")).double()
    spread = (probability * (1 - probability)) ** 0.5
    assert (drawn.mean() - probability).abs() <= 5 * spread / drawn.numel() ** 0.5
    by_place = drawn.view(-1, 4)
    assert ((by_place.mean(0) - probability).abs() <= 5 * spread / len(by_place) ** 0.5).all()
    apart = by_place - probability
    together = apart.T @ apart / len(by_place)  # covariances, p(1 - p) on the diagonal
    off = together - together.diag().diag()
    assert (off.abs() <= 5 * spread**2 / len(by_place) ** 0.5).all()


def test_zoneout_is_the_expectation_in_evaluation():
    layer = LSTM(I, H, zoneout=(0.2, 0.6)).eval()
    x = torch.randn(T, B, I)
    output, (h_n, c_n) = layer(x)
    cell, weights = layer.places[0].cell, layer.places[0].weights(layer)
    state = cell.initial_state(B, device="cpu")
    for t in range(T):
        new = cell.transition(x[t], state, weights).state
        state = type(state)(0.2 * state.h + 0.8 * new.h, 0.6 * state.c + 0.4 * new.c)
        assert_close(output[t], state.h)
    assert_close((h_n[0], c_n[0]), tuple(state))


def test_zoneout_of_one_field_alone():
    """The cell stays what it was; h is still what the cell would have become."""
    layer = LSTM(I, H, zoneout=(0.0, 1.0))
    x, c_0 = torch.randn(1, B, I), torch.randn(1, B, H)
    output, (h_n, c_n) = layer(x, (torch.zeros(1, B, H), c_0))
    plain = LSTM(I, H)
    plain.load_state_dict(layer.state_dict())
    assert_close(output, plain(x, (torch.zeros(1, B, H), c_0))[0])
    assert_close(h_n, output)
    assert torch.equal(c_n, c_0)


@pytest.mark.parametrize("probability", [0.1, 0.4, 0.75])
def test_dropped_units_are_zero_and_the_mean_stays(probability):
    x = torch.rand(400, 1000).add_(0.5).requires_grad_()
    y = dropped(x, probability)
    gone = y == 0
    # Five deviations of 400,000 draws.
    share = gone.double().mean().item()
    assert share == pytest.approx(probability, abs=5 * (0.25 / 400_000) ** 0.5)
    scale = torch.where(gone, 0.0, 1 / (1 - probability))
    assert_close(y, x * scale)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert_close(gradient, scale)
