"""Everything a user can do wrong: one clear line, exit code 2, nothing lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suimon import load

TINY = ["--steps", "4", "--hidden", "8", "--batch-size", "2", "--tbptt-steps", "8"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist; check the path"),
        (b"", "is empty; name a file with text in it"),
        (b"x", "too short"),
        (bytes(range(256)) * 8, "binary"),
        ("水門\n".encode() * 40 + b"\xff rest", "byte 280"),
        ("é\n".encode("latin-1") * 40, "--encoding"),
        ("é\n".encode("latin-1") * 40, "--units bytes"),
    ],
)
def test_a_text_that_cannot_be_read(suimon, tmp_path, content, message):
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    refusal = suimon("train", "text", file, "--out", tmp_path / "run", *TINY).refusal()
    assert message in refusal
    assert str(file) in refusal
    assert not (tmp_path / "run").exists()


def test_a_folder_without_text(suimon, tmp_path):
    (tmp_path / "texts").mkdir()
    words = ["train", "text", tmp_path / "texts", "--out", tmp_path / "run", *TINY]
    assert "holds no text file" in suimon(*words).refusal()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder(suimon, tmp_path):
    (tmp_path / "texts").mkdir(mode=0)
    words = ["train", "text", tmp_path / "texts", "--out", tmp_path / "run", *TINY]
    assert "Permission denied" in suimon(*words).refusal()


def test_a_run_that_exists_is_kept(suimon, trained, text):
    before = {file: file.read_bytes() for file in trained.iterdir()}
    refusal = suimon("train", "text", text, "--out", trained, *TINY).refusal()
    assert "exists already" in refusal
    assert "--resume" in refusal
    assert {file: file.read_bytes() for file in trained.iterdir()} == before


def test_a_folder_of_other_things_is_kept(suimon, text, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    refusal = suimon("train", "text", text, "--out", tmp_path, *TINY).refusal()
    assert "exists and is not a run" in refusal
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


COMMANDS = [["generate"], ["chat"], ["info"], ["plot"], ["evaluate"], ["train", "text", "--resume"]]


def called(suimon, command: list[str], run: Path, text: Path):
    """Any command on a run, in the way that it takes it."""
    if command[0] == "train":
        return suimon(*command, "--out", run)
    return suimon(*command, run, *([text] if command == ["evaluate"] else []))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_what_is_no_run(suimon, command, text, tmp_path):
    assert "there is no run at" in called(suimon, command, tmp_path / "no", text).refusal()
    assert "is not a run" in called(suimon, command, tmp_path, text).refusal()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_run_of_a_newer_version(suimon, command, trained, text, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "format_version": 99}))
    refusal = called(suimon, command, run, text).refusal()
    assert "format version 99" in refusal
    assert "upgrade suimon" in refusal


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def changed(data: bytes) -> bytes:
    middle = len(data) * 3 // 4
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, changed])
@pytest.mark.parametrize("command", [["generate"], ["evaluate"], ["info"]], ids=lambda c: c[0])
def test_a_damaged_model(suimon, command, damage, trained, text, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    file = run / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    assert f"{file} is damaged" in called(suimon, command, run, text).refusal()


@pytest.mark.parametrize("damage", [cut, changed])
def test_a_damaged_checkpoint(suimon, damage, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    file = run / "checkpoint.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    words = ["train", "text", "--out", run, "--resume", "--steps", "30"]
    assert f"{file} is damaged" in suimon(*words).refusal()
    assert suimon("generate", run, "--length", "3").code == 0  # the model is as it was


def test_a_damaged_vocabulary(suimon, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    file = run / "preprocess.json"
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    assert f"{file} is damaged" in suimon("generate", run).refusal()


def test_another_text_on_resuming(suimon, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "other.txt").write_text("0123456789\n" * 200)
    words = ["train", "text", tmp_path / "other.txt", "--out", run, "--resume", "--steps", "30"]
    assert "the data is not what" in suimon(*words).refusal()


def test_an_option_that_cannot_change_on_resuming(suimon, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    words = ["train", "text", "--out", run, "--resume", "--steps", "30"]
    assert "hidden = 99 cannot be changed" in suimon(*words, "--hidden", "99").refusal()
    assert "batch_size = 3 cannot be changed" in suimon(*words, "--batch-size", "3").refusal()


def test_a_loss_that_is_no_number(suimon, text, tmp_path, monkeypatch):
    from suimon.tasks.language_model import objective

    run = tmp_path / "run"
    words = ["train", "text", text, "--out", run, *TINY]
    assert suimon(*words).code == 0
    before = (run / "checkpoint.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        sound = objective.cross_entropy_sum
        patch.setattr(objective, "cross_entropy_sum", lambda *pair: sound(*pair) * float("nan"))
        refusal = suimon(*words, "--resume", "--steps", "8").refusal()
    assert "step 5" in refusal
    assert "gradient norm" in refusal
    assert "learning-rate" in refusal.replace("_", "-")  # what to try
    assert (run / "checkpoint.safetensors").read_bytes() == before
    assert suimon(*words, "--resume", "--steps", "8").code == 0


def test_a_full_disk_in_mid_checkpoint_keeps_the_last_one(suimon, text, tmp_path):
    """A limit on the size of files stands for the full disk: writes fail half way."""
    run = tmp_path / "run"
    words = ["train", "text", str(text), "--out", str(run), *TINY, "--hidden", "64"]
    assert suimon(*words).code == 0
    before = (run / "checkpoint.safetensors").read_bytes()
    kilobytes = len(before) // 1024 // 2
    program = [sys.executable, "-m", "suimon", *words, "--resume", "--steps", "8"]
    limited = ["bash", "-c", f'ulimit -f {kilobytes} && exec "$@"', "bash", *program]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("suimon: error: ")
    assert (run / "checkpoint.safetensors").read_bytes() == before
    assert load(run).generate("the ", length=3, seed=1)
    assert suimon(*words, "--resume", "--steps", "8", "--json").json()["step"] == 8
