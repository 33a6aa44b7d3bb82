"""The example of every help page runs as it is written, but for its budget."""

import io
import re
import shlex
from pathlib import Path

import pytest

from suimon.tasks import discover

TASKS = sorted(description.command for description in discover().values())
COMMANDS = [
    ["generate"],
    ["chat"],
    ["evaluate"],
    ["runs"],
    ["info"],
    ["plot"],
    [],
]


def shorter(command: str) -> str:
    """The command with a budget that a test can afford."""
    return re.sub(r"--(minutes|epochs|steps) [0-9.]+", "--steps 3", command)


def examples_of(page: str) -> list[str]:
    return [line.strip() for line in page.partition("Example:\n")[2].splitlines()]


@pytest.fixture(scope="module")
def folder(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run: with the text that they name."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "shakespeare.txt").write_text(text.read_text())
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_the_example_of_a_task_runs_on_its_example_data(suimon, tmp_path, monkeypatch, task):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    (example,) = examples_of(suimon("train", task, "--help").out)
    assert suimon("example-data", task, "--out", "example").code == 0
    program, *words = shlex.split(example)
    assert program == "suimon"
    # The budget is the rule's, where the example names none.
    outcome = suimon(*shlex.split(shorter(shlex.join(words))), *over(words))
    assert outcome.code == 0, outcome.err
    assert outcome.out


def over(words: list[str]) -> list[str]:
    """A budget where the example has none, and a network that a test can afford."""
    budget = [] if {"--minutes", "--epochs", "--steps"} & set(words) else ["--steps", "3"]
    return [*budget, *([] if "--hidden" in words else ["--hidden", "8"])]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "suimon")
def test_the_example_runs(suimon, folder, monkeypatch, command):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("To be or not to be\n"))
    examples = examples_of(suimon(*command, "--help").out)
    assert examples
    if not Path("runs/shakespeare").exists():
        suimon("train", "text", "shakespeare.txt", "--out", "runs/shakespeare", "--steps", "3")
    for example in examples:
        program, *words = shlex.split(shorter(example))
        assert program == "suimon"
        if words[0] == "train" and Path("runs/shakespeare").exists():
            continue  # it was run, and refuses to write over it
        outcome = suimon(*words)
        assert outcome.code == 0, outcome.err
        assert outcome.out
