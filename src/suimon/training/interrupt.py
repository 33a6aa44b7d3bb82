"""Ctrl-C and SIGTERM: finish the step, save, say how to go on."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_CAUGHT = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(KeyboardInterrupt):
    """Training was told to stop, and everything is saved.

    It is a ``KeyboardInterrupt`` so that ``except Exception`` does not swallow it. The message
    says how to go on.

    Attributes:
        exit_code: what a command should exit with: 130 after Ctrl-C, 143 after SIGTERM.
        result: what was reached, a :class:`~suimon.training.loop.TrainingResult`.
    """

    def __init__(self, message: str, signal_number: int, result: Any) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
        self.result = result


class StopSignals:
    """While entered, the first Ctrl-C or SIGTERM is noted instead of obeyed.

    The second one acts as usual, for a user who cannot wait for the step to end. Outside the main
    thread, where Python delivers no signals, it notes nothing.
    """

    def __init__(self) -> None:
        self.received = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _CAUGHT}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
