"""Made videos as folders of PNG images."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from suimon.tasks.classification.squares import WAYS, videos


def write_video(folder: Path, frames: np.ndarray) -> Path:
    """A PNG file a frame, ``1.png`` to ``12.png``: by letters in another order."""
    folder.mkdir(parents=True)
    for n, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(folder / f"{n}.png", compress_level=1)
    return folder


def write_classes(folder: Path, each: int, seed: int, ways: Iterable[str] = WAYS) -> Path:
    """As many moving squares of each way."""
    for n, (way, frames) in enumerate(videos(each, seed)):
        if way in ways:
            write_video(folder / way / f"video{n % each}", frames)
    return folder
