"""The step engine against the layers: every cell, precision and instruction set."""

import pytest
import torch
from torch import nn

from suimon.cells import JordanCell
from suimon.errors import BackendError, ConfigError, ShapeError
from suimon.inference import Session, StepEngine
from suimon.inference import engine as engine_module
from suimon.kernels.cpu.native import ISA_VARIABLE, instruction_sets
from suimon.layers import GRU, LSTM, RNN, MinGRU, Recurrent
from tests.inference.step_engine_cases import SIZES, STACKS, fields_of, network
from tests.kernels.linear_recurrence_cases import needs_native

pytestmark = needs_native

T = 6
BF16_SETS = [isa for isa in instruction_sets() if isa in ("avx512bf16", "amx")]
ROUNDED = [("bf16", isa) for isa in BF16_SETS] + [("int8", isa) for isa in instruction_sets()]


def tokens(B: int, V: int = 11) -> torch.Tensor:
    return torch.randint(V, (T, B), generator=torch.Generator().manual_seed(B))


def apart(one, other) -> float:
    """The largest difference between two tensors, or two states."""
    pairs = zip(fields_of(one), fields_of(other), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize(("H", "L"), SIZES)
@pytest.mark.parametrize("kind", STACKS)
def test_fp32_is_the_layers_output(kind, H, L, isa, monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, isa)
    net = network(kind, H, L)
    engine = StepEngine(**net.parts())
    for B in (1, 2, 5, 64):
        text = tokens(B)
        with torch.no_grad():
            expected, middle = net(text[: T // 2])
            rest, last = net(text[T // 2 :], middle)
        logits, state = engine(text)
        scale = max(1.0, rest.abs().max().item())
        assert apart(logits, torch.cat([expected, rest])) <= 1e-5 * scale
        assert type(state) is type(last)
        assert apart(state, last) <= 1e-5 * scale
        again, _ = engine(text[T // 2 :], middle)  # goes on from a state of the layers
        assert apart(again, rest) <= 1e-5 * scale


@pytest.mark.parametrize(
    ("precision", "isa"), [("fp32", isa) for isa in instruction_sets()] + ROUNDED
)
@pytest.mark.parametrize("kind", ["lstm", "gru", "gru reset before", "lstm projected", "minlstm"])
def test_a_row_does_not_depend_on_its_neighbours(kind, precision, isa, monkeypatch):
    """To the last bit: AMX and vectors add the terms of a sum in one order, for any rows."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    engine = StepEngine(**network(kind, 150, 2).parts(), precision=precision)
    text = tokens(70)  # more than are worked on together
    logits, state = engine(text)
    for rows in (slice(0, 1), slice(3, 5), slice(4, 21), slice(69, 70)):
        alone, state_alone = engine(text[:, rows])
        assert torch.equal(alone, logits[:, rows])
        for one, other in zip(fields_of(state_alone), fields_of(state), strict=True):
            assert torch.equal(one, other[:, rows])


@pytest.mark.parametrize(("precision", "isa"), ROUNDED)
@pytest.mark.parametrize("kind", STACKS)
def test_rounded_precisions_stay_close(kind, precision, isa, monkeypatch):
    """bf16 rounds a factor by up to 2^-9 of it; int8 by up to 1/254 of its row's largest.

    A sum of n products of such factors errs by about sqrt(n) of the largest error times the
    factors; with these weights that is some 1 % of the logits' range for bf16, and 4 % for int8.
    """
    monkeypatch.setenv(ISA_VARIABLE, isa)
    net = network(kind, 72, 2)
    text = tokens(5)
    with torch.no_grad():
        expected, _ = net(text)
    logits, _ = StepEngine(**net.parts(), precision=precision)(text)
    share = apart(logits, expected) / (expected.max() - expected.min()).item()
    assert 1e-6 < share <= {"bf16": 0.01, "int8": 0.04}[precision]


@pytest.mark.parametrize("isa", instruction_sets())
def test_int8_products_are_exact(isa, monkeypatch):
    """Weights and inputs that are whole numbers to 127 lose nothing, not even at the extremes."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    layer = RNN(130, 20, nonlinearity="relu")
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.weight_ih_l0.copy_(torch.randint(-127, 128, (20, 130)).float())
        layer.weight_ih_l0[:, 0] = 127
        layer.weight_ih_l0[0] = 127
    x = torch.randint(-127, 128, (1, 9, 130)).float()
    x[:, :, 1] = 127
    x[:, 0] = 127
    expected = torch.relu(x @ layer.weight_ih_l0.T)
    output, _ = StepEngine(layer, precision="int8")(x)
    torch.testing.assert_close(output, expected, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(("precision", "isa"), [("fp32", instruction_sets()[-1]), *ROUNDED])
@pytest.mark.parametrize("make", [LSTM, GRU, MinGRU])
def test_threads_change_nothing(make, precision, isa, threads, monkeypatch):
    """64 rows are shared out; of one and three, the units are, once that was found to pay."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    torch.manual_seed(0)
    layer, head = make(24, 300, 2, residual=True), nn.Linear(300, 90)
    engine = StepEngine(layer, linears=(head,), precision=precision)
    for B in (1, 3, 64):
        x = torch.randn(12, B, 24)
        expected, expected_state = engine(x)
        torch.set_num_threads(threads)
        try:
            output, state = engine(x)
        finally:
            torch.set_num_threads(1)
        assert torch.equal(output, expected)
        assert apart(state, expected_state) == 0.0


@pytest.mark.parametrize("kind", ["gru", "gru reset before"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_tokens_beyond_the_table_are_looked_up_in_the_embedding(precision, kind, monkeypatch):
    net = network(kind, 37, 2)
    table, _ = StepEngine(**net.parts(), precision=precision)(tokens(5))
    monkeypatch.setattr(engine_module, "LARGEST_TABLE", 11 * 3 * 37 * 4 - 1)
    gathered, _ = StepEngine(**net.parts(), precision=precision)(tokens(5))
    difference = apart(table, gathered)
    if precision == "fp32":
        assert difference <= 1e-5
    else:
        assert 0 < difference <= 0.2  # only the product without a table rounds its factors


def test_an_engine_keeps_the_weights_it_was_made_with():
    net = network("lstm", 16, 1)
    engine = StepEngine(**net.parts())
    before, _ = engine(tokens(2))
    with torch.no_grad():
        net.head.bias.add_(1)
    assert torch.equal(engine(tokens(2))[0], before)
    assert not torch.equal(StepEngine(**net.parts())(tokens(2))[0], before)


def test_a_state_that_was_given_is_not_changed():
    engine = StepEngine(**network("lstm", 16, 2).parts())
    _, state = engine(tokens(2))
    copies = [field.clone() for field in state]
    engine(tokens(2), state)
    session = Session(engine, 2, state)
    session.feed(tokens(2))
    held = session.state
    kept = [field.clone() for field in held]
    session.write([0.1, 0.9])
    session.write([0.1, 0.9])
    assert all(torch.equal(*pair) for pair in zip(state, copies, strict=True))
    assert all(torch.equal(*pair) for pair in zip(held, kept, strict=True))


def test_a_session_writes_the_same_with_the_engine_and_with_the_layers():
    net = network("lstm peephole", 37, 2)
    options = {"temperature": 0.9, "top_k": 7, "top_p": 0.95, "never": 3}
    sessions = [Session(net, 3), Session(StepEngine(**net.parts()), 3)]
    numbers = torch.rand(30, 3, generator=torch.Generator().manual_seed(1)).tolist()
    written = []
    for session in sessions:
        session.feed(tokens(3))
        first = [session.write(uniform, **options) for uniform in numbers]
        session.keep(torch.tensor([2, 0]))
        written.append(first + [session.write(uniform[:2], **options) for uniform in numbers])
    assert written[0] == written[1]
    assert 3 not in {token for row in written[0] for token in row}
    torch.testing.assert_close(sessions[0].logits, sessions[1].logits, rtol=1e-5, atol=1e-5)


def test_repeated_streams_write_as_one_would():
    engine = StepEngine(**network("gru", 16, 1).parts(), precision="int8")
    alone = Session(engine)
    alone.feed(tokens(1))
    together = alone.repeat(4)
    rows = [together.write([u] * 4) for u in (0.2, 0.7, 0.4)]
    assert rows == [alone.write([u]) * 4 for u in (0.2, 0.7, 0.4)]


@pytest.mark.parametrize(
    ("recurrent", "reason"),
    [
        (lambda: nn.LSTM(3, 4), "its stack is a LSTM, and no layer of suimon.layers"),
        (lambda: LSTM(3, 4, bidirectional=True), "it is bidirectional"),
        (lambda: LSTM(3, 4, 2, norm_between=True), "it has norm_between"),
        (lambda: LSTM(3, 4, layer_norm=True), "its cells have layer_norm"),
        (lambda: LSTM(3, 4, backend="reference"), "are to run on the backend reference"),
        (lambda: LSTM(3, 4).double(), "its weights are torch.float64 on cpu"),
        (lambda: Recurrent(JordanCell(3, 4, output_size=4)), "its cell is a JordanCell"),
    ],
)
def test_what_it_cannot_run_is_refused(recurrent, reason):
    with pytest.raises(BackendError, match=f"cannot run this network in int8: .*{reason}"):
        StepEngine(recurrent(), precision="int8")


def test_bf16_needs_an_instruction_set_that_has_it(monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, "baseline")
    with pytest.raises(BackendError, match="in bf16: baseline has no products of bfloat16"):
        StepEngine(LSTM(3, 4), precision="bf16")


def test_wrong_arguments_are_refused():
    engine = StepEngine(LSTM(3, 4))
    with pytest.raises(ConfigError, match="precision is 'fp16'; give one of fp32, bf16, int8"):
        StepEngine(LSTM(3, 4), precision="fp16")
    with pytest.raises(ShapeError, match=r"the input is \(2, 1, 5\); give \(T, B, 3\)"):
        engine(torch.zeros(2, 1, 5))
    with pytest.raises(ShapeError, match=r"the state is .*; give \[\(1, 1, 4\), \(1, 1, 4\)\]"):
        engine(torch.zeros(2, 1, 3), torch.zeros(1, 1, 4))
    with pytest.raises(IndexError, match="token 11 is none of 11"):
        StepEngine(**network("gru", 5, 1).parts())(torch.full((1, 1), 11))
    with pytest.raises(ShapeError, match="read nothing; feed it a token first"):
        Session(engine).write([0.5])
    with pytest.raises(ShapeError, match="uniform has 2 numbers; give 1"):
        Session(engine).write([0.5, 0.5])
