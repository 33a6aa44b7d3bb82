"""Tiny images that a word or two describe, and folders of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CAPTIONS = ("a black square", "something white", "white above black", "black above white")


def picture(kind: int) -> np.ndarray:
    """``(8, 8)`` uint8, described by the caption of its kind."""
    image = np.full((8, 8), 255 if kind in (1, 2) else 0, np.uint8)
    image[4:] = 255 if kind in (1, 3) else 0
    return image


def write_folder(folder: Path, count: int = 24, *, several: bool = False) -> Path:
    """PNG images and ``captions.csv``; where asked for every other image has two captions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["image,caption"]
    for n in range(count):
        Image.fromarray(picture(n % 4)).save(folder / f"{n:02}.png")
        rows.append(f"{n:02}.png,{CAPTIONS[n % 4].capitalize()}")
        rows += [f"{n:02}.png,a picture"] if several and n % 2 else []
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "pictures")
