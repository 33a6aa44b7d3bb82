"""Sessions: however a text is cut into pieces, the network must end up in the same state."""

import pytest
import torch
from torch import nn

from suimon.errors import ShapeError
from suimon.inference import Session, map_state
from suimon.inference.session import TOKENS_A_CALL
from suimon.layers import GRU, LSTM

V = 7


class Network(nn.Module):
    """The least a session drives: embedding, a recurrent layer, a head."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, 4)
        self.recurrent = kind(4, 6, 2)
        self.head = nn.Linear(6, V)

    def forward(self, tokens, state=None):
        output, state = self.recurrent(self.embedding(tokens), state)
        return self.head(output), state


@pytest.fixture(params=[LSTM, GRU])
def network(request) -> Network:
    return Network(request.param)


def tokens(T: int, B: int) -> torch.Tensor:
    return torch.randint(V, (T, B))


def same(one, other) -> None:
    pairs = []
    map_state(lambda t: pairs.append([t]), one)
    index = iter(pairs)
    map_state(lambda t: next(index).append(t), other)
    for a, b in pairs:
        torch.testing.assert_close(a, b)


def test_whole_pieces_and_single_steps_agree_with_the_network(network):
    text = tokens(9, 3)
    with torch.no_grad():
        logits, state = network(text)
    whole, pieces, steps = (Session(network, 3) for _ in range(3))
    torch.testing.assert_close(whole.feed(text), logits[-1])
    pieces.feed(text[:4])
    torch.testing.assert_close(pieces.feed(text[4:]), logits[-1])
    for t in range(9):
        torch.testing.assert_close(steps.step(text[t]), logits[t])
    for session in (whole, pieces, steps):
        same(session.state, state)


def test_a_text_longer_than_one_call_is_fed_in_several(network):
    text = tokens(TOKENS_A_CALL + 5, 1)
    with torch.no_grad():
        logits, state = network(text)
    session = Session(network)
    torch.testing.assert_close(session.feed(text), logits[-1])
    same(session.state, state)


def test_repeated_streams_go_on_from_the_prompt_and_then_part(network):
    prompt, rest = tokens(5, 1), tokens(4, 3)
    session = Session(network)
    session.feed(prompt)
    together = session.repeat(3).feed(rest)
    for row in range(3):
        alone = Session(network)
        alone.feed(prompt)
        torch.testing.assert_close(together[row], alone.feed(rest[:, row : row + 1])[0])


def test_only_a_single_stream_repeats(network):
    with pytest.raises(ShapeError, match="only a session of 1 stream repeats; this one has 2"):
        Session(network, 2).repeat(3)


def test_kept_streams_go_on_alone(network):
    first, rest = tokens(5, 3), tokens(4, 2)
    session = Session(network, 3)
    session.feed(first)
    session.keep(torch.tensor([2, 0]))
    expected = Session(network, 2)
    expected.feed(first[:, [2, 0]])
    torch.testing.assert_close(session.feed(rest), expected.feed(rest))


def test_reset_forgets(network):
    text = tokens(5, 2)
    session = Session(network, 2)
    first = session.feed(text)
    assert not torch.equal(session.feed(text), first)
    session.reset()
    assert torch.equal(session.feed(text), first)


def test_a_session_goes_on_from_a_given_state(network):
    text = tokens(6, 2)
    whole, start = Session(network, 2), Session(network, 2)
    expected = whole.feed(text)
    start.feed(text[:3])
    torch.testing.assert_close(Session(network, 2, start.state).feed(text[3:]), expected)


def test_the_network_is_put_into_evaluation_mode_and_records_no_gradients(network):
    network.train()
    logits = Session(network).feed(tokens(2, 1))
    assert not network.training
    assert logits.is_inference()


@pytest.mark.parametrize("shape", [(0, 2), (3,), (3, 1)])
def test_wrong_shapes_are_refused(network, shape):
    with pytest.raises(ShapeError, match=r"tokens is .*; give \(T, 2\) with T of 1 or more"):
        Session(network, 2).feed(torch.zeros(shape, dtype=torch.long))
