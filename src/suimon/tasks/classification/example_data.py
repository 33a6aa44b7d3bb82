"""Small reviews, made by rule: whose stars hang on a word and on whether it is denied."""

import csv
import io
import random

_SUBJECTS = ("the film", "this story", "the acting", "its ending", "the music", "every scene")
_GOOD = ("moving", "brilliant", "charming", "clever", "gripping", "warm")
_BAD = ("dull", "clumsy", "tedious", "shallow", "noisy", "cold")
_FRAMES = (
    "{subject} is {opinion}",
    "i found {subject} {opinion}",
    "{subject} was {opinion} from start to finish",
    "say what you like, {subject} is {opinion}",
)
TRAINING, TEST = 600, 200


def files(seed: int) -> dict[str, bytes]:
    """``reviews.csv`` and ``reviews-test.csv`` with the columns ``stars`` (1 or 5) and ``review``.

    In a quarter of them the opinion is denied ("is not dull"), so that the order of words counts.
    """
    chance = random.Random(seed)
    return {
        "reviews.csv": _table(chance, TRAINING),
        "reviews-test.csv": _table(chance, TEST),
    }


def _table(chance: random.Random, rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("stars", "review"))
    for _ in range(rows):
        good, denied = chance.random() < 0.5, chance.random() < 0.25
        word = chance.choice(_GOOD if good else _BAD)
        opinion = f"not {word}" if denied else word
        review = chance.choice(_FRAMES).format(subject=chance.choice(_SUBJECTS), opinion=opinion)
        writer.writerow((5 if good != denied else 1, f"{review[0].upper()}{review[1:]}."))
    return text.getvalue().encode()
