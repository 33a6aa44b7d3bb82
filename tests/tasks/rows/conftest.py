"""Small images whose lower halves follow from their upper ones."""

import struct
from pathlib import Path

import numpy as np


def stripes(count: int, height: int = 6, width: int = 5) -> np.ndarray:
    """``(N, height, width)`` uint8: one bright column each, which moves right row by row."""
    images = np.zeros((count, height, width), np.uint8)
    for n in range(count):
        for row in range(height):
            images[n, row, (n + row) % width] = 200
    return images


def write_idx(path: Path, images: np.ndarray) -> Path:
    header = bytes((0, 0, 8, 3)) + struct.pack(">III", *images.shape)
    path.write_bytes(header + images.tobytes())
    return path
