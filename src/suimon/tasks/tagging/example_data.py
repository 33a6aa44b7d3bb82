"""Small sentences with names and places, made by rule: their ends and neighbours tell which."""

import random

_FIRST = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Henry", "Ida", "Jonas")
_SYLLABLES = ("ba", "den", "ki", "lor", "man", "nes", "ro", "sal", "ti", "vor")
_ENDINGS = {"PER": ("son", "sen", "er", "ez"), "LOC": ("ville", "burg", "ton", "field")}
_FRAMES = (
    "{p} went to {l} yesterday .",
    "In {l} , {p} met {p} .",
    "The mayor of {l} thanked {p} for the work .",
    "{p} has lived in {l} since May .",
    "Nobody in {l} knew where the train stopped .",
    "Yesterday {p} wrote a long letter .",
    "The road from {l} to {l} is closed .",
    "Everyone talks about {p} .",
    "Everyone talks about {l} .",
    "I remember {p} well .",
    "I remember {l} well .",
    "It rained all day , and the river rose .",
)
TRAINING, TEST = 500, 150


def files(seed: int) -> dict[str, bytes]:
    """``people.conll`` and ``people-test.conll``: a word and its tag a line, B-, I- and O.

    Family names and places are made of syllables, each anew, so that few of the test were met
    before: what they end in and the words around them must tell, and in some sentences the former
    alone.
    """
    chance = random.Random(seed)
    return {
        "people.conll": _columns(chance, TRAINING),
        "people-test.conll": _columns(chance, TEST),
    }


def _columns(chance: random.Random, sentences: int) -> bytes:
    lines: list[str] = []
    for _ in range(sentences):
        for word in chance.choice(_FRAMES).split():
            if word == "{p}":
                names = [_made(chance, "PER")]
                if chance.random() < 0.7:
                    names.insert(0, chance.choice(_FIRST))
                lines += _entity(names, "PER")
            elif word == "{l}":
                before = ["New"] if chance.random() < 0.2 else []
                lines += _entity([*before, _made(chance, "LOC")], "LOC")
            else:
                lines.append(f"{word} O")
        lines.append("")
    return "\n".join(lines).encode() + b"\n"


def _entity(words: list[str], kind: str) -> list[str]:
    return [f"{word} {'I' if n else 'B'}-{kind}" for n, word in enumerate(words)]


def _made(chance: random.Random, kind: str) -> str:
    parts = [chance.choice(_SYLLABLES) for _ in range(chance.randint(1, 2))]
    return "".join([*parts, chance.choice(_ENDINGS[kind])]).capitalize()
