from itertools import product

import numpy as np
import pytest
import torch

from suimon.cells import LSTMCell, LSTMState
from suimon.errors import ConfigError
from tests.tolerances import assert_close

B, I, H, P = 3, 5, 4, 2
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def normalised(v, gain):
    centred = v - v.mean(axis=1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)


def lstm_by_hand(x, h, c, W, *, forget_gate, coupled, peephole, layer_norm):
    """The equations of the cell's papers, gate by gate, in NumPy."""
    H = c.shape[1]
    order = "ifgo" if forget_gate and not coupled else "igo"
    from_x, from_h = x @ W["weight_ih"].T, h @ W["weight_hh"].T
    if layer_norm:
        from_x = normalised(from_x, W["norm_ih_gain"])
        from_h = normalised(from_h, W["norm_hh_gain"])
    a = from_x + from_h + W.get("bias_ih", 0) + W.get("bias_hh", 0)
    pre = {gate: a[:, k * H : (k + 1) * H] for k, gate in enumerate(order)}

    i = sigmoid(pre["i"] + (W["peephole_i"] * c if peephole else 0))
    if coupled:
        f = 1 - i
    elif forget_gate:
        f = sigmoid(pre["f"] + (W["peephole_f"] * c if peephole else 0))
    else:
        f = np.ones_like(i)
    g = np.tanh(pre["g"])
    c_new = f * c + i * g
    o = sigmoid(pre["o"] + (W["peephole_o"] * c_new if peephole else 0))
    read = normalised(c_new, W["norm_c_gain"]) + W.get("norm_c_bias", 0) if layer_norm else c_new
    h_new = o * np.tanh(read)
    if "weight_hr" in W:
        h_new = h_new @ W["weight_hr"].T
    gates = {"i": i, "f": f, "g": g, "o": o, "c": c_new, "h": h_new}
    if not forget_gate:
        del gates["f"]
    return gates


@pytest.mark.parametrize(
    ("forget", "peephole", "layer_norm", "proj_size", "bias"),
    list(product(["gate", "coupled", "none"], [0, 1], [0, 1], [0, P], [0, 1])),
)
def test_equals_the_equations_in_numpy(forget, peephole, layer_norm, proj_size, bias):
    variant = {
        "forget_gate": forget != "none",
        "coupled": forget == "coupled",
        "peephole": bool(peephole),
        "layer_norm": bool(layer_norm),
    }
    cell = LSTMCell(I, H, bias=bool(bias), proj_size=proj_size, **variant).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight += 0.3 * torch.randn_like(weight)
    W = {name: w.detach().numpy() for name, w in cell.named_parameters()}
    state = LSTMState(torch.randn(B, proj_size or H).double(), torch.randn(B, H).double())
    for x_t in torch.randn(3, B, I).double():
        expected = lstm_by_hand(x_t.numpy(), state.h.numpy(), state.c.numpy(), W, **variant)
        done = cell.transition(x_t, state, {k: w.detach() for k, w in cell.weights().items()})
        assert_close(done.gates, {name: torch.from_numpy(v) for name, v in expected.items()})
        state = done.state


@dtypes
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(dtype, bias, seed):
    torch.manual_seed(seed)
    theirs = torch.nn.LSTMCell(I, H, bias=bias, dtype=dtype)
    torch.manual_seed(seed)
    ours = LSTMCell(I, H, bias=bias, dtype=dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, weight in theirs.named_parameters():
        assert torch.equal(ours.weights()[name], weight)

    x_t = torch.randn(B, I, dtype=dtype)
    h, c = torch.randn(2, B, H, dtype=dtype)
    output, state = ours.step(x_t, LSTMState(h, c))
    h_1, c_1 = theirs(x_t, (h, c))
    assert_close(output, h_1)
    assert_close(tuple(state), (h_1, c_1))
    grads = torch.autograd.grad((state.h * state.c).sum(), ours.parameters())
    assert_close(grads, torch.autograd.grad((h_1 * c_1).sum(), theirs.parameters()))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@dtypes
def test_projection_equals_torch(dtype, seed):
    torch.manual_seed(seed)
    theirs = torch.nn.LSTM(I, H, proj_size=P, dtype=dtype)
    torch.manual_seed(seed)
    ours = LSTMCell(I, H, proj_size=P, dtype=dtype)
    assert [f"{name}_l0" for name in ours.state_dict()] == list(theirs.state_dict())
    for name, weight in theirs.named_parameters():
        assert torch.equal(ours.weights()[name.removesuffix("_l0")], weight)

    x_t = torch.randn(B, I, dtype=dtype)
    state = LSTMState(torch.randn(B, P, dtype=dtype), torch.randn(B, H, dtype=dtype))
    output, new = ours.step(x_t, state)
    expected, (h_1, c_1) = theirs(x_t[None], (state.h[None], state.c[None]))
    assert_close(output, expected[0])
    assert_close(tuple(new), (h_1[0], c_1[0]))
    assert ours.output_size == P


def test_without_forget_gate_the_error_carousel_is_constant():
    # Hochreiter and Schmidhuber (1997): with no way through the gates, dc_T/dc_0 is exactly 1.
    cell = LSTMCell(I, H, forget_gate=False).double()
    with torch.no_grad():
        cell.weight_hh.zero_()
    c_0 = torch.randn(B, H).double().requires_grad_()
    state, written = LSTMState(torch.zeros(B, H).double(), c_0), []
    for x_t in torch.randn(50, B, I).double():
        done = cell.transition(x_t, state, cell.weights())
        state = done.state
        written.append(done.gates["i"] * done.gates["g"])
    assert_close(state.c, c_0 + torch.stack(written).sum(0))
    assert torch.equal(torch.autograd.grad(state.c.sum(), c_0)[0], torch.ones(B, H).double())


def test_zero_peepholes_are_none():
    plain = LSTMCell(I, H).double()
    seeing = LSTMCell(I, H, peephole=True).double()
    seeing.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        for gate in "ifo":
            seeing.weights()[f"peephole_{gate}"].zero_()
    x_t = torch.randn(B, I).double()
    state = LSTMState(*torch.randn(2, B, H).double())
    assert torch.equal(seeing.step(x_t, state)[0], plain.step(x_t, state)[0])


def test_peepholes_change_no_other_draw(seed):
    torch.manual_seed(seed)
    plain = LSTMCell(I, H)
    torch.manual_seed(seed)
    seeing = LSTMCell(I, H, peephole=True)
    for name, weight in plain.named_parameters():
        assert torch.equal(seeing.weights()[name], weight)


def test_forget_bias_is_stored():
    cell = LSTMCell(I, H, forget_bias=1.5)
    f = slice(H, 2 * H)
    assert_close(cell.bias_ih[f] + cell.bias_hh[f], torch.full((H,), 1.5))
    others = torch.ones(4 * H, dtype=torch.bool)
    others[f] = False
    assert (cell.bias_ih[others].abs() <= cell.initial_bound).all()
    f_t = cell.transition(torch.zeros(1, I), cell.initial_state(1), cell.weights()).gates["f"]
    assert_close(f_t, torch.full((1, H), float(sigmoid(1.5))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proj_size": H}, "proj_size is 4; it must be 0 for none, or an integer from 1 to"),
        ({"proj_size": -1}, "proj_size is -1"),
        ({"proj_size": 1.0}, "proj_size is 1.0"),
        ({"coupled": True, "forget_gate": False}, "coupled is True and forget_gate is False"),
        ({"forget_bias": 1.0, "bias": False}, "forget_bias is 1.0 and bias is False"),
        ({"forget_bias": 1.0, "coupled": True}, "stores no forget gate; leave forget_bias out"),
        ({"forget_bias": 1.0, "forget_gate": False}, "stores no forget gate"),
        ({"forget_bias": float("nan")}, "forget_bias is nan; it must be a finite number"),
        ({"forget_bias": "1"}, "forget_bias is '1'; it must be a finite number"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        LSTMCell(I, H, **options)
