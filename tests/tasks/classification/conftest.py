"""Small data whose classes can be told apart by a rule."""

import math

import pytest

from suimon.data.labelled import LabelledSequences


def waves(count: int) -> str:
    """A ``.ts`` archive of slow and fast sine waves of 8 to 15 steps and two channels."""
    lines = ["@problemName waves", "@classLabel true fast slow", "@data"]
    for n in range(count):
        label, rate = (("slow", 0.3), ("fast", 1.5))[n % 2]
        steps = range(8 + n % 8)
        first = ",".join(f"{math.sin(rate * t + n):.4f}" for t in steps)
        second = ",".join(f"{math.cos(rate * t + 0.5 * n):.4f}" for t in steps)
        lines.append(f"{first}:{second}:{label}")
    return "\n".join(lines) + "\n"


def opinions(count: int) -> LabelledSequences:
    """Sentences that are good or bad by one word, which stands anywhere in them."""
    fillers = ["the", "film", "was", "quite", "a", "story", "and", "music"]
    texts, labels = [], []
    for n in range(count):
        label, word = (("neg", "dull"), ("pos", "lovely"))[n % 2]
        words = [fillers[(n * 3 + k * 5) % 8] for k in range(4 + n % 5)]
        words.insert(n * 7 % len(words), word)
        texts.append(" ".join(words).capitalize() + ".")
        labels.append(label)
    return LabelledSequences("text", texts, tuple(labels), lambda n: f"opinion {n}")


@pytest.fixture
def some_opinions() -> LabelledSequences:
    return opinions(80)
