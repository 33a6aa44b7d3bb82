import math
from collections import Counter

import pytest
import torch

from suimon.data.text.units.chars import CharUnits
from suimon.lab.python_source.network_sampler import NetworkSampler

UNITS = CharUnits("abc")  # ids 1, 2, 3; 0 is the unknown


class Chain:
    """A Markov chain in the shape of a network; its state counts the tokens of each stream."""

    def __init__(self, scores):
        self.scores = torch.tensor(scores)  # (V, V)
        self.batches: list[int] = []

    def __call__(self, tokens, state=None):
        self.batches.append(tokens.shape[1])
        seen = torch.zeros(1, tokens.shape[1], 1) if state is None else state
        return self.scores[tokens], seen + tokens.shape[0]

    def eval(self):
        return self

    def parameters(self, recurse=True):
        return iter([self.scores])


ANY = [[9.0, 0.0, 0.0, 0.0]] * 4  # the unknown would win, were it allowed


def never(text):
    return False


def test_the_unknown_is_never_written_and_the_rest_follow_the_temperature():
    scores = [[9.0, 0.0, math.log(2), math.log(3)]] * 4
    texts = NetworkSampler(Chain(scores), UNITS, temperature=0.5, seed=1)(
        "a", count=4000, limit=2, done=never
    )
    drawn = Counter(text[1] for text in texts)
    assert set(drawn) == {"a", "b", "c"}
    for character, weight in {"a": 1, "b": 4, "c": 9}.items():  # squared, at temperature 1/2
        p = weight / 14
        assert abs(drawn[character] / 4000 - p) < 5 * math.sqrt(p * (1 - p) / 4000)


def test_each_row_goes_on_from_its_own_last_character():
    # b is followed by c and c by a; after a comes anything, so that the rows differ.
    scores = [[0.0] * 4, [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 99.0], [0.0, 99.0, 0.0, 0.0]]
    texts = NetworkSampler(Chain(scores), UNITS, temperature=1.0, seed=1)(
        "ca", count=30, limit=12, done=lambda text: text.endswith("aaa")
    )
    assert len(set(texts)) > 5
    for text in texts:
        assert text.endswith("aaa") or len(text) == 12
        pairs = {text[place : place + 2] for place in range(len(text) - 1)}
        assert pairs <= {"aa", "ab", "ac", "bc", "ca"}


def test_what_is_done_leaves_the_batch():
    chain = Chain(ANY)
    texts = NetworkSampler(chain, UNITS, temperature=1.0, seed=1)(
        "a", count=50, limit=30, done=lambda text: text[-1] == "c"
    )
    assert all(text.endswith("c") or len(text) == 30 for text in texts)
    assert all("c" not in text[:-1] for text in texts)
    # One call reads the prompt; then a call for each further character of a text not yet done.
    assert chain.batches[0] == 1
    assert chain.batches[1:] == [
        sum(len(text) > length for text in texts) for length in range(2, max(map(len, texts)))
    ]


def test_one_seed_is_the_same_twice_and_another_differs():
    write = [
        NetworkSampler(Chain(ANY), UNITS, temperature=1.0, seed=seed)(
            "ab", count=3, limit=20, done=never
        )
        for seed in (1, 1, 2)
    ]
    assert write[0] == write[1] != write[2]
    assert len(set(write[0])) == 3
    assert all(len(text) == 20 for text in write[0])


@pytest.mark.parametrize("limit", [2, 3])
def test_the_limit_counts_the_prompt(limit):
    texts = NetworkSampler(Chain(ANY), UNITS, temperature=1.0, seed=1)(
        "a", count=3, limit=limit, done=never
    )
    assert {len(text) for text in texts} == {limit}


def test_each_text_goes_on_from_what_was_read_before_its_prompt():
    class Echo(Chain):
        """Writes the first token that it ever read, again and again."""

        def __call__(self, tokens, state=None):
            first = tokens[:1, :, None].float() if state is None else state  # (1, B, 1)
            if state is None:
                self.read = tokens.T.tolist()
            scores = 99.0 * torch.nn.functional.one_hot(first[0, :, 0].long(), 4)  # (B, V)
            return scores.expand(len(tokens), -1, -1), first

    echo = Echo(ANY)
    sampler = NetworkSampler(echo, UNITS, temperature=1.0, seed=1, before=["bc", "ca"])
    texts = sampler("a", count=3, limit=3, done=never)
    assert echo.read == [[2, 3, 1], [3, 1, 1]]
    assert texts == ["abb", "acc", "abb"]
