"""``metrics.jsonl``: one row an evaluation, read and cut. No torch is imported here."""

import json
from pathlib import Path
from typing import Any

from suimon.errors import CheckpointError
from suimon.training.atomic import append_line, write_atomically

METRICS_FILE = "metrics.jsonl"


def read_metrics(path: Path | str) -> list[dict[str, Any]]:
    """The rows of a run, oldest first.

    Args:
        path: a run directory, or its ``metrics.jsonl``. A file not yet there has no rows.

    Returns:
        Dicts with ``step``, ``epoch``, ``seconds``, ``train_loss`` (mean nats since the row
        before), ``valid_loss``, ``learning_rate``, ``grad_norm`` (mean since the row before),
        ``tokens`` (so far), and ``valid_…`` for each further metric of the task.

    Raises:
        CheckpointError: a line other than an unfinished last one is not JSON.
    """
    path = Path(path)
    file = path / METRICS_FILE if path.is_dir() else path
    if not file.exists():
        return []
    lines = file.read_bytes().split(b"\n")
    finished = lines[:-1]  # what follows the last newline was cut off by a kill, or is empty
    rows = []
    for number, line in enumerate(finished, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise CheckpointError(
                f"{file} is damaged at line {number}: delete that line to go on"
            ) from error
    return rows


def append_metrics(file: Path, row: dict[str, Any]) -> None:
    """Add one row."""
    append_line(file, json.dumps(row, ensure_ascii=False))


def cut_metrics(file: Path, step: int) -> list[dict[str, Any]]:
    """Drop rows after ``step``, which a resumed run will write again; returns those kept."""
    rows = [row for row in read_metrics(file) if row["step"] <= step]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if not file.exists() or file.read_bytes() != text.encode():
        write_atomically(file, text.encode())
    return rows
