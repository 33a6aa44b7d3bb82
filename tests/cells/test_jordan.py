import numpy as np
import pytest
import torch

from suimon.cells import JordanCell, JordanState
from suimon.errors import ConfigError
from tests.tolerances import assert_close

B, I, H, O = 3, 5, 4, 2

PHI = {"tanh": np.tanh, "sigmoid": lambda v: 1 / (1 + np.exp(-v)), "identity": lambda v: v}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("phi", list(PHI))
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_equations_in_numpy(dtype, phi, bias):
    cell = JordanCell(I, H, output_size=O, output_nonlinearity=phi, bias=bias, dtype=dtype)
    W = {name: w.detach().numpy() for name, w in cell.named_parameters()}
    state, y = JordanState(torch.randn(B, O, dtype=dtype)), None
    y = state.y.numpy()
    for x_t in torch.randn(3, B, I, dtype=dtype):
        a = x_t.numpy() @ W["weight_ih"].T + y @ W["weight_hh"].T
        h = np.tanh(a + (W["bias_ih"] + W["bias_hh"] if bias else 0))
        y = PHI[phi](h @ W["weight_hy"].T + (W["bias_hy"] if bias else 0))
        done = cell.transition(x_t, state, cell.weights())
        state = done.state
        assert_close(done.output.detach(), torch.from_numpy(y))
        assert_close(done.gates["h"].detach(), torch.from_numpy(h))


def test_memory_is_the_output_alone():
    cell = JordanCell(I, H, output_size=O, dtype=torch.float64)
    assert cell.output_size == O
    assert cell.state_sizes() == {"y": O}
    assert JordanCell(I, H).output_size == H


def test_hidden_part_draws_what_torch_draws(seed):
    torch.manual_seed(seed)
    theirs = torch.nn.RNNCell(I, H)
    torch.manual_seed(seed)
    ours = JordanCell(I, H)
    for name, weight in theirs.named_parameters():
        assert torch.equal(ours.weights()[name], weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_size": 0}, "output_size is 0; it must be an integer of at least 1"),
        ({"output_nonlinearity": "relu"}, "output_nonlinearity is 'relu'; .* tanh, sigmoid, ident"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        JordanCell(I, H, **options)
