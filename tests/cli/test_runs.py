import json
import shutil
import subprocess
import sys

import pytest

from suimon.training.metrics import read_metrics


@pytest.fixture
def several(trained, tmp_path):
    """A run, a damaged one, one of the future, and a folder that is none."""
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder / "good")
    shutil.copytree(trained, folder / "bad")
    (folder / "bad" / "config.toml").write_text("not = = toml")
    shutil.copytree(trained, folder / "future")
    manifest = json.loads((folder / "future" / "manifest.json").read_text())
    (folder / "future" / "manifest.json").write_text(json.dumps({**manifest, "task": "dreaming"}))
    (folder / "notes").mkdir()
    return folder


def test_the_table(suimon, several):
    outcome = suimon("runs", several)
    assert outcome.code == 0
    head, bad, future, good = outcome.out.splitlines()
    assert head.split() == [
        "run",
        "task",
        "units",
        "network",
        "steps",
        "loss",
        "bits/char",
        "changed",
    ]
    assert bad.startswith("bad     cannot be read: ")
    assert "dreaming" in future
    assert good.split()[:6] == ["good", "language_model", "chars", "lstm", "1x16", "20"]
    best = min(row["valid_loss"] for row in read_metrics(several / "good"))
    assert f"{best:.4f}" in good


def test_json_says_the_same(suimon, several):
    bad, future, good = suimon("runs", several, "--json").json()
    assert bad["problem"]
    assert future["task"] == "dreaming"
    rows = read_metrics(several / "good")
    best = min(rows, key=lambda row: row["valid_loss"])
    assert good["loss"] == best["valid_loss"]
    assert good["bits_per_char"] == best["valid_bits_per_char"]
    assert (good["step"], good["network"], good["problem"]) == (20, "lstm 1x16", None)


def test_no_runs_is_a_remark(suimon, tmp_path):
    outcome = suimon("runs", tmp_path)
    assert (outcome.code, outcome.out) == (0, "")
    assert "no runs in" in outcome.err
    assert suimon("runs", tmp_path, "--json").json() == []


def test_no_directory(suimon, tmp_path):
    assert "there is no directory" in suimon("runs", tmp_path / "nothing").refusal()


def test_listing_imports_no_torch(several):
    program = (
        "import sys; from suimon.cli.main import main; code = main(['runs', sys.argv[1]])\n"
        "sys.exit('imported torch' if 'torch' in sys.modules else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, several], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "language_model" in done.stdout


def test_the_default_directory_is_runs(suimon, several, monkeypatch):
    monkeypatch.chdir(several.parent)
    assert suimon("runs").out.count("\n") == 4
