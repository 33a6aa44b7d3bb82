from itertools import product

import numpy as np
import pytest
import torch

from suimon.cells import GRUCell, GRUState
from tests.tolerances import assert_close

B, I, H = 3, 5, 4


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def normalised(v, gain):
    centred = v - v.mean(axis=1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)


def gru_by_hand(x, h, W, *, reset_after, layer_norm):
    """The equations of the cell's papers, gate by gate, in NumPy."""
    H = h.shape[1]
    gates, candidate = slice(0, 2 * H), slice(2 * H, 3 * H)

    def part(v, source, rows):
        result = v @ W[f"weight_{source}"][rows].T
        if layer_norm:
            result = normalised(result, W[f"norm_{source}_gain"][rows])
        return result + (W[f"bias_{source}"][rows] if "bias_ih" in W else 0)

    rz = sigmoid(part(x, "ih", gates) + part(h, "hh", gates))
    r, z = rz[:, :H], rz[:, H:]
    inner = r * part(h, "hh", candidate) if reset_after else part(r * h, "hh", candidate)
    n = np.tanh(part(x, "ih", candidate) + inner)
    return {"r": r, "z": z, "n": n, "h": z * h + (1 - z) * n}


@pytest.mark.parametrize(
    ("reset_after", "layer_norm", "bias"), list(product([True, False], repeat=3))
)
def test_equals_the_equations_in_numpy(reset_after, layer_norm, bias):
    variant = {"reset_after": reset_after, "layer_norm": layer_norm}
    cell = GRUCell(I, H, bias=bias, **variant).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight += 0.3 * torch.randn_like(weight)
    W = {name: w.detach().numpy() for name, w in cell.named_parameters()}
    state = GRUState(torch.randn(B, H).double())
    for x_t in torch.randn(3, B, I).double():
        expected = gru_by_hand(x_t.numpy(), state.h.numpy(), W, **variant)
        done = cell.transition(x_t, state, {k: w.detach() for k, w in cell.weights().items()})
        assert_close(done.gates, {name: torch.from_numpy(v) for name, v in expected.items()})
        state = done.state


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(dtype, bias, seed):
    torch.manual_seed(seed)
    theirs = torch.nn.GRUCell(I, H, bias=bias, dtype=dtype)
    torch.manual_seed(seed)
    ours = GRUCell(I, H, bias=bias, dtype=dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, weight in theirs.named_parameters():
        assert torch.equal(ours.weights()[name], weight)

    x_t, h = torch.randn(B, I, dtype=dtype), torch.randn(B, H, dtype=dtype)
    output, state = ours.step(x_t, GRUState(h))
    expected = theirs(x_t, h)
    assert_close(output, expected)
    assert_close(state.h, expected)
    grads = torch.autograd.grad(output.square().sum(), ours.parameters())
    assert_close(grads, torch.autograd.grad(expected.square().sum(), theirs.parameters()))


def test_reset_before_and_after_agree_where_units_do_not_mix():
    # With a diagonal W_hn and no b_hn, r * (W_hn h) = W_hn (r * h); elsewhere they differ.
    after = GRUCell(I, H, reset_after=True).double()
    before = GRUCell(I, H, reset_after=False).double()
    before.load_state_dict(after.state_dict())
    x_t, state = torch.randn(B, I).double(), GRUState(torch.randn(B, H).double())
    assert not torch.allclose(before.step(x_t, state)[0], after.step(x_t, state)[0])
    with torch.no_grad():
        for cell in (after, before):
            cell.weight_hh[2 * H :] *= torch.eye(H)
            cell.bias_hh[2 * H :] = 0
    assert_close(before.step(x_t, state)[0], after.step(x_t, state)[0])


def test_recurrent_mask_spares_the_carry():
    # z = 1 keeps the state whole, whatever the mask does to the products.
    cell = GRUCell(I, H).double()
    with torch.no_grad():
        cell.bias_ih[H : 2 * H] = 1e3
    state = GRUState(torch.randn(B, H).double())
    mask = torch.zeros(B, H).double()
    done = cell.transition(torch.randn(B, I).double(), state, cell.weights(), mask)
    assert_close(done.output.detach(), state.h)
