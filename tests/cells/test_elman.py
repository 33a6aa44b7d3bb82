import numpy as np
import pytest
import torch

from suimon.cells import ElmanCell, ElmanState
from suimon.errors import ConfigError
from tests.tolerances import assert_close

B, I, H = 3, 5, 4
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@dtypes
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(dtype, nonlinearity, bias, seed):
    torch.manual_seed(seed)
    theirs = torch.nn.RNNCell(I, H, bias=bias, nonlinearity=nonlinearity, dtype=dtype)
    torch.manual_seed(seed)
    ours = ElmanCell(I, H, bias=bias, nonlinearity=nonlinearity, dtype=dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, weight in theirs.named_parameters():
        assert torch.equal(ours.weights()[name], weight)

    x_t, h = torch.randn(B, I, dtype=dtype), torch.randn(B, H, dtype=dtype)
    output, state = ours.step(x_t, ElmanState(h))
    expected = theirs(x_t, h)
    assert_close(output, expected)
    assert_close(state.h, expected)
    grads = torch.autograd.grad(output.square().sum(), ours.parameters())
    assert_close(grads, torch.autograd.grad(expected.square().sum(), theirs.parameters()))


@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm_by_hand(bias):
    cell = ElmanCell(I, H, bias=bias, layer_norm=True, dtype=torch.float64)
    with torch.no_grad():
        cell.norm_gain.normal_()
    x_t, h = torch.randn(B, I).double(), torch.randn(B, H).double()
    W = {name: w.detach().numpy() for name, w in cell.named_parameters()}

    a = x_t.numpy() @ W["weight_ih"].T + h.numpy() @ W["weight_hh"].T
    a = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)
    a = a * W["norm_gain"] + (W["bias_ih"] + W["bias_hh"] if bias else 0.0)
    assert_close(cell.step(x_t, ElmanState(h))[0].detach(), torch.from_numpy(np.tanh(a)))


def test_unknown_nonlinearity():
    with pytest.raises(ConfigError, match="nonlinearity is 'elu'; it must be one of tanh, relu"):
        ElmanCell(I, H, nonlinearity="elu")
