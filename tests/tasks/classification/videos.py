"""Made videos: a square moves over a torus, so that no single frame tells where to."""

from pathlib import Path

import numpy as np
from PIL import Image

WAYS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
SIDE, SQUARE = 12, 4


def moving_square(way: tuple[int, int], frames: int, rng: np.random.Generator) -> np.ndarray:
    """``(T, SIDE, SIDE)`` uint8."""
    picture = np.full((SIDE, SIDE), 20, np.uint8)
    picture[:SQUARE, :SQUARE] = 220
    start = rng.integers(0, SIDE, 2)
    return np.stack([np.roll(picture, start + t * np.array(way), (0, 1)) for t in range(frames)])


def write_video(folder: Path, frames: np.ndarray) -> Path:
    """A PNG file a frame, ``1.png`` to ``12.png``: by letters in another order."""
    folder.mkdir(parents=True)
    for n, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(folder / f"{n}.png", compress_level=1)
    return folder


def write_classes(folder: Path, each: int, seed: int, ways=WAYS) -> Path:
    """As many videos of each way, of 5 to 11 frames."""
    rng = np.random.default_rng(seed)
    for label, way in ways.items():
        for n in range(each):
            frames = moving_square(way, int(rng.integers(5, 12)), rng)
            write_video(folder / label / f"video{n}", frames)
    return folder
