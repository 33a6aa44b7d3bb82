"""Videos of a square that moves: which way tells no single frame, only their order."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

WAYS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
"""Rows and columns from one frame to the next, times the speed."""

SIDE, SQUARE, SPEED = 16, 4, 2
FEWEST, MOST = 5, 11
DARK, BRIGHT = 20, 220


def moving_square(way: str, frames: int, start: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A video ``(T, SIDE, SIDE)``; what leaves at one side comes in at the other.

    Args:
        way: one of :data:`WAYS`.
        frames: T.
        start: row and column of the square in the first frame.
    """
    picture = np.full((SIDE, SIDE), DARK, np.uint8)
    picture[:SQUARE, :SQUARE] = BRIGHT
    down, right = (SPEED * step for step in WAYS[way])
    top, left = start
    return np.stack(
        [np.roll(picture, (top + down * t, left + right * t), (0, 1)) for t in range(frames)]
    )


def videos(each: int, seed: int) -> list[tuple[str, npt.NDArray[np.uint8]]]:
    """So many videos of each way, of :data:`FEWEST` to :data:`MOST` frames, from anywhere."""
    chance = random.Random(seed)
    made = []
    for way in WAYS:
        for n in range(each):
            start = chance.randrange(SIDE), chance.randrange(SIDE)
            frames = FEWEST + n % (MOST - FEWEST + 1)
            made.append((way, moving_square(way, frames, start)))
    return made


def folder(name: str, each: int, seed: int) -> dict[str, bytes]:
    """Such videos as files: a folder a way, in it one a video, in it a PGM image a frame."""
    files: dict[str, bytes] = {}
    for n, (way, frames) in enumerate(videos(each, seed)):
        for t, frame in enumerate(frames, 1):
            header = f"P5 {SIDE} {SIDE} 255\n".encode()
            files[f"{name}/{way}/{n % each + 1}/{t}.pgm"] = header + frame.tobytes()
    return files
