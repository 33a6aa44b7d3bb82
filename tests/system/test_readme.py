"""The README's commands and programs run as they are written.

Blocks marked ``bash`` are run one after another in a folder of their own, with a small
``my_text.txt`` in it and budgets cut down to a few steps; blocks marked ``python`` are run one by
one. Blocks marked ``console`` are only shown: they install, take minutes, or need other files.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.ja.md"]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.M | re.S)
BUDGET = re.compile(r"--(minutes|epochs|steps) [0-9.]+")
SENTENCE = "The keeper opens the gate, and the water of the reservoir flows down to the fields.\n"


def blocks(readme: str, language: str) -> list[str]:
    found = BLOCK.findall((REPOSITORY / readme).read_text(encoding="utf-8"))
    return [code for kind, code in found if kind == language]


PROGRAMS = {  # a program that both languages have is run once
    code: f"{readme}-{number}"
    for readme in reversed(READMES)
    for number, code in enumerate(blocks(readme, "python"), start=1)
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader would be: with a text, and with ``suimon`` on the path."""
    (tmp_path / "my_text.txt").write_text(SENTENCE * 40)
    command = tmp_path / "bin" / "suimon"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m suimon "$@"\n')
    command.chmod(0o755)
    return tmp_path


def surroundings(folder: Path) -> dict[str, str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SUIMON_CACHE": str(folder / "cache")}


def test_the_commands(folder):
    script = "\n".join(blocks(READMES[0], "bash"))
    assert "suimon train text" in script
    assert "suimon generate" in script
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", BUDGET.sub("--steps 3", script)],
        cwd=folder,
        env=surroundings(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_both_languages_have_the_same_commands():
    assert blocks(READMES[0], "bash") == blocks(READMES[1], "bash")


@pytest.mark.parametrize("code", list(PROGRAMS), ids=list(PROGRAMS.values()))
def test_the_programs(code, folder):
    program = re.sub(r"\b(minutes|steps)=[0-9.]+", "steps=3", code)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=surroundings(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
