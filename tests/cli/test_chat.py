import io
import json
import shutil

import pytest

from suimon import load
from tests.kernels.linear_recurrence_cases import needs_native


@pytest.fixture
def typing(monkeypatch):
    """Put lines on standard input, which is a pipe here."""

    def put(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return put


def test_each_line_is_answered_with_the_state_carried_on(suimon, trained, typing):
    typing("the gate\nand water")  # the last line without its end
    outcome = suimon("chat", trained, "--length", "30", "--seed", "3", "--json")
    assert outcome.code == 0
    turns = [json.loads(line) for line in outcome.out.splitlines()]
    assert [turn["line"] for turn in turns] == ["the gate", "and water"]
    writer = load(trained).writer(seed=3)
    for turn in turns:
        writer.read(turn["line"] + "\n")
        answer = "".join(piece.text for piece in writer.write(30, until="\n\n"))
        assert turn["answer"] == answer
    fresh = load(trained).writer(seed=3)
    fresh.read("and water\n")
    assert turns[1]["answer"] != "".join(piece.text for piece in fresh.write(30, until="\n\n"))


def test_answers_are_lines(suimon, trained, typing):
    typing("the gate\nand water\n")
    outcome = suimon("chat", trained, "--length", "20", "--seed", "3", "--until", "e")
    assert outcome.code == 0
    assert outcome.out.endswith("\n")
    assert ">" not in outcome.err  # nobody is asked


def test_nothing_said(suimon, trained, typing):
    typing("")
    assert suimon("chat", trained) == (0, "", "")


def test_what_the_model_never_saw_is_reported(suimon, trained, typing):
    typing("水\n")
    assert "never saw '水'" in suimon("chat", trained, "--length", "3").err


def test_a_terminal_is_asked(suimon, trained, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal("the gate\n"))
    outcome = suimon("chat", trained, "--length", "5")
    assert outcome.err.count("> ") == 2
    assert "Ctrl-D" in outcome.err


@needs_native
def test_chat_in_int8_reports_what_that_changes_the_first_time(suimon, trained, typing, tmp_path):
    run = shutil.copytree(trained, tmp_path / "gates")
    options = ("--length", "30", "--seed", "3", "--precision", "int8", "--json")
    typing("the gate\n")
    first = suimon("chat", run, *options)
    writer = load(run).writer(seed=3, precision="int8")
    writer.read("the gate\n")
    answer = "".join(piece.text for piece in writer.write(30, until="\n\n"))
    assert json.loads(first.out)["answer"] == answer
    assert first.err.startswith("int8 changes the validation loss by ")
    typing("the gate\n")
    assert suimon("chat", run, *options) == (0, first.out, "")


def test_chat_in_no_precision_is_refused(suimon, trained):
    message = suimon("chat", trained, "--precision", "int4").refusal()
    assert message == "precision is 'int4'; give one of fp32, bf16, int8"
