"""Beam search against every sentence there is, on vocabularies small enough to write them all."""

import itertools

import pytest
import torch

from suimon.errors import ConfigError
from suimon.inference.beam_search import beam_search

START, END = 0, 1
LONGEST = 4


class Table:
    """Chances of the next token by the last two, for sentences of their own each.

    The state is the last token, as numbers ``(1, N, 1)``; the weights are one-hot of the step.
    """

    def __init__(self, sentences: int, vocabulary: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        shape = (sentences, vocabulary, vocabulary, vocabulary)
        self.logits = 2 * torch.randn(shape, generator=generator)
        self.sentences = sentences

    def first(self):
        return torch.zeros(1, self.sentences, 1), torch.zeros(1, self.sentences, 1)

    def step(self, tokens, state):
        before, count = state
        sentence = torch.arange(len(tokens)) % self.sentences
        logits = self.logits[sentence, before[0, :, 0].long(), tokens]
        weights = torch.nn.functional.one_hot(count[0, :, 0].long(), LONGEST).float()
        weights = weights * (1 + sentence).unsqueeze(1)
        return logits, (tokens.float().view(1, -1, 1), count + 1), weights

    def log_probability(self, sentence: int, tokens: tuple[int, ...], *, ended: bool) -> float:
        total, before, last = 0.0, 0, START
        for token in (*tokens, *([END] if ended else [])):
            total += self.logits[sentence, before, last].double().log_softmax(0)[token].item()
            before, last = last, token
        return total

    def everything(self, sentence: int, length_penalty: float) -> list[tuple[float, tuple]]:
        """Each sentence that can be written within the limit, by its score."""
        others = [token for token in range(self.logits.shape[-1]) if token != END]
        found = []
        for length in range(LONGEST + 1):
            for tokens in itertools.product(others, repeat=length):
                ended = length < LONGEST
                steps = length + ended
                total = self.log_probability(sentence, tokens, ended=ended)
                found.append((total / ((5 + steps) / 6) ** length_penalty, tokens))
        return sorted(found, reverse=True)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("vocabulary", [2, 3, 4])
def test_a_beam_that_holds_everything_finds_the_best_there_is(vocabulary, length_penalty):
    table = Table(5, vocabulary)
    found = beam_search(
        *(table.step, table.first(), [LONGEST] * 5),
        start=START,
        end=END,
        beam=200,
        length_penalty=length_penalty,
    )
    for sentence, hypotheses in enumerate(found):
        score, tokens = table.everything(sentence, length_penalty)[0]
        assert hypotheses[0].tokens == tokens
        assert hypotheses[0].score == pytest.approx(score, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_takes_the_likeliest_each_time(seed):
    table = Table(3, 5, seed)
    found = beam_search(table.step, table.first(), [LONGEST] * 3, start=START, end=END)
    for sentence, (hypothesis,) in enumerate(found):
        before, last, tokens = 0, START, []
        while len(tokens) < LONGEST:
            before, last = last, int(table.logits[sentence, before, last].argmax())
            if last == END:
                break
            tokens.append(last)
        assert hypothesis.tokens == tuple(tokens)


def test_all_that_is_found_has_the_chance_that_is_said():
    table = Table(4, 5)
    found = beam_search(
        table.step, table.first(), [LONGEST] * 4, start=START, end=END, beam=3, length_penalty=1.0
    )
    for sentence, hypotheses in enumerate(found):
        assert 1 <= len(hypotheses) <= 3
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
        assert len({h.tokens for h in hypotheses}) == len(hypotheses)
        for hypothesis in hypotheses:
            ended = len(hypothesis.tokens) < LONGEST
            expected = table.log_probability(sentence, hypothesis.tokens, ended=ended)
            assert hypothesis.log_probability == pytest.approx(expected, rel=1e-5)


def test_a_sentence_is_searched_the_same_alone_and_among_others():
    table = Table(4, 5)
    options = {"start": START, "end": END, "beam": 3, "length_penalty": 0.5}
    together = beam_search(table.step, table.first(), [4, 2, 1, 3], **options)
    for sentence, limit in enumerate([4, 2, 1, 3]):
        alone = Table(1, 5)
        alone.logits = table.logits[sentence : sentence + 1]
        (own,) = beam_search(alone.step, alone.first(), [limit], **options)
        assert [h.tokens for h in own] == [h.tokens for h in together[sentence]]
        assert all(len(h.tokens) <= limit for h in own)


def test_weights_are_those_of_each_token_of_the_sentence():
    table = Table(3, 4)
    found = beam_search(table.step, table.first(), [LONGEST] * 3, start=START, end=END, beam=4)
    for sentence, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            steps = len(hypothesis.tokens)
            expected = (1 + sentence) * torch.eye(LONGEST)[:steps]
            torch.testing.assert_close(hypothesis.weights, expected)


def test_some_tokens_are_never_written():
    logits = torch.tensor([[0.0, 0.0, 9.0, 3.0]])

    def step(tokens, state):
        return logits.expand(len(tokens), 4), None, None

    found = beam_search(step, None, [3], start=START, end=END, beam=2, never=[START, 2])
    assert [hypothesis.tokens for hypothesis in found[0]] == [(), (3,)]
    # What is left out keeps its share: the others are not made likelier by it.
    assert found[0][0].log_probability == pytest.approx(logits[0].log_softmax(0)[END].item())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, r"beam is 0; give 1 \(always the likeliest\) or more"),
        ({"length_penalty": -1.0}, r"length_penalty is -1\.0; give 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        beam_search(lambda *_: None, None, [1], start=0, end=1, **options)  # pyright: ignore
