import numpy as np
import pytest
import torch

from suimon.cells import LinearCell, MinLSTMCell, MinLSTMState
from tests.tolerances import assert_close

T, B, I, H = 9, 3, 5, 4


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_closed_form(dtype, bias):
    # h_T = h_0 * prod_t f_t + sum_t i_t g_t * prod_{s>t} f_s with f, i divided by their sum.
    cell = MinLSTMCell(I, H, bias=bias, dtype=dtype)
    x, h_0 = torch.randn(T, B, I, dtype=dtype), torch.randn(B, H, dtype=dtype)
    state = MinLSTMState(h_0)
    for x_t in x:
        output, state = cell.step(x_t, state)

    W = {name: w.detach().double().numpy() for name, w in cell.named_parameters()}
    a = x.double().numpy() @ W["weight_ih"].T + W.get("bias_ih", 0)
    i, f, g = sigmoid(a[..., :H]), sigmoid(a[..., H : 2 * H]), a[..., 2 * H :]
    i, f = i / (i + f), f / (i + f)
    h = h_0.double().numpy() * np.prod(f, axis=0)
    for t in range(T):
        h = h + i[t] * g[t] * np.prod(f[t + 1 :], axis=0)
    assert_close(state.h.detach(), torch.from_numpy(h).to(dtype))
    assert torch.equal(output, state.h)


def test_coefficients_of_a_sequence_are_those_of_its_steps():
    cell = MinLSTMCell(I, H).double()
    assert isinstance(cell, LinearCell)
    x, h = torch.randn(T, B, I).double(), torch.randn(B, H).double()
    whole = cell.coefficients(x, cell.weights())
    for t, x_t in enumerate(x):
        done = cell.transition(x_t, MinLSTMState(h), cell.weights())
        h = whole.a[t] * h + whole.b[t]
        assert_close(done.output, h)
        assert_close(done.gates, {**{k: v[t] for k, v in whole.gates.items()}, "h": h})
    assert list(whole.gates) == ["i", "f", "g"]


@pytest.mark.parametrize("low", [-200.0, -2000.0])
def test_both_gates_closed_is_no_zero_by_zero(low):
    cell = MinLSTMCell(I, H, dtype=torch.float32)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias_ih[: 2 * H] = low
        cell.bias_ih[2 * H :] = 3.0
    h = torch.ones(B, H)
    output, _ = cell.step(torch.zeros(B, I), MinLSTMState(h))
    assert_close(output.detach(), torch.full((B, H), 0.5 * 1.0 + 0.5 * 3.0))
    grad = torch.autograd.grad(output.sum(), cell.bias_ih)[0]
    assert grad.isfinite().all()
    # df/d(bias_if) = f (1 - f) = 1/4 times (h - g) = -2, for each of B rows.
    assert_close(grad[H : 2 * H], torch.full((H,), B * 0.25 * (1.0 - 3.0)))


def test_draws_what_linear_draws(seed):
    torch.manual_seed(seed)
    theirs = torch.nn.Linear(I, 3 * H)
    torch.manual_seed(seed)
    ours = MinLSTMCell(I, H)
    assert_close(ours.weight_ih, theirs.weight)
    assert_close(ours.bias_ih, theirs.bias)
