import numpy as np
import pytest
import torch

from suimon.cells import LinearCell, MinGRUCell, MinGRUState
from tests.tolerances import assert_close

T, B, I, H = 9, 3, 5, 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_closed_form(dtype, bias):
    # h_T = h_0 * prod_t (1 - z_t) + sum_t z_t n_t * prod_{s>t} (1 - z_s), all gates in one product.
    cell = MinGRUCell(I, H, bias=bias, dtype=dtype)
    x, h_0 = torch.randn(T, B, I, dtype=dtype), torch.randn(B, H, dtype=dtype)
    state = MinGRUState(h_0)
    for x_t in x:
        output, state = cell.step(x_t, state)

    W = {name: w.detach().double().numpy() for name, w in cell.named_parameters()}
    a = x.double().numpy() @ W["weight_ih"].T + W.get("bias_ih", 0)
    z, n = 1 / (1 + np.exp(-a[..., :H])), a[..., H:]
    h = h_0.double().numpy() * np.prod(1 - z, axis=0)
    for t in range(T):
        h = h + z[t] * n[t] * np.prod(1 - z[t + 1 :], axis=0)
    assert_close(state.h.detach(), torch.from_numpy(h).to(dtype))
    assert torch.equal(output, state.h)


def test_coefficients_of_a_sequence_are_those_of_its_steps():
    cell = MinGRUCell(I, H).double()
    assert isinstance(cell, LinearCell)
    x, h = torch.randn(T, B, I).double(), torch.randn(B, H).double()
    whole = cell.coefficients(x, cell.weights())
    for t, x_t in enumerate(x):
        done = cell.transition(x_t, MinGRUState(h), cell.weights())
        h = whole.a[t] * h + whole.b[t]
        assert_close(done.output, h)
        assert_close(done.gates, {"z": whole.gates["z"][t], "n": whole.gates["n"][t], "h": h})


def test_draws_what_linear_draws(seed):
    torch.manual_seed(seed)
    theirs = torch.nn.Linear(I, 2 * H)
    torch.manual_seed(seed)
    ours = MinGRUCell(I, H)
    assert_close(ours.weight_ih, theirs.weight)
    assert_close(ours.bias_ih, theirs.bias)
