import math
import sys

import pytest

from suimon.errors import ConfigError, DataError
from suimon.inspection import draw_png, learning_curves

ROWS = [
    {"step": 10, "train_loss": 3.0, "valid_loss": 3.5},
    {"step": 20, "train_loss": 2.0, "valid_loss": 2.25},
    {"step": 30, "train_loss": 1.0, "valid_loss": 2.5},
]


def test_curves_are_the_columns():
    train, valid = learning_curves(ROWS)
    assert (train.name, list(train.steps), list(train.values)) == (
        "train",
        [10, 20, 30],
        [3.0, 2.0, 1.0],
    )
    assert valid.lowest == (20, 2.25)


def test_missing_and_infinite_values_are_left_out():
    rows = [{"step": 0, "valid_loss": 4.0}, *ROWS, {"step": 40, "train_loss": math.nan}]
    train, valid = learning_curves(rows)
    assert list(train.steps) == [10, 20, 30]
    assert list(valid.steps) == [0, 10, 20, 30]


@pytest.mark.parametrize("rows", [[], [{"step": 1, "train_loss": math.inf}], [{"step": 1}]])
def test_nothing_to_draw_is_one_clear_line(rows):
    with pytest.raises(DataError, match="no loss to draw yet"):
        learning_curves(rows)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]])
def test_a_png_is_written(tmp_path, rows):
    pytest.importorskip("matplotlib")
    draw_png(learning_curves(rows), tmp_path / "curves.png", title="runs/first")
    written = (tmp_path / "curves.png").read_bytes()
    assert written.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(written[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (960, 600)


def test_a_missing_matplotlib_is_named(tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'suimon\[plot\]'"):
        draw_png(learning_curves(ROWS), tmp_path / "curves.png", title="")
    assert not (tmp_path / "curves.png").exists()
