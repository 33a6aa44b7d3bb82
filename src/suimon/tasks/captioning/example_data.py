"""Drawn scenes with captions: those to learn from, and combinations that are not among them."""

import csv
import io

TRAINING, UNSEEN = 2000, 300


def files(seed: int) -> dict[str, bytes]:
    """The folders ``scenes`` and ``scenes-unseen``: PNG images, and ``captions.csv``.

    Raises:
        ConfigError: Pillow is not installed.
    """
    return {
        **_folder("scenes", TRAINING, seed, False),
        **_folder("scenes-unseen", UNSEEN, seed, True),
    }


def _folder(name: str, count: int, seed: int, unseen: bool) -> dict[str, bytes]:
    from suimon.data.images.decoding import png
    from suimon.tasks.captioning.scenes import draw_scenes

    images, sentences = draw_scenes(count, seed, unseen=unseen)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("image", "caption"))
    made: dict[str, bytes] = {}
    for n, (image, sentence) in enumerate(zip(images, sentences, strict=True)):
        made[f"{name}/{n:04}.png"] = png(image)
        writer.writerow((f"{n:04}.png", sentence))
    return made | {f"{name}/captions.csv": table.getvalue().encode()}
