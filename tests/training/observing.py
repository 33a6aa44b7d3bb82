"""Observers of the tests."""

from collections.abc import Mapping
from typing import Any

from suimon.training.observers import StartReport, StepReport, StopReport


class Silent:
    """Sees everything and says nothing."""

    def on_start(self, report: StartReport) -> None:
        pass

    def on_step(self, report: StepReport) -> None:
        pass

    def on_evaluation(self, row: Mapping[str, Any]) -> None:
        pass

    def on_stop(self, report: StopReport) -> None:
        pass


class Recorder(Silent):
    """Keeps every report."""

    def __init__(self) -> None:
        self.starts: list[StartReport] = []
        self.steps: list[StepReport] = []
        self.rows: list[dict[str, Any]] = []
        self.stops: list[StopReport] = []

    def on_start(self, report: StartReport) -> None:
        self.starts.append(report)

    def on_step(self, report: StepReport) -> None:
        self.steps.append(report)

    def on_evaluation(self, row: Mapping[str, Any]) -> None:
        self.rows.append(dict(row))

    def on_stop(self, report: StopReport) -> None:
        self.stops.append(report)
