"""Opinions that are denied, made by rule: what a bag of words cannot tell, and order can.

The training set has every opinion word in plain sentences, and four fifths of the words denied as
well; the test set denies the last fifth alone. Its right answers follow from "a denied good word
is bad", learnt of other words, and from the words' own worth, learnt of plain sentences.

Learn it without dropping words (``input_dropout 0``, ``consistency 0``): where the denial may have
been dropped, a word that was never denied is a surer sign than others, and is learnt as such.
"""

import random

GOOD = (
    *("moving", "brilliant", "charming", "clever", "gripping", "warm", "funny", "elegant"),
    *("fresh", "honest", "tender", "witty", "graceful", "lively", "rich", "subtle"),
    *("thrilling", "touching", "vivid", "wise", "bold", "bright", "crisp", "daring"),
    *("deep", "delicate", "engaging", "haunting", "inventive", "joyful", "lucid", "memorable"),
    *("original", "playful", "radiant", "sharp", "splendid", "superb", "tense", "wonderful"),
)
BAD = (
    *("dull", "clumsy", "tedious", "shallow", "noisy", "cold", "bland", "boring"),
    *("cheap", "confused", "crude", "dreary", "empty", "hollow", "lazy", "messy"),
    *("silly", "stale", "tired", "weak", "awful", "awkward", "coarse", "drab"),
    *("feeble", "flat", "forced", "gloomy", "harsh", "lifeless", "muddled", "pompous"),
    *("predictable", "shrill", "slow", "smug", "sour", "stiff", "tiresome", "wooden"),
)
NEVER_DENIED = 8
"""The last words of each list are denied in the test set alone."""

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
_SHARE_NEVER_DENIED, _SHARE_DENIED = 0.15, 0.35  # of the training set; of its other sentences

Rows = list[tuple[str, str]]
"""Labels, ``good`` or ``bad``, and texts."""


def training_set(seed: int) -> Rows:
    """Plain sentences of every word, and denied ones of all but the last of each list."""
    chance = random.Random(f"negations {seed} training")
    rows: Rows = []
    for n in range(TRAINING):
        words = GOOD if n % 2 else BAD
        if chance.random() < _SHARE_NEVER_DENIED:
            rows.append(_row(chance, words[-NEVER_DENIED:], good=n % 2 == 1, denied=False))
        else:
            denied = chance.random() < _SHARE_DENIED
            rows.append(_row(chance, words[:-NEVER_DENIED], good=n % 2 == 1, denied=denied))
    return rows


def held_out_set(seed: int) -> Rows:
    """All denied, of the last words of each list, so that none is in the training set; distinct."""
    chance = random.Random(f"negations {seed} test")
    rows: dict[tuple[str, str], None] = {}
    while len(rows) < TEST:
        good = len(rows) % 2 == 1
        words = (GOOD if good else BAD)[-NEVER_DENIED:]
        rows[_row(chance, words, good=good, denied=True)] = None
    return list(rows)


def _row(
    chance: random.Random, words: tuple[str, ...], *, good: bool, denied: bool
) -> tuple[str, str]:
    """A sentence with one of the words, all good or all bad, and what it says."""
    adverb = chance.choice(_DENIALS if denied else _PLAIN)
    opinion = f"{adverb} {chance.choice(words)}".strip()
    text = chance.choice(_FRAMES).format(subject=chance.choice(_SUBJECTS), opinion=opinion)
    return ("good" if good != denied else "bad"), text
