"""The names of the cells without torch: the registry's, and a new cell's too."""

import subprocess
import sys

import pytest

from suimon.cells import cell_classes
from suimon.tasks.cell_names import cell_names, kinds_in

LEAKY = """
from suimon.cells.elman import ElmanCell


class LeakyCell(ElmanCell):
    kind = "Leaky"
"""

SEVERAL = """
kind = "a variable of the module"

class Base:
    kind: ClassVar[str]

class One:
    other = "x"
    kind: ClassVar[str] = "one"

class Two:
    kind = "two"

    def name(self):
        kind = "a variable of a method"
"""

# A folder that is searched beside suimon/cells/ stands for a file put into that.
WITH_THE_NEW_CELL = """
import sys, suimon.cells
suimon.cells.__path__.append(sys.argv[1])
from suimon.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def test_they_are_those_of_the_registry_in_its_order():
    assert cell_names() == tuple(cell_classes())


@pytest.mark.parametrize(("source", "kinds"), [(LEAKY, ["Leaky"]), (SEVERAL, ["one", "two"])])
def test_a_class_says_its_name_in_an_attribute(source, kinds):
    assert list(kinds_in(source)) == kinds


def test_a_cell_put_beside_the_others_is_offered_and_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "leaky.py").write_text(LEAKY)
    (tmp_path / "text.txt").write_text("the rain in spain stays mainly in the plain\n" * 30)

    def suimon(*words: object) -> str:
        program = [sys.executable, "-c", WITH_THE_NEW_CELL, str(tmp_path / "cells")]
        command = [*program, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "--cell elman|gru|jordan|Leaky|lstm|" in suimon("train", "text", "--help")
    run = tmp_path / "run"
    words = ["--cell", "leaky", "--hidden", 8, "--layer-norm", "--steps", 2]
    suimon("train", "text", tmp_path / "text.txt", "--out", run, *words)
    assert len(suimon("generate", run, "--length", 5, "--seed", 1)) >= 5
