import math
from collections import Counter

import pytest

from suimon.errors import ConfigError
from suimon.lab.python_source.ngram import NGramModel

TEXT = "the cat sat on the mat. the rat ate the cat.\n"


def never(text: str) -> bool:
    return False


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_counts_are_those_of_the_text(order):
    model = NGramModel(TEXT, order=order)
    grams = Counter(TEXT[i : i + order] for i in range(len(TEXT) - order + 1))
    contexts = {gram[:-1] for gram in grams}
    for context in contexts:
        characters, counts = model.following(context)
        expected = {gram[-1]: n for gram, n in grams.items() if gram[:-1] == context}
        assert dict(zip(characters, counts, strict=True)) == expected


def test_back_off_drops_the_oldest_character():
    model = NGramModel(TEXT, order=5)
    assert model.following("zzze") == model.following("e")
    assert model.following("qthe") == model.following("the")
    assert model.following("\n") == model.following("")  # only the very end: nothing follows it
    characters, counts = model.following("???")
    assert dict(zip(characters, counts, strict=True)) == Counter(TEXT)


def test_characters_beyond_the_basic_plane():
    model = NGramModel("水門🌊水門🌊", order=3)
    assert model.following("水門") == (["🌊"], [2])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sampled_frequencies_follow_the_formula(temperature):
    # After "a": b six times, c three times, d once.
    text = "ab" * 6 + "ac" * 3 + "ad" + "a"
    sampler = NGramModel(text, order=2).sampler(temperature=temperature, seed=1)
    drawn = Counter(sample[1] for sample in sampler("a", count=20_000, limit=2, done=never))
    weights = {"b": 6 ** (1 / temperature), "c": 3 ** (1 / temperature), "d": 1.0}
    for character, weight in weights.items():
        p = weight / sum(weights.values())
        assert abs(drawn[character] / 20_000 - p) < 5 * math.sqrt(p * (1 - p) / 20_000)


def test_a_low_temperature_does_not_overflow():
    text = "ab" * 5000 + "ac" + "a"
    sampler = NGramModel(text, order=2).sampler(temperature=0.001, seed=1)
    assert set(sampler("a", count=50, limit=2, done=never)) == {"ab"}


def test_one_seed_is_the_same_twice_and_another_differs():
    model = NGramModel(TEXT, order=2)
    texts = [
        model.sampler(temperature=1.0, seed=seed)("the", count=3, limit=40, done=never)
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert len(set(texts[0])) == 3


def test_sampling_stops_at_the_limit_and_when_done():
    sampler = NGramModel(TEXT).sampler(temperature=1.0, seed=1)
    assert [len(text) for text in sampler("the ", count=3, limit=30, done=never)] == [30] * 3
    for text in sampler("the ", count=5, limit=90, done=lambda text: text[-1] == "."):
        assert text.count(".") == (text[-1] == ".")


@pytest.mark.parametrize("order", [0, 40])
def test_an_order_that_does_not_fit_is_refused(order):
    with pytest.raises(ConfigError, match=f"order {order} does not fit"):
        NGramModel(TEXT, order=order)


def test_an_empty_text_is_refused():
    with pytest.raises(ConfigError, match="needs a text"):
        NGramModel("")
