"""The run directory: made whole or not at all, verified, and refused with a remedy."""

import json
import os
from pathlib import Path

import pytest
import torch

from suimon.errors import CheckpointError, ConfigError
from suimon.training import run_directory
from suimon.training.run_directory import RunDirectory, SavedWeights

CONFIG = {
    "training": {"steps": 5, "learning_rate": 1e-3, "patience": None, "schedule": "cosine"},
    "model": {"cell": "lstm", "sizes": [1, 2], "tied": True, "note": 'a "quoted"\n水門\\'},
}
PREPROCESS = {"vocabulary": ["a", "水", "\n", "😀", '"'], "lower": False}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(
        tmp_path / "runs" / "one", task="toy", config=CONFIG, preprocess=PREPROCESS
    )


def test_what_was_written_is_read(run: RunDirectory) -> None:
    again = RunDirectory.open(run.path)
    assert again.task == "toy"
    assert again.preprocess() == PREPROCESS
    config = again.config()
    assert config["model"] == CONFIG["model"]
    assert config["training"] == {"steps": 5, "learning_rate": 1e-3, "schedule": "cosine"}


def test_it_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written last, the directory has its name only after it."""
    seen: list[bool] = []
    write = run_directory.write_atomically

    def watched(path: Path, data: bytes) -> None:
        seen.append((tmp_path / "one").exists())
        write(path, data)

    monkeypatch.setattr(run_directory, "write_atomically", watched)
    RunDirectory.create(tmp_path / "one", task="toy", config=CONFIG, preprocess=PREPROCESS)
    assert seen == [False] * 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


def test_a_failed_creation_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        RunDirectory.create(
            tmp_path / "one", task="toy", config={"a": object()}, preprocess=PREPROCESS
        )
    assert list(tmp_path.iterdir()) == []


def test_others_may_read_it(run: RunDirectory) -> None:
    assert run.path.stat().st_mode & 0o777 == 0o755


def test_an_existing_run_is_refused(run: RunDirectory) -> None:
    with pytest.raises(ConfigError, match="one exists already: go on with it by --resume, or ch"):
        RunDirectory.create(run.path, task="toy", config=CONFIG, preprocess=PREPROCESS)


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for name in ("full", "file"):
        with pytest.raises(ConfigError, match=f"{name} exists and is not a run: choose another"):
            RunDirectory.create(tmp_path / name, task="toy", config=CONFIG, preprocess=PREPROCESS)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "precious"


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    RunDirectory.create(tmp_path / "one", task="toy", config=CONFIG, preprocess=PREPROCESS)
    assert RunDirectory.open(tmp_path / "one").task == "toy"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"cannot make a run at .*one: "):
        RunDirectory.create(
            tmp_path / "file" / "one", task="toy", config=CONFIG, preprocess=PREPROCESS
        )


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no run at .*nowhere: no such directory"):
        RunDirectory.open(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"is not a run: it has no manifest\.json"):
        RunDirectory.open(tmp_path)


def test_a_newer_run_is_refused(run: RunDirectory) -> None:
    file = run.path / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format_version": 2}))
    with pytest.raises(CheckpointError, match=r"format version 2, .* up to 1: upgrade suimon"):
        RunDirectory.open(run.path)
    assert [found.path for found in RunDirectory.find(run.path.parent)] == [run.path]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format_version": 1}'])
def test_a_damaged_manifest_is_named(run: RunDirectory, text: str) -> None:
    (run.path / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest\.json is "):
        RunDirectory.open(run.path)


def test_a_changed_vocabulary_is_noticed(run: RunDirectory) -> None:
    file = run.path / "preprocess.json"
    file.write_text(file.read_text().replace("水", "氷"))
    with pytest.raises(CheckpointError, match=r"preprocess\.json is damaged .* checksum"):
        run.preprocess()
    file.unlink()
    with pytest.raises(CheckpointError, match=r"cannot read .*preprocess\.json: No such file"):
        run.preprocess()


def test_options_can_be_changed(run: RunDirectory) -> None:
    run.replace_config({"training": {"steps": 9}})
    assert RunDirectory.open(run.path).config() == {"training": {"steps": 9}}
    (run.path / "config.toml").write_text("steps = = 4")
    with pytest.raises(CheckpointError, match=r"config\.toml is not TOML .*: correct it"):
        run.config()
    (run.path / "config.toml").unlink()
    with pytest.raises(CheckpointError, match=r"cannot read .*config\.toml"):
        run.config()


def test_weights(run: RunDirectory) -> None:
    assert not run.has_model()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        run.weights()
    run.save_weights(SavedWeights({"w": torch.arange(3.0)}, 7, 1.25, {"bits_per_char": 1.8}))
    found = RunDirectory.open(run.path).weights()
    assert torch.equal(found.tensors["w"], torch.arange(3.0))
    assert (found.step, found.loss, found.metrics) == (7, 1.25, {"bits_per_char": 1.8})


def test_one_trains_at_a_time(run: RunDirectory) -> None:
    busy = pytest.raises(ConfigError, match="is being trained by another process: wait")
    with run.locked(), busy, RunDirectory(run.path).locked():
        pass
    with run.locked():
        pass


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "RANK", "1")
    RunDirectory.create(tmp_path / "one", task="toy", config=CONFIG, preprocess=PREPROCESS)
    assert list(tmp_path.iterdir()) == []
