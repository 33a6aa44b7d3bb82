"""``metrics.jsonl``: rows read, cut at a step, and an unfinished last line left out."""

from pathlib import Path

import pytest

from suimon.errors import CheckpointError
from suimon.training.metrics import append_metrics, cut_metrics, read_metrics


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.jsonl"
    for step in (10, 20, 30):
        append_metrics(path, {"step": step, "valid_loss": 1 / step})
    return path


def test_rows_come_back(file: Path) -> None:
    rows = read_metrics(file)
    assert [row["step"] for row in rows] == [10, 20, 30]
    assert rows[1]["valid_loss"] == 1 / 20
    assert read_metrics(file.parent) == rows
    assert read_metrics(str(file)) == rows


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []


@pytest.mark.parametrize("torn", ['{"step": 4', '{"step": 40, "valid_loss": 1}', "{"])
def test_an_unfinished_line_is_no_row(file: Path, torn: str) -> None:
    with file.open("a") as log:
        log.write(torn)
    assert [row["step"] for row in read_metrics(file)] == [10, 20, 30]
    cut_metrics(file, 30)
    append_metrics(file, {"step": 40})
    assert [row["step"] for row in read_metrics(file)] == [10, 20, 30, 40]


def test_rows_after_a_step_are_cut(file: Path) -> None:
    assert [row["step"] for row in cut_metrics(file, 20)] == [10, 20]
    assert [row["step"] for row in read_metrics(file)] == [10, 20]


def test_nothing_to_cut_leaves_the_file_alone(file: Path) -> None:
    before = file.stat().st_ino
    cut_metrics(file, 30)
    assert file.stat().st_ino == before


def test_a_damaged_line_is_named(file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "{{", lines[2]]) + "\n")
    with pytest.raises(CheckpointError, match="damaged at line 2: delete that line"):
        read_metrics(file)
