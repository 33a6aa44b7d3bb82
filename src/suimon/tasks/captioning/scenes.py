"""Drawn scenes of two shapes, and the sentences that describe them, made by rule."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SIDE = 32
SHAPES = ("circle", "square", "triangle")
COLORS = {
    "red": (230, 40, 40),
    "green": (40, 190, 70),
    "blue": (60, 80, 240),
    "yellow": (240, 220, 50),
}
RELATIONS = ("left of", "above", "inside")
UNSEEN_SHARE = 0.2
"""Of all combinations, those that no training scene has."""

_FINE = 3  # points a pixel, each way
_GROUND = (20, 60)  # of grey
_FIXED = 2015  # which combinations are unseen does not change with the seed


class Scene(NamedTuple):
    """What is to be seen: a shape in a colour, where it is, and another."""

    shape: str
    color: str
    relation: str
    other_shape: str
    other_color: str

    @property
    def sentence(self) -> str:
        """``a red circle left of a blue square``."""
        one, other = f"{self.color} {self.shape}", f"{self.other_color} {self.other_shape}"
        return f"a {one} {self.relation} a {other}"


def combinations(*, unseen: bool = False) -> list[Scene]:
    """The scenes that training may have, or those that it never has.

    Every shape, colour and relation occurs in both. A shape inside another of its colour could not
    be seen, and is in neither.

    Example:
        >>> len(combinations()), len(combinations(unseen=True))
        (317, 79)
    """
    scenes = [
        Scene(shape, color, relation, other, other_color)
        for relation in RELATIONS
        for shape in SHAPES
        for color in COLORS
        for other in SHAPES
        for other_color in COLORS
        if relation != "inside" or color != other_color
    ]
    random.Random(_FIXED).shuffle(scenes)
    kept = round(UNSEEN_SHARE * len(scenes))
    return scenes[:kept] if unseen else scenes[kept:]


def draw_scenes(
    count: int, seed: int = 0, *, unseen: bool = False
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Images of scenes and a sentence for each.

    Args:
        count: N.
        seed: the same images for the same seed.
        unseen: of the combinations that training never has.

    Returns:
        ``(N, 32, 32, 3)``, and N sentences.

    Example:
        >>> images, sentences = draw_scenes(2)
        >>> images.shape, len(sentences)
        ((2, 32, 32, 3), 2)
    """
    chance = random.Random(seed)
    scenes = combinations(unseen=unseen)
    chosen = [chance.choice(scenes) for _ in range(count)]
    images = np.stack([draw(scene, chance) for scene in chosen])
    return images, [scene.sentence for scene in chosen]


def draw(scene: Scene, chance: random.Random) -> npt.NDArray[np.uint8]:
    """One scene; places, sizes and shades are left to chance: ``(32, 32, 3)``."""
    image = np.full((SIDE, SIDE, 3), chance.uniform(*_GROUND))
    if scene.relation == "inside":
        y, x = (SIDE / 2 + chance.uniform(-2, 2) for _ in range(2))
        half = chance.uniform(11, 13)
        _paint(image, scene.other_shape, scene.other_color, (y, x, half), chance)
        # A triangle has room about its centre of mass, below the middle of its height.
        y += half / 3 if scene.other_shape == "triangle" else 0
        _paint(image, scene.shape, scene.color, (y, x, chance.uniform(4.5, 5.4)), chance)
        return image.round().astype(np.uint8)
    across = chance.uniform(11, 21)
    for side, shape, color in (
        (8, scene.shape, scene.color),
        (24, scene.other_shape, scene.other_color),
    ):
        along, over = side + chance.uniform(-2, 2), across + chance.uniform(-3, 3)
        y, x = (along, over) if scene.relation == "above" else (over, along)
        _paint(image, shape, color, (y, x, chance.uniform(4, 6)), chance)
    return image.round().astype(np.uint8)


def _paint(
    image: npt.NDArray[np.float64],
    shape: str,
    color: str,
    place: tuple[float, float, float],
    chance: random.Random,
) -> None:
    """Lay a shape upon an image, its edges smoothed."""
    y, x, half = place
    points = (np.arange(SIDE * _FINE) + 0.5) / _FINE
    inside = _inside(shape, (points[:, None] - y) / half, (points - x) / half)
    cover = inside.reshape(SIDE, _FINE, SIDE, _FINE).mean(axis=(1, 3))[..., None]
    shade = np.array(COLORS[color]) * chance.uniform(0.85, 1.0)
    image += cover * (shade - image)


def _inside(shape: str, y: npt.NDArray, x: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Whether places belong to a shape that reaches from -1 to 1."""
    if shape == "circle":
        return x * x + y * y <= 1
    if shape == "square":
        return np.maximum(abs(x), abs(y)) <= 0.9
    return (abs(y) <= 1) & (abs(x) <= (y + 1) / 2)
