"""A small text, made by rule: tales of a river, its gates and those who keep them."""

import random

_WHO = ("the keeper", "an old miller", "the ferryman's daughter", "a heron", "the rain")
_DOES = ("opened", "watched", "mended", "forgot", "closed")
_WHAT = ("the upper gate", "the lower gate", "the reservoir", "the mill race", "the sluice")
_WHEN = ("at dawn", "before the flood", "when the snow had melted", "at night", "for a year")
_AND = ("and the water rose", "and the water fell", "and nothing moved", "and the wheel turned")


def files(seed: int) -> dict[str, bytes]:
    """``tales.txt``: 2,000 lines of some 60 characters."""
    chance = random.Random(seed)
    lines = []
    for _ in range(2000):
        who, does, what, when, then = map(chance.choice, (_WHO, _DOES, _WHAT, _WHEN, _AND))
        tale = chance.choice(
            (f"{who} {does} {what} {when}, {then}", f"{when}, {who} {does} {what}")
        )
        lines.append(f"{tale[0].upper()}{tale[1:]}.\n")
    return {"tales.txt": "".join(lines).encode()}
