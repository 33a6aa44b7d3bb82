"""Opinions that are denied, made by rule: what a bag of words cannot tell, and order can.

The training set has every opinion word in plain sentences, and half of them denied as well; the
test set denies the other half alone. Its right answers follow from "a denied good word is bad",
learnt of other words, and from the words' own worth, learnt of plain sentences.
"""

import random

GOOD = (
    *("moving", "brilliant", "charming", "clever", "gripping", "warm", "funny", "elegant"),
    *("fresh", "honest", "tender", "witty", "graceful", "lively", "rich", "subtle"),
    *("thrilling", "touching", "vivid", "wise"),
)
BAD = (
    *("dull", "clumsy", "tedious", "shallow", "noisy", "cold", "bland", "boring"),
    *("cheap", "confused", "crude", "dreary", "empty", "hollow", "lazy", "messy"),
    *("silly", "stale", "tired", "weak"),
)
_SUBJECTS = (
    *("the film", "this story", "the acting", "its ending", "the music", "every scene"),
    *("the dialogue", "the second half", "her performance", "the plot"),
)
_DENIALS = ("not", "never", "hardly", "not really", "never very", "no longer", "far from")
_PLAIN = ("", "really", "very", "often", "quite", "always")
_FRAMES = (
    "{subject} is {opinion}",
    "i found {subject} {opinion}",
    "{subject} was {opinion} from start to finish",
    "say what you like , {subject} is {opinion}",
    "{opinion} is what {subject} was to me",
)
TRAINING, TEST = 3000, 400

Rows = list[tuple[str, str]]
"""Labels, ``good`` or ``bad``, and texts."""


def training_set(seed: int) -> Rows:
    """Half of the sentences plain, of every word; half denied, of the even words of each list."""
    chance = random.Random(f"negations {seed} training")
    return [_row(chance, n % 2 == 0, denied=n % 4 < 2, words=0) for n in range(TRAINING)]


def held_out_set(seed: int) -> Rows:
    """All denied, of the odd words of each list, so that none is in the training set; distinct."""
    chance = random.Random(f"negations {seed} test")
    rows: dict[tuple[str, str], None] = {}
    while len(rows) < TEST:
        rows[_row(chance, len(rows) % 2 == 0, denied=True, words=1)] = None
    return list(rows)


def _row(chance: random.Random, good: bool, *, denied: bool, words: int) -> tuple[str, str]:
    """A sentence whose word is of the list ``good`` names."""
    listed = GOOD if good else BAD
    word = chance.choice(listed[words::2] if denied else listed)
    adverb = chance.choice(_DENIALS if denied else _PLAIN)
    opinion = f"{adverb} {word}".strip()
    text = chance.choice(_FRAMES).format(subject=chance.choice(_SUBJECTS), opinion=opinion)
    return ("good" if good != denied else "bad"), text
