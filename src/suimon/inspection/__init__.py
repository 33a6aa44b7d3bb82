"""Looking at what was trained: runs, their learning curves, and how to draw them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suimon.inspection.curves import Curve, draw_png, learning_curves
    from suimon.inspection.runs import RunSummary, describe_run, list_runs
    from suimon.inspection.terminal_chart import draw_terminal

_HOME = {
    "Curve": "curves",
    "RunSummary": "runs",
    "describe_run": "runs",
    "draw_png": "curves",
    "draw_terminal": "terminal_chart",
    "learning_curves": "curves",
    "list_runs": "runs",
}

__all__ = [
    "Curve",
    "RunSummary",
    "describe_run",
    "draw_png",
    "draw_terminal",
    "learning_curves",
    "list_runs",
]


def __getattr__(name: str) -> Any:
    """Import a public name's home when the name is first read."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
