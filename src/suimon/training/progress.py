"""Progress of a run on a terminal, or as plain lines in a log."""

import math
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from suimon.training.observers import Observer, StartReport, StepReport, StopReport

REFRESH_SECONDS = 0.25
LINE_SECONDS = 10.0
SMOOTHING = 0.9


def progress_observer(console: Console | None = None) -> Observer:
    """A live bar where the console is a terminal, else a line now and then.

    Args:
        console: where to show it; ``None``: standard error.
    """
    console = console or Console(stderr=True)
    return BarProgress(console) if console.is_terminal else LineProgress(console)


class Readings:
    """The numbers that both kinds of progress show, in words.

    Loss and gradient norm are exponential means over steps, so that they can be read; the speed is
    that since the line before.
    """

    def __init__(self) -> None:
        self.unit = "token"
        self._loss = 0.0
        self._norm = 0.0
        self._first: StepReport | None = None
        self._line_before: StepReport | None = None

    def start(self, report: StartReport) -> None:
        """Take the unit's name from the run."""
        self.unit = report.unit

    def add(self, report: StepReport) -> None:
        """Take in a step."""
        if self._first is None:
            self._first = self._line_before = report
            self._loss, self._norm = report.loss, report.gradient_norm
        self._loss += (1 - SMOOTHING) * (report.loss - self._loss)
        self._norm += (1 - SMOOTHING) * (report.gradient_norm - self._norm)

    def words(self, report: StepReport) -> str:
        """One line: loss, bits per character, speed, gradient norm and time left."""
        parts = [f"step {report.step:,}", f"loss {self._loss:.3f}"]
        if self.unit == "char":
            parts.append(f"{self._loss / math.log(2):.3f} bits/char")
        before = self._line_before
        if before is not None and report.seconds > before.seconds:
            speed = (report.tokens - before.tokens) / (report.seconds - before.seconds)
            parts.append(f"{speed:,.0f} {self.unit}s/s")
        parts.append(f"grad {self._norm:.2f}")
        if left := self._time_left(report):
            parts.append(f"{left} left")
        self._line_before = report
        return " · ".join(parts)

    def _time_left(self, report: StepReport) -> str:
        """``M:SS`` until the budget is spent, at this session's pace; empty if not known."""
        first = self._first
        if first is None or report.progress <= first.progress:
            return ""
        pace = (report.seconds - first.seconds) / (report.progress - first.progress)
        minutes, seconds = divmod(round(pace * (1 - report.progress)), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def evaluation_words(row: Mapping[str, Any], unit: str) -> str:
    """One line on an evaluation."""
    parts = [f"step {row['step']:,}"]
    if row["train_loss"] is not None:
        parts.append(f"train {row['train_loss']:.4f}")
    parts.append(f"valid {row['valid_loss']:.4f}")
    if unit == "char":
        parts.append(f"{row['valid_loss'] / math.log(2):.3f} bits/char")
    parts.append(f"{row['seconds']:.0f} s")
    return " · ".join(parts)


def start_words(report: StartReport) -> str:
    """One line on what begins."""
    parts = [f"going on from step {report.step:,}"] if report.step else []
    parts += [
        f"{report.parameters:,} parameters",
        f"budget {report.budget}",
        f"{report.device}, {report.threads} threads",
    ]
    if report.processes > 1:
        parts.append(f"{report.processes} processes")
    return " · ".join(parts)


class LineProgress:
    """A plain line at each evaluation, and one now and then in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._readings = Readings()
        self._printed = time.monotonic()

    def on_start(self, report: StartReport) -> None:
        """Say what begins."""
        self._readings.start(report)
        self._print(start_words(report))

    def on_step(self, report: StepReport) -> None:
        """Say where it stands, if nothing was said for a while."""
        self._readings.add(report)
        if time.monotonic() - self._printed >= LINE_SECONDS:
            self._print(self._readings.words(report))

    def on_evaluation(self, row: Mapping[str, Any]) -> None:
        """Say what was found."""
        self._print(evaluation_words(row, self._readings.unit))

    def on_stop(self, report: StopReport) -> None:
        """Nothing: the command says how it ended."""

    def _print(self, words: str) -> None:
        self._printed = time.monotonic()
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)


class BarProgress:
    """A live bar, redrawn four times a second by the loop itself: no thread takes its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._readings = Readings()
        self._bar = Progress(
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._row = self._bar.add_task("", total=1.0)
        self._drawn = 0.0

    def on_start(self, report: StartReport) -> None:
        """Say what begins and show the bar."""
        self._readings.start(report)
        self._console.print(start_words(report), markup=False, highlight=False)
        self._bar.start()

    def on_step(self, report: StepReport) -> None:
        """Move the bar."""
        self._readings.add(report)
        now = time.monotonic()
        if now - self._drawn < REFRESH_SECONDS:
            return
        words = self._readings.words(report)
        self._bar.update(self._row, completed=report.progress, description=words, refresh=True)
        self._drawn = now

    def on_evaluation(self, row: Mapping[str, Any]) -> None:
        """Leave a line above the bar."""
        words = evaluation_words(row, self._readings.unit)
        self._bar.console.print(words, markup=False, highlight=False)

    def on_stop(self, report: StopReport) -> None:
        """Take the bar away."""
        self._bar.stop()
