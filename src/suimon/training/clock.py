"""Seconds since a run began, over all the sessions that trained it. No torch is imported here."""

import os
import time
from pathlib import Path

_IMPORTED = time.monotonic()
_PLAUSIBLE_AGE = 7 * 24 * 3600.0


def process_start() -> float:
    """When this process began, on the clock of :func:`time.monotonic`.

    A command hands this to :func:`suimon.training.loop.train` so that ``minutes`` counts Python's
    start and the imports too. Linux tells; elsewhere it is the moment this module was imported.
    """
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        ticks_since_boot = int(fields[19])
        booted_for = time.clock_gettime(time.CLOCK_BOOTTIME)
        age = booted_for - ticks_since_boot / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _IMPORTED
    # A container may count from another boot than the clock does; then the number is nonsense.
    return time.monotonic() - age if 0 <= age < _PLAUSIBLE_AGE else _IMPORTED


class Clock:
    """Seconds that a run has taken: earlier sessions' and this one's.

    Args:
        started: when this session began, by :func:`time.monotonic`.
        before: seconds of the sessions that it goes on from.
    """

    def __init__(self, started: float, before: float = 0.0) -> None:
        self.started = started
        self.before = before

    def seconds(self) -> float:
        """The run's age, in seconds."""
        return self.before + time.monotonic() - self.started
