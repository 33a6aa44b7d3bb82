"""How far apart the rows of a series are: fixed spans, months, business days or mere counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from suimon.errors import ConfigError, DataError

Kind = Literal["seconds", "business", "months", "counts"]
Times = npt.NDArray[np.int64]
"""Seconds since 1970 without a time zone; plain numbers where rows are only counted."""

DAY: Final = 86_400
CYCLES: Final = {"day": DAY, "week": 7 * DAY, "year": 365.25 * DAY}
"""Seconds of the calendar's cycles."""
_UNITS: Final[dict[str, tuple[Kind, int]]] = {
    "s": ("seconds", 1),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
    "D": ("seconds", DAY),
    "W": ("seconds", 7 * DAY),
    "B": ("business", 1),
    "M": ("months", 1),
    "Q": ("months", 3),
    "Y": ("months", 12),
    "count": ("counts", 1),
}
_ALSO: Final = {
    **{f"{unit}{end}": unit for unit in "MQY" for end in "SE"},
    "H": "h",
    "T": "min",
    "A": "Y",
    "d": "D",
}
ACCEPTED: Final = "s, min, h, D, B (business days), W, M, Q, Y or count, each also with a number"


@dataclass(frozen=True)
class Frequency:
    """The span between two rows.

    Attributes:
        kind: what it is counted in.
        every: how many seconds, months, business days or counts.
    """

    kind: Kind
    every: int

    @property
    def dated(self) -> bool:
        """Whether rows have dates, not mere counts."""
        return self.kind != "counts"

    @property
    def name(self) -> str:
        """As :func:`parse_frequency` reads it, the largest unit that fits."""
        fitting = [
            (scale, unit)
            for unit, (kind, scale) in _UNITS.items()
            if kind == self.kind and self.every % scale == 0
        ]
        scale, unit = max(fitting)
        return unit if scale == self.every else f"{self.every // scale}{unit}"

    @property
    def season(self) -> int:
        """Rows of the season that is usual for it; 1 for none."""
        if self.kind == "months":
            return max(12 // self.every, 1) if 12 % self.every == 0 else 1
        if self.kind == "business":
            return 5 if self.every == 1 else 1
        if self.kind == "counts":
            return 1
        if self.every == 7 * DAY:
            return 52
        if self.every == DAY:
            return 7
        if 60 < self.every < DAY and DAY % self.every == 0:
            return DAY // self.every
        return 60 if self.every in (1, 60) else 1

    def rows_from(self, first: int, times: Times) -> tuple[Times, npt.NDArray[np.bool_]]:
        """How many rows behind ``first`` each time stands, and whether it stands on a row."""
        if self.kind in ("seconds", "counts"):
            return (times - first) // self.every, (times - first) % self.every == 0
        if self.kind == "business":
            days = times.astype("M8[s]").astype("M8[D]")
            start = np.int64(first).astype("M8[s]").astype("M8[D]")
            rows = np.busday_count(start, days)
            regular = np.is_busday(days) & (times % DAY == first % DAY) & (rows % self.every == 0)
            return rows // self.every, regular
        months = _months(times)
        rows = months - _months(np.array([first]))[0]
        return rows // self.every, (rows % self.every == 0) & (
            self.after(first, rows // self.every) == times
        )

    def after(self, first: int, rows: npt.ArrayLike) -> Times:
        """The times of rows by how far behind ``first`` they stand."""
        numbers = np.asarray(rows, np.int64)
        if self.kind in ("seconds", "counts"):
            return first + numbers * self.every
        start = np.int64(first).astype("M8[s]")
        clock = first % DAY
        if self.kind == "business":
            days = np.busday_offset(start.astype("M8[D]"), numbers * self.every, roll="forward")
            return days.astype("M8[s]").astype(np.int64) + clock
        month = start.astype("M8[M]")
        day = int((start.astype("M8[D]") - month.astype("M8[D]")).astype(int))
        length = int(((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(int))
        later = month + numbers * self.every
        lengths = ((later + 1).astype("M8[D]") - later.astype("M8[D]")).astype(int)
        last = lengths - 1
        # The last day of a month stands for the last of every month.
        days = last if day == length - 1 else np.minimum(day, last)
        return (later.astype("M8[D]") + days).astype("M8[s]").astype(np.int64) + clock


def parse_frequency(name: str) -> Frequency:
    """A frequency by its name, as pandas writes it too.

    Raises:
        ConfigError: it is none.

    Example:
        >>> parse_frequency("15min").season, parse_frequency("MS").name
        (96, 'M')
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})?([A-Za-z]+)", name.strip())
    unit = _ALSO.get(found[2], found[2]) if found else ""
    if found is None or unit not in _UNITS:
        raise ConfigError(f"freq = {name!r} is no frequency; give {ACCEPTED}, such as 15min")
    kind, scale = _UNITS[unit]
    return Frequency(kind, scale * int(found[1] or 1))


def infer_frequency(several: list[Times], dated: bool) -> Frequency:
    """The frequency on which all rows of all series stand; gaps may be between them.

    Args:
        several: for each series its times, rising, without duplicates.
        dated: whether these are dates.

    Raises:
        DataError: there is none.
    """
    spans = np.concatenate([np.diff(times) for times in several])
    if not len(spans):
        raise DataError(
            "no series has two rows, so that their frequency cannot be told: name it by --freq"
        )
    found, counts = np.unique(spans, return_counts=True)
    usual = int(found[counts.argmax()])
    if not dated:
        candidates = [Frequency("counts", int(np.gcd.reduce(found)))]
    elif found[0] >= 28 * DAY:
        months = np.concatenate([np.diff(_months(times)) for times in several])
        candidates = [Frequency("months", int(np.gcd.reduce(months)))]
        candidates.append(Frequency("seconds", usual))
    else:
        candidates = [Frequency("seconds", usual)]
        if usual == DAY and 3 * DAY in found:  # over a weekend
            candidates.insert(0, Frequency("business", 1))
    for frequency in candidates:
        if all(frequency.rows_from(times[0], times)[1].all() for times in several):
            return frequency
    raise DataError(
        f"the rows stand on no regular frequency (the usual span between two is {_span(usual)}, "
        "but not all are multiples of it): name one by --freq, or count the rows by --freq count"
    )


def calendar_cycles(frequency: Frequency, rows: int) -> tuple[str, ...]:
    """The cycles of the calendar that rows can tell something of.

    Left out are those that the frequency is too coarse for, or that are much longer than its rows;
    and those that so many rows do not go through twice, of which only the one time would be learnt.

    Example:
        >>> calendar_cycles(parse_frequency("h"), rows=24 * 30)
        ('day', 'week')
    """
    if not frequency.dated:
        return ()
    span = {"months": 30 * DAY, "business": DAY}.get(frequency.kind, 1) * frequency.every
    told = {"day": span < DAY, "week": span <= DAY, "year": 3600 <= span < 300 * DAY}
    return tuple(name for name, tells in told.items() if tells and rows * span >= 2 * CYCLES[name])


def calendar(times: Times, cycles: Sequence[str]) -> npt.NDArray[np.float32]:
    """Where each time stands in some of the :data:`CYCLES`, as sine and cosine each.

    Returns:
        ``(N, 2*cycles)``, the sines first.
    """
    phases = np.zeros((len(times), len(cycles)))
    for n, cycle in enumerate(cycles):
        if cycle == "day":
            phases[:, n] = (times % DAY) / DAY
        elif cycle == "week":
            phases[:, n] = ((times // DAY + 3) % 7) / 7  # 1 January 1970 was a Thursday
        else:
            year = times.astype("M8[s]").astype("M8[Y]").astype("M8[s]").astype(np.int64)
            phases[:, n] = (times - year) / CYCLES["year"]
    angles = 2 * np.pi * phases
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _months(times: Times) -> npt.NDArray[np.int64]:
    return times.astype("M8[s]").astype("M8[M]").astype(np.int64)


def _span(seconds: int) -> str:
    for unit, size in (("days", DAY), ("hours", 3600), ("minutes", 60)):
        if seconds % size == 0:
            return f"{seconds // size:,} {unit}"
    return f"{seconds:,} seconds"


def state(frequency: Frequency) -> dict[str, Any]:
    """What ``preprocess.json`` holds of a frequency."""
    return {"kind": frequency.kind, "every": frequency.every}
