"""Small pairs that follow a rule."""

import random

import pytest

from suimon.data.pairs import SentencePairs

NUMBERS = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def reversals(count: int, seed: int = 0) -> SentencePairs:
    """Two to four letters, to be written backwards in capitals."""
    chance = random.Random(seed)
    sources = ["".join(chance.choices("abcd", k=chance.randint(2, 4))) for _ in range(count)]
    return SentencePairs(
        sources, [text[::-1].upper() for text in sources], lambda n: f"line {n + 1}"
    )


def counting(count: int, seed: int = 0) -> SentencePairs:
    """Numbers in German, and in English."""
    chance = random.Random(seed)
    drawn = [chance.choices(range(10), k=chance.randint(2, 5)) for _ in range(count)]
    return SentencePairs(
        [" ".join(NUMBERS[digit] for digit in row).capitalize() + "." for row in drawn],
        [" ".join(WORDS[digit] for digit in row).capitalize() + "." for row in drawn],
        lambda n: f"line {n + 1}",
    )


@pytest.fixture
def some_numbers() -> SentencePairs:
    return counting(120)
