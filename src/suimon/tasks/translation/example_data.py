"""Dates as people write them, and the one way that a calendar needs; made by rule."""

import calendar
import datetime
import random

_FORMS = (
    "{month} {day}, {year}",
    "{day} {month} {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday} {month} {day} {year}",
    "{day}. {number}. {year}",
    "{short} {day} {year}",
)
TRAINING, TEST = 4000, 200
FIRST, DAYS = datetime.date(1970, 1, 1), 365 * 60


def files(seed: int) -> dict[str, bytes]:
    """``dates.tsv`` and ``dates-test.tsv``: a date in words, a tab, the date as 1994-09-27.

    No day of the test is in the training.
    """
    chance = random.Random(seed)
    days = chance.sample(range(DAYS), TRAINING + TEST)
    return {
        "dates.tsv": _table(chance, days[:TRAINING]),
        "dates-test.tsv": _table(chance, days[TRAINING:]),
    }


def _table(chance: random.Random, days: list[int]) -> bytes:
    lines = []
    for day in days:
        date = FIRST + datetime.timedelta(days=day)
        written = chance.choice(_FORMS).format(
            day=date.day,
            month=calendar.month_name[date.month],
            short=calendar.month_abbr[date.month],
            number=date.month,
            year=date.year,
            weekday=calendar.day_name[date.weekday()],
        )
        lines.append(f"{written}\t{date.isoformat()}\n")
    return "".join(lines).encode()
