"""Wrong arguments: torch.nn's kind of error, one line that names the thing, and the remedy."""

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from suimon.cells import GRUCell
from suimon.errors import BackendError, ConfigError, ShapeError, SuimonError
from suimon.layers import GRU, LSTM, RNN, MinGRU, Recurrent
from tests.layers.pairs import PAIRS, B, H, I, T, pair

every_layer = pytest.mark.parametrize("name", list(PAIRS))
x = torch.zeros(T, B, I)


def wrong_calls(name):
    """What torch.nn refuses."""
    h = torch.zeros(1, B, H)
    fields = (lambda h: (h, h)) if name == "LSTM" else (lambda h: h)
    return [
        (torch.zeros(T), None),
        (torch.zeros(1, T, B, I), None),
        (torch.zeros(T, B, I + 1), None),
        (x.double(), None),
        (x, fields(torch.zeros(2, B, H))),
        (x, fields(torch.zeros(1, B + 1, H))),
        (x, fields(torch.zeros(1, B, H + 1))),
        (x, fields(torch.zeros(1, H))),
        (x[:, 0], fields(h)),
        (x, fields(h.double())),
    ]


@every_layer
@pytest.mark.parametrize("case", range(10))
def test_what_torch_refuses_is_refused_with_its_error(name, case):
    ours, theirs = pair(name)
    input, hx = wrong_calls(name)[case]
    with pytest.raises(Exception) as theirs_raised:  # noqa: PT011  (whatever torch raises)
        theirs(input, hx)
    with pytest.raises(theirs_raised.type) as raised:
        ours(input, hx)
    assert isinstance(raised.value, ShapeError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (
            r"input has 4 features a step; it must have input_size, 3",
            lambda m: m(x[..., :1].expand(T, B, 4)),
        ),
        (
            r"input has dtype torch.float64 and the weights have torch.float32",
            lambda m: m(x.double()),
        ),
        (
            r"has dtype torch.int64 and the weights .* convert one: input.to\(torch.float32\)$",
            lambda m: m(x.long()),
        ),
        (r"input has shape \(6,\); it must be 3-D, or 2-D", lambda m: m(x[:, 0, 0])),
        (r"input is a list", lambda m: m([1.0])),
        (
            r"h_0 of shape \(1, 4, 6\); it must be \(1, 4, 5\)",
            lambda m: m(x, torch.zeros(1, B, H + 1)),
        ),
        (r"hx must be a tensor, but it is 2 of Tensor, Tensor", lambda m: m(x, (x, x))),
        (r"lengths has shape \(3,\); it must be \(4,\)", lambda m: m(x, lengths=[1, 2, 3])),
        (
            r"lengths has the value 7; each must be from 0 to T = 6",
            lambda m: m(x, lengths=[1, 2, 3, 7]),
        ),
        (r"lengths has the value -1; each must be", lambda m: m(x, lengths=[1, 2, 3, -1])),
        (r"lengths has dtype torch.float32", lambda m: m(x, lengths=torch.ones(B))),
        (r"lengths is given with a 2-D input", lambda m: m(x[:, 0], lengths=[1])),
        (
            r"reset has dtype torch.int64; it must be torch.bool",
            lambda m: m(x, reset=torch.ones(T, B).long()),
        ),
        (
            r"reset has shape \(4, 6\); it must be \(6, 4\)",
            lambda m: m(x, reset=torch.ones(B, T).bool()),
        ),
        (
            r"lengths is given with a PackedSequence",
            lambda m: m(pack_sequence([x[:, 0]]), lengths=[6]),
        ),
        (
            r"reset is given with a PackedSequence",
            lambda m: m(pack_sequence([x[:, 0]]), reset=x[..., 0] > 0),
        ),
    ],
)
def test_messages_of_wrong_calls(message, call):
    with pytest.raises(ShapeError, match=message) as raised:
        call(GRU(I, H))
    assert isinstance(raised.value, RuntimeError)
    assert isinstance(raised.value, ValueError)


def test_a_pair_is_asked_for_where_the_state_has_two_fields():
    with pytest.raises(ShapeError, match=r"hx must be a tuple \(h_0, c_0\), but it is a Tensor"):
        LSTM(I, H)(x, torch.zeros(1, B, H))
    with pytest.raises(ShapeError, match=r"c_0 of shape \(1, 4, 2\); it must be \(1, 4, 5\)"):
        LSTM(I, H, proj_size=2)(x, (torch.zeros(1, B, 2), torch.zeros(1, B, 2)))


@pytest.mark.parametrize(
    ("message", "make"),
    [
        (r"num_layers is 0; it must be an integer of at least 1", lambda: GRU(I, H, 0)),
        (r"hidden_size is 0; it must be", lambda: LSTM(I, 0)),
        (r"input_size is 'three'; it must be", lambda: LSTM("three", H)),
        (
            r"dropout is 1.5; it must be a probability in \[0, 1\]",
            lambda: GRU(I, H, 2, dropout=1.5),
        ),
        (r"dropout is True; it must be a probability", lambda: GRU(I, H, 2, dropout=True)),
        (
            r"recurrent_dropout is 1.0; it must be a probability in \[0, 1\)",
            lambda: GRU(I, H, recurrent_dropout=1.0),
        ),
        (r"weight_dropout is -0.1; it must be", lambda: GRU(I, H, weight_dropout=-0.1)),
        (
            r"weight_dropout is 0.1, but MinGRUCell has no recurrent product",
            lambda: MinGRU(I, H, weight_dropout=0.1),
        ),
        (
            r"recurrent_dropout is 0.1, but MinGRUCell has",
            lambda: MinGRU(I, H, recurrent_dropout=0.1),
        ),
        (
            r"zoneout is \(0.1, 0.2\); it must be one probability, or 1: h",
            lambda: GRU(I, H, zoneout=(0.1, 0.2)),
        ),
        (r"zoneout is 2; it must be a probability", lambda: LSTM(I, H, zoneout=(0.5, 2))),
        (r"batch_first is 1; it must be True or False", lambda: RNN(I, H, batch_first=1)),
        (r"residual is 'yes'; it must be True or False", lambda: RNN(I, H, residual="yes")),
        (
            r"nonlinearity is 'sigmoid'; it must be one of tanh, relu",
            lambda: RNN(I, H, nonlinearity="sigmoid"),
        ),
        (r"proj_size is 5; it must be 0 for none", lambda: LSTM(I, H, proj_size=H)),
        (r"input_size is missing", lambda: Recurrent(lambda width: GRUCell(width, H))),
        (
            r"input_size is 7, and the cell given has input_size 3",
            lambda: Recurrent(GRUCell(I, H), input_size=7),
        ),
    ],
)
def test_messages_of_wrong_options(message, make):
    with pytest.raises(ConfigError, match=message):
        make()


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="zone_out"):
        LSTM(I, H, zone_out=0.1)


def test_a_backend_is_checked_by_name_at_once_and_by_request_when_run():
    with pytest.raises(BackendError, match="backend is 'gpu'; it must be one of auto"):
        GRU(I, H, backend="gpu")
    layer = LSTM(I, H, peephole=True, backend="torch")
    with pytest.raises(BackendError, match=r"'torch' cannot run this: .*peephole=False"):
        layer(x)
    with pytest.raises(SuimonError, match="reset"):
        GRU(I, H, backend="torch")(x, reset=torch.zeros(T, B, dtype=torch.bool))
