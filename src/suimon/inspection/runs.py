"""What a run directory says of itself: a row of a list, and the whole of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suimon.errors import DataError, SuimonError
from suimon.tasks import load
from suimon.training.metrics import METRICS_FILE, read_metrics
from suimon.training.run_directory import MANIFEST, RunDirectory


@dataclass(frozen=True)
class RunSummary:
    """One run in a list.

    Attributes:
        path: its directory.
        task: the task's name.
        units: what one step reads, e.g. ``"chars"``; ``None`` for a task without such a choice.
        network: cell, layers and hidden units, e.g. ``"lstm 1x512"``.
        step: optimiser steps at the last evaluation; ``None`` before the first.
        loss: lowest validation loss so far.
        bits_per_char: at that evaluation, where the task reports it.
        changed: when it was last evaluated or made, in ISO 8601.
        problem: why it cannot be read; then the other fields may be ``None``.
    """

    path: str
    task: str | None = None
    units: str | None = None
    network: str | None = None
    step: int | None = None
    loss: float | None = None
    bits_per_char: float | None = None
    changed: str | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-able."""
        return asdict(self)


def list_runs(directory: Path | str) -> list[RunSummary]:
    """The runs directly inside a directory, by name. A damaged one is listed with its problem.

    Raises:
        DataError: there is no such directory.
    """
    if not Path(directory).is_dir():
        raise DataError(
            f"there is no directory {directory}: name the one that holds your runs, or train one "
            "with suimon train"
        )
    return [_summary(run) for run in RunDirectory.find(directory)]


def _summary(run: RunDirectory) -> RunSummary:
    try:
        options = flat_options(run.config())
        rows = read_metrics(run.path)
        best = best_row(rows) or {}
        return RunSummary(
            path=str(run.path),
            task=run.task,
            units=options.get("units"),
            network=network_words(options),
            step=rows[-1]["step"] if rows else None,
            loss=best.get("valid_loss"),
            bits_per_char=best.get("valid_bits_per_char"),
            changed=_changed(run),
        )
    except SuimonError as error:
        return RunSummary(path=str(run.path), problem=str(error))


def describe_run(path: Path | str) -> dict[str, Any]:
    """Everything a run directory says, JSON-able.

    Returns:
        ``path``, ``task``, ``changed``, ``parameters`` (numbers that were trained),
        ``vocabulary`` (distinct units, for a task that reads tokens), ``step`` and ``seconds``
        (the last evaluation's), and the tables ``best`` (the row of ``metrics.jsonl`` with the
        lowest validation loss), ``last`` (its last row), ``config``, ``environment`` and
        ``files`` (name to bytes). What is not there yet is ``None``.

    Raises:
        CheckpointError: it is no run, or is damaged.
    """
    run = RunDirectory.open(path)
    rows = read_metrics(run.path)
    last = rows[-1] if rows else None
    model = load(run.path) if run.has_model() or run.has_checkpoint() else None
    return {
        "path": str(run.path),
        "task": run.task,
        "changed": _changed(run),
        # Counted on the model itself: a file holds tied weights twice.
        "parameters": model and sum(weight.numel() for weight in model.network.parameters()),
        "vocabulary": getattr(getattr(model, "units", None), "size", None),
        "step": last["step"] if last else None,
        "seconds": last["seconds"] if last else None,
        "best": best_row(rows),
        "last": last,
        "config": run.config(),
        "environment": run.environment(),
        "files": {file.name: file.stat().st_size for file in sorted(run.path.iterdir())},
    }


def best_row(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first row with the lowest validation loss, ``None`` where there is none."""
    evaluated = [row for row in rows if row.get("valid_loss") is not None]
    return min(evaluated, key=lambda row: row["valid_loss"], default=None)


def flat_options(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The options of all tables of a ``config.toml`` together."""
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        flat |= value if isinstance(value, Mapping) else {name: value}
    return flat


def network_words(options: Mapping[str, Any]) -> str | None:
    """A network's shape in a few letters, e.g. ``lstm 2x256``."""
    sizes = [str(options[name]) for name in ("layers", "hidden") if options.get(name) is not None]
    words = [options.get("cell"), "x".join(sizes)]
    return " ".join(word for word in words if word) or None


def _changed(run: RunDirectory) -> str:
    files = [run.path / name for name in (METRICS_FILE, MANIFEST)]
    newest = max(file.stat().st_mtime for file in files if file.exists())
    return datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
