import shutil
import sys

import pytest

from suimon.training.metrics import read_metrics


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "gates")


def test_in_the_terminal_and_as_png(suimon, run):
    pytest.importorskip("matplotlib")
    outcome = suimon("plot", run)
    assert outcome.code == 0
    lowest = min(row["valid_loss"] for row in read_metrics(run))
    assert f"valid (lowest {lowest:.4f} at step" in outcome.out
    assert (run / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert outcome.err == f"written: {run / 'learning_curves.png'}\n"


def test_to_another_file_or_none(suimon, run, tmp_path):
    pytest.importorskip("matplotlib")
    suimon("plot", run, "--out", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").exists()
    assert not (run / "learning_curves.png").exists()
    assert suimon("plot", run, "--no-png").code == 0
    assert not (run / "learning_curves.png").exists()


def test_json_is_the_points(suimon, run):
    found = suimon("plot", run, "--no-png", "--json").json()
    rows = read_metrics(run)
    assert found["png"] is None
    assert found["curves"]["valid"]["step"] == [row["step"] for row in rows]
    assert found["curves"]["valid"]["loss"] == [row["valid_loss"] for row in rows]


def test_a_folder_that_is_not_there(suimon, run, tmp_path):
    outcome = suimon("plot", run, "--json", "--out", tmp_path / "no" / "curves.png")
    assert "there is no directory" in outcome.refusal()


@pytest.fixture
def without_matplotlib(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_a_missing_extra_is_a_remark_in_one_line(suimon, run, without_matplotlib):
    outcome = suimon("plot", run)
    assert outcome.code == 0
    assert "valid (lowest" in outcome.out
    assert outcome.err.count("\n") == 1
    assert "pip install 'suimon[plot]'" in outcome.err


def test_a_png_asked_for_without_the_extra_is_refused(suimon, run, without_matplotlib):
    assert "suimon[plot]" in suimon("plot", run, "--json", "--png").refusal()
