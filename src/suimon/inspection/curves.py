"""How the loss fell while a run trained: from the rows of ``metrics.jsonl`` to a figure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suimon.errors import ConfigError, DataError

CURVES = {"train_loss": "train", "valid_loss": "valid"}
"""Columns of ``metrics.jsonl`` that are drawn, and what a legend calls them."""


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes:
        name: what the legend says.
        steps: optimiser steps, rising.
        values: mean nats a token at each of these steps.
    """

    name: str
    steps: Sequence[float]
    values: Sequence[float]

    @property
    def lowest(self) -> tuple[float, float]:
        """The step where the curve is lowest, and its value there."""
        value, step = min(zip(self.values, self.steps, strict=True))
        return step, value


def learning_curves(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """The loss on training and on validation data over the steps.

    Values that are missing or not finite are left out of their curve.

    Args:
        rows: the rows of ``metrics.jsonl``, each with ``step`` and some of :data:`CURVES`.

    Raises:
        DataError: no row has a loss, so there is nothing to draw.
    """
    rows = list(rows)
    curves = []
    for column, name in CURVES.items():
        points = [
            (float(row["step"]), float(row[column]))
            for row in rows
            if row.get(column) is not None and math.isfinite(row[column])
        ]
        if points:
            steps, values = zip(*points, strict=True)
            curves.append(Curve(name, steps, values))
    if not curves:
        raise DataError(
            "there is no loss to draw yet: metrics.jsonl has no evaluation; train for longer, or "
            "evaluate more often with --evaluate-every"
        )
    return curves


def draw_png(curves: Sequence[Curve], path: Path, *, title: str) -> None:
    """Draw the curves into a PNG file.

    Args:
        curves: at least one.
        path: the file to write; its folder exists.
        title: stands above the figure.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError(
            "a PNG needs matplotlib, which is not installed: pip install 'suimon[plot]' (or draw "
            "in the terminal alone)"
        ) from error
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    axes = figure.add_subplot()
    for curve in curves:
        few = len(curve.steps) < 3
        axes.plot(curve.steps, curve.values, label=curve.name, marker="o" if few else None)
    step, value = curves[-1].lowest
    axes.plot([step], [value], "o", color="black", markersize=5)
    axes.annotate(
        f"{value:.4f}", (step, value), xytext=(0, 8), textcoords="offset points", ha="right"
    )
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, format="png")
