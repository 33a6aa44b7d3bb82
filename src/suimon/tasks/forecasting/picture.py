"""A picture of forecasts: the end of each series, what comes, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suimon.data.series import Panel
from suimon.errors import ConfigError

MOST_SERIES = 6
HISTORY = 4  # times as many rows as are forecast
LEAST_HISTORY = 60


def draw(panel: Panel, found: Mapping[str, Any], file: str | Path) -> None:
    """Draw forecasts, or rows with their anomalies, into a PNG.

    Args:
        panel: the series; the first :data:`MOST_SERIES` are drawn.
        found: columns, as :class:`~suimon.tasks.forecasting.infer.TrainedForecaster` gives them.
        file: the PNG to write.

    Raises:
        ConfigError: matplotlib is not installed, or there is no such folder.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError(
            "a picture needs matplotlib, which is not installed: pip install 'suimon[plot]'"
        ) from error
    file = Path(file)
    if not file.parent.is_dir():
        raise ConfigError(f"picture = {file}: there is no directory {file.parent}; make it first")
    drawn = panel.series[:MOST_SERIES]
    figure = Figure(figsize=(9, 1 + 3 * len(drawn)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    rows = figure.subplots(len(drawn), squeeze=False)[:, 0]
    names = np.array([str(name) for name in found["unique_id"]])
    for axes, series in zip(rows, drawn, strict=True):
        chosen = names == str(series.name)
        part = {name: np.asarray(values)[chosen] for name, values in found.items()}
        history = max(LEAST_HISTORY, HISTORY * int(chosen.sum()))
        first = 0 if "anomaly" in part else max(0, len(series) - history)
        _draw_one(axes, part, np.arange(first, len(series)), series.values[first:])
        axes.set_title(str(series.name))
        ticks = np.linspace(first, int(part["step"].max(initial=len(series))), 6).astype(int)
        axes.set_xticks(ticks, [str(when) for when in panel.times(series, ticks)], fontsize=8)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(file, format="png")


def _draw_one(axes: Any, part: Mapping[str, Any], rows: Any, values: Any) -> None:
    axes.plot(rows, values, color="black", linewidth=1, label="y")
    steps = part["step"]
    axes.plot(steps, part["suimon"], label="suimon")
    lows = [name for name in part if name.startswith("suimon-lo-")]
    for low in sorted(lows, key=lambda name: -float(name.rpartition("-")[2])):
        level = low.rpartition("-")[2]
        high = part[f"suimon-hi-{level}"]
        axes.fill_between(steps, part[low], high, alpha=0.2, color="C0", label=f"{level} %")
    if "anomaly" in part:
        flagged = part["anomaly"]
        axes.plot(steps[flagged], part["y"][flagged], "o", color="C3", label="anomaly")
