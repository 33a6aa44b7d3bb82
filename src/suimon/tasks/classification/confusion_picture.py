"""Which classes are taken for which, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suimon.errors import ConfigError
from suimon.training.atomic import write_atomically

MOST_NUMBERED = 20  # classes; with more the numbers would not be legible


def check_picture(path: str | Path) -> None:
    """Refuse what cannot be drawn before time is spent.

    Raises:
        ConfigError: the file's name does not end in ``.png``, its folder is missing, or matplotlib
            is not installed.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"picture = {path}: a PNG is drawn; give a name that ends in .png")
    if not path.parent.is_dir():
        raise ConfigError(f"picture = {path}: there is no directory {path.parent}; make it first")
    try:
        import matplotlib.figure  # noqa: F401  only to say that it is missing
    except ImportError as error:
        raise ConfigError(
            "a picture needs matplotlib, which is not installed: pip install 'suimon[plot]'"
        ) from error


def draw_confusion(
    confusion: npt.NDArray[np.int64], labels: Sequence[str], path: str | Path
) -> None:
    """Draw a row for each true label, shaded by the share of it that was taken for each.

    Args:
        confusion: ``(C, C)``, how many of class i were taken for class j.
        labels: the C names.
        path: the PNG file to write, as :func:`check_picture` demands.
    """
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes = len(labels)
    side = min(24.0, max(4.0, 1.5 + 0.5 * classes))
    figure = Figure(figsize=(side + 1, side), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    axes = figure.add_subplot()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true label")
    names = [label if len(label) <= 24 else f"{label[:23]}…" for label in labels]
    axes.set_xticks(range(classes), names, rotation=45 if classes > 2 else 0, ha="right")
    axes.set_yticks(range(classes), names)
    axes.set(xlabel="taken for", ylabel="true label")
    if classes <= MOST_NUMBERED:
        for row, column in np.ndindex(classes, classes):
            colour = "white" if shares[row, column] > 0.5 else "black"
            number = f"{confusion[row, column]:,}"
            axes.text(column, row, number, ha="center", va="center", color=colour)
    file = BytesIO()
    figure.savefig(file, format="png")
    write_atomically(Path(path), file.getvalue())
