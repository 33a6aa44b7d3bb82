"""A text, a run trained on it, and the command line called in this process."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from suimon.cli.main import main

LINE = "the gate lets water in and the keeper shuts it again when rain falls on the hill"


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which is one line of JSON."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    def refusal(self) -> str:
        """The one line of a refused command, without its beginning."""
        assert self.code == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        errors = [line for line in self.err.splitlines() if line.startswith("suimon: error: ")]
        assert len(errors) == 1, self.err
        assert self.err.endswith(errors[0] + "\n")
        return errors[0].removeprefix("suimon: error: ")


Suimon = Callable[..., Outcome]


@pytest.fixture
def piped(monkeypatch):
    """Give a command something, text or bytes, to read from standard input."""

    def give(content: str | bytes) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUIMON_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def suimon(capsys: pytest.CaptureFixture[str]) -> Suimon:
    """Run a command in this process."""

    def run(*words: str | Path) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few thousand characters that a tiny network learns something from."""
    words = LINE.split()
    lines = [" ".join(words[place % 17 - 5 :: place % 3 + 1]) for place in range(120)]
    file = tmp_path_factory.mktemp("text") / "gates.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="session")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twenty steps; tests must leave it as it is."""
    run = tmp_path_factory.mktemp("runs") / "gates"
    words = ["train", "text", text, "--out", run, "--steps", "20", "--hidden", "16"]
    words += ["--batch-size", "4", "--tbptt-steps", "16", "--evaluate-every", "10"]
    assert main([str(word) for word in words]) == 0, sys.stderr
    return run
