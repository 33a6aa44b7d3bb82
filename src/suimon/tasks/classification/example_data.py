"""Data made by rule: reviews whose stars hang on a word and its denial, and moving squares."""

import csv
import io
import random
from collections.abc import Sequence

from suimon.tasks.classification import squares
from suimon.tasks.classification.negations import held_out_set, training_set

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
VIDEOS, TEST_VIDEOS = 40, 20  # of each class


def files(seed: int) -> dict[str, bytes]:
    """``reviews.csv`` and ``reviews-test.csv`` with the columns ``stars`` (1 or 5) and ``review``.

    In a quarter of them the opinion is denied ("is not dull"), so that the order of words counts.
    In ``negations.csv`` and ``negations-test.csv``, with the columns ``verdict`` and ``text``,
    little else does; see :mod:`suimon.tasks.classification.negations`. In ``squares`` and
    ``squares-test`` are videos; see :mod:`suimon.tasks.classification.squares`.
    """
    chance = random.Random(seed)
    reviews, negations = ("stars", "review"), ("verdict", "text")
    return {
        "reviews.csv": _table(reviews, _reviews(chance, TRAINING)),
        "reviews-test.csv": _table(reviews, _reviews(chance, TEST)),
        "negations.csv": _table(negations, training_set(seed)),
        "negations-test.csv": _table(negations, held_out_set(seed)),
        **squares.folder("squares", VIDEOS, seed),
        **squares.folder("squares-test", TEST_VIDEOS, seed + 1),
    }


def _reviews(chance: random.Random, rows: int) -> list[tuple[str, str]]:
    made = []
    for _ in range(rows):
        good, denied = chance.random() < 0.5, chance.random() < 0.25
        word = chance.choice(_GOOD if good else _BAD)
        opinion = f"not {word}" if denied else word
        review = chance.choice(_FRAMES).format(subject=chance.choice(_SUBJECTS), opinion=opinion)
        made.append(("5" if good != denied else "1", f"{review[0].upper()}{review[1:]}."))
    return made


def _table(columns: Sequence[str], rows: Sequence[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
