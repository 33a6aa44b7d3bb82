"""Small images, made by rule: bright discs, squares and triangles, whole, on a dark ground."""

import random
import struct

SIDE = 16
TRAINING, TEST = 1200, 200


def files(seed: int) -> dict[str, bytes]:
    """``shapes.idx3`` and ``shapes-test.idx3``, images of 16 rows of 16 grey pixels.

    Each shows one shape, upright and symmetric about its middle, so that its upper half tells much
    of the lower one.
    """
    chance = random.Random(seed)
    return {"shapes.idx3": _idx(chance, TRAINING), "shapes-test.idx3": _idx(chance, TEST)}


def _idx(chance: random.Random, count: int) -> bytes:
    header = bytes((0, 0, 8, 3)) + struct.pack(">III", count, SIDE, SIDE)
    return header + b"".join(_image(chance) for _ in range(count))


def _image(chance: random.Random) -> bytes:
    kind = chance.choice(("disc", "square", "triangle"))
    half = chance.uniform(4, 7)
    bright = chance.randint(160, 255)
    middle = [SIDE / 2 - 0.5 + chance.uniform(-1, 1) for _ in range(2)]
    return bytes(
        bright if _inside(kind, (y - middle[0]) / half, (x - middle[1]) / half) else 0
        for y in range(SIDE)
        for x in range(SIDE)
    )


def _inside(kind: str, y: float, x: float) -> bool:
    """Whether a place belongs to the shape, which reaches from -1 to 1."""
    if kind == "disc":
        return x * x + y * y <= 1
    if kind == "square":
        return max(abs(x), abs(y)) <= 0.85
    return -1 <= y <= 1 and abs(x) <= (y + 1) / 2
