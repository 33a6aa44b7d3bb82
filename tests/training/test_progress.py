"""Progress: the words it shows, on a terminal and in a log."""

import io
import math

import pytest
from rich.console import Console

from suimon.training import progress
from suimon.training.observers import StartReport, StepReport, StopReport
from suimon.training.progress import BarProgress, LineProgress, Readings, progress_observer

START = StartReport("toy", "char", 1_234_567, "3 minutes", "cpu", 2, 1, 0)
ROW = {"step": 40, "seconds": 12.3, "train_loss": 1.5, "valid_loss": math.log(2) * 2.5}


class Clock:
    """A clock that only the test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def step(number: int, **changes: float) -> StepReport:
    usual = {"loss": math.log(2), "gradient_norm": 0.5, "learning_rate": 0.1}
    usual |= {"tokens": 1000 * number, "seconds": 2.0 * number, "progress": number / 100}
    return StepReport(step=number, **{**usual, **changes})  # type: ignore[arg-type]


def test_a_terminal_gets_a_bar_and_a_file_gets_lines() -> None:
    assert isinstance(progress_observer(Console(file=io.StringIO())), LineProgress)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    assert isinstance(progress_observer(terminal), BarProgress)


def test_the_numbers() -> None:
    readings = Readings()
    readings.start(START)
    readings.add(step(10))
    assert readings.words(step(10)) == "step 10 · loss 0.693 · 1.000 bits/char · grad 0.50"
    readings.add(step(20))
    # 10,000 characters in 20 s, and 80 % of the budget left at 10 % in 20 s
    assert readings.words(step(20)) == (
        "step 20 · loss 0.693 · 1.000 bits/char · 500 chars/s · grad 0.50 · 2:40 left"
    )


def test_losses_are_smoothed() -> None:
    readings = Readings()
    readings.add(step(1, loss=1.0))
    readings.add(step(2, loss=2.0))
    assert "loss 1.100" in readings.words(step(2))


def test_other_units_have_no_bits_per_character() -> None:
    readings = Readings()
    readings.start(StartReport("toy", "word", 5, "2 steps", "cpu", 1, 1, 0))
    readings.add(step(10))
    readings.add(step(20))
    assert "bits" not in readings.words(step(20))
    assert "words/s" in readings.words(step(30))


def test_long_runs_are_told_in_hours() -> None:
    readings = Readings()
    readings.add(step(1, progress=0.0001))
    assert readings.words(step(2, progress=0.0002)).endswith("5:33:16 left")


def test_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    lines = LineProgress(Console(file=out, width=40))
    lines.on_start(StartReport("toy", "char", 1_234_567, "3 minutes", "cpu", 2, 4, 30))
    lines.on_step(step(31))
    clock.now += progress.LINE_SECONDS
    lines.on_step(step(32))
    lines.on_step(step(33))
    lines.on_evaluation(ROW)
    lines.on_evaluation({**ROW, "train_loss": None})
    lines.on_stop(StopReport("budget", 40, 12.0, 1.7, 40))
    assert out.getvalue().splitlines() == [
        "going on from step 30 · 1,234,567 parameters · budget 3 minutes · cpu, 2 threads · "
        "4 processes",
        "step 32 · loss 0.693 · 1.000 bits/char · 500 chars/s · grad 0.50 · 2:16 left",
        "step 40 · train 1.5000 · valid 1.7329 · 2.500 bits/char · 12 s",
        "step 40 · valid 1.7329 · 2.500 bits/char · 12 s",
    ]


def test_the_bar_is_drawn_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    bar = BarProgress(Console(file=out, force_terminal=True, width=120))
    bar.on_start(START)
    for number in range(10, 60):
        bar.on_step(step(number))
        clock.now += 0.05
    bar.on_evaluation(ROW)
    bar.on_stop(StopReport("budget", 60, 12.0, 1.7, 40))
    shown = out.getvalue()
    # Fifty steps in 2.5 s at four drawings a second, and one below the evaluation's line.
    assert 10 <= shown.count("· grad") <= 12
    assert "1,234,567 parameters" in shown
    assert "valid 1.7329" in shown
    assert "\x1b[?25h" in shown  # the cursor is shown again
