"""Small data whose labels follow a rule."""

import pytest

from suimon.data.tagged import TaggedSequences

NAMES = ("Anna", "Bert", "Carla")
PLACES = ("Oslo", "Paris")


def sentences(count: int) -> TaggedSequences:
    """Sentences of 5 to 7 words with a person of two words and a place."""
    words, tags = [], []
    for n in range(count):
        who, where = NAMES[n % 3], PLACES[n % 2]
        words.append((*["so"] * (n % 3), who, "Smith", "went", "to", where))
        tags.append((*["O"] * (n % 3), "B-PER", "I-PER", "O", "O", "B-LOC"))
    return TaggedSequences("text", words, tags, lambda n: f"sentence {n}")


def conll(data: TaggedSequences) -> str:
    """The sentences as lines of a word and its tag."""
    assert data.tags is not None
    return "\n".join(
        "".join(f"{word} {tag}\n" for word, tag in zip(*pair, strict=True))
        for pair in zip(data.sequences, data.tags, strict=True)
    )


@pytest.fixture
def some_sentences() -> TaggedSequences:
    return sentences(60)
