"""Small sales of three shops, made by rule: a trend, weekly and yearly seasons, promotions."""

import csv
import io
import math
import random
from datetime import date, timedelta
from typing import Any

DAYS, AHEAD = 500, 28
_SHOPS = {"Aoba": 120.0, "Hikari": 45.0, "Midori": 300.0}
_WEEK = (0.9, 0.85, 0.9, 1.0, 1.15, 1.4, 1.2)
_PROMOTION = 1.35
_FIRST = date(2023, 1, 2)


def files(seed: int) -> dict[str, bytes]:
    """``shops.csv`` with ``unique_id``, ``ds``, ``y`` and ``promotion``, and two more.

    ``shops-future.csv`` has the same rows and 28 more of each shop whose ``y`` is left empty, for
    ``suimon predict``; ``shops-test.csv`` has what these came to, for ``suimon evaluate``.
    """
    chance = random.Random(seed)
    rows = [row for shop in _SHOPS for row in _days(chance, shop)]
    known = DAYS
    return {
        "shops.csv": _table([row for n, row in rows if n < known]),
        "shops-future.csv": _table(
            [row if n < known else (*row[:2], "", row[3]) for n, row in rows]
        ),
        "shops-test.csv": _table([row for _, row in rows]),
    }


def _days(chance: random.Random, shop: str) -> list[tuple[int, tuple[Any, ...]]]:
    rows, drift = [], 0.0
    for n in range(DAYS + AHEAD):
        day = _FIRST + timedelta(days=n)
        drift = 0.95 * drift + chance.gauss(0, 0.03)
        promotion = int(chance.random() < 0.12)
        season = 1 + 0.2 * math.sin(2 * math.pi * n / 365.25)
        level = _SHOPS[shop] * (1 + 0.0006 * n) * season * _WEEK[n % 7] * math.exp(drift)
        sold = level * (_PROMOTION if promotion else 1) * math.exp(chance.gauss(0, 0.05))
        rows.append((n, (shop, day.isoformat(), round(sold), promotion)))
    return rows


def _table(rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("unique_id", "ds", "y", "promotion"))
    writer.writerows(rows)
    return text.getvalue().encode()
