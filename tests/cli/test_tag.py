import io
import json
import sys

import numpy as np
import pytest

from tests.tasks.tagging.conftest import conll, sentences

TINY = ["--hidden", "12", "--steps", "60", "--learning-rate", "0.02"]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Files of sentences."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "train.conll").write_text(conll(sentences(80)))
    (folder / "test.conll").write_text(conll(sentences(12)))
    return folder


@pytest.fixture(scope="module")
def trained(people, tmp_path_factory):
    """A run that has learnt where people and places stand."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "people"
    assert main(["train", "tag", str(people / "train.conll"), "--out", str(run), *TINY]) == 0
    return run


def test_entities_of_a_file(suimon, trained, people):
    facts = suimon("evaluate", trained, people / "test.conll", "--json").json()
    assert facts["accuracy"] == facts["f1"] == facts["precision"] == facts["recall"] == 1.0
    assert (facts["sequences"], facts["steps"]) == (12, 72)


def test_what_it_says_of_lines_and_files(suimon, trained, people, monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(b"so Anna Smith went to Paris\n"))
    )
    rows = suimon("predict", trained, "-").out.splitlines()
    assert [row.split("\t") for row in rows if row] == [
        ["so", "O"], ["Anna", "B-PER"], ["Smith", "I-PER"], ["went", "O"], ["to", "O"],
        ["Paris", "B-LOC"],
    ]  # fmt: skip
    lines = suimon("predict", trained, people / "test.conll", "--json").out.splitlines()
    assert len(lines) == 12
    first = json.loads(lines[0])
    assert first["tags"] == list(sentences(1).tags[0])
    assert first["tokens"] == list(sentences(1).sequences[0])
    assert first["place"] == "test.conll, line 1"


def test_what_it_says_can_be_read_again(suimon, trained, people, tmp_path):
    said = suimon("predict", trained, people / "test.conll").out
    (tmp_path / "said.conll").write_text(said)
    assert suimon("evaluate", trained, tmp_path / "said.conll").json()["f1"] == 1.0


def test_rows_of_a_table_and_going_on(suimon, tmp_path):
    rows = [f"{n % 6},{(n * 7) % 5 - 2},{'up' if (n * 7) % 5 > 2 else 'down'}" for n in range(60)]
    (tmp_path / "walk.csv").write_text("\n".join(["who,x,state", *rows]) + "\n")
    run = tmp_path / "run"
    words = ["--values", "x", "--label", "state", "--id", "who", "--cell", "gru"]
    outcome = suimon("train", "tag", tmp_path / "walk.csv", "--out", run, *words, *TINY)
    assert outcome.code == 0
    assert "5 sequences of 50 steps to learn from, 1 to validate on; 2 labels: down, up" in (
        outcome.err
    )
    again = suimon("train", "tag", "--out", run, "--resume", "--steps", "70", "--json").json()
    assert again["step"] == 70
    said = suimon("predict", run, tmp_path / "walk.csv").out.split("\n\n")[0].splitlines()
    assert said[0].split("\t")[0] == "1"
    assert len(said) == 10


@pytest.fixture
def beeps(tmp_path):
    """Recordings with a low and a high tone in either order, by time."""
    soundfile = pytest.importorskip("soundfile")
    rows = []
    for n in range(12):
        parts, at = [], 0
        for label in (("low", "high"), ("high", "low"), ("low", "low"))[n % 3]:
            t = np.arange(1600 + 80 * (n % 4)) / 8000
            parts += [np.sin(2 * np.pi * (300 if label == "low" else 2000) * t) * np.exp(-5 * t)]
            rows.append(f"{n}.wav,{at / 8000},{(at + len(t)) / 8000},{label}")
            at += len(t)
        soundfile.write(tmp_path / f"{n}.wav", np.concatenate(parts) * 0.5, 8000)
    (tmp_path / "beeps.csv").write_text("\n".join(["file,start,end,label", *rows]) + "\n")
    return tmp_path


def test_recordings_by_time(suimon, beeps):
    run = beeps / "run"
    words = ["--audio", "file", "--bands", "12", "--hidden", "16", "--steps", "80"]
    words += ["--learning-rate", "0.02"]
    outcome = suimon("train", "tag", beeps / "beeps.csv", "--out", run, *words)
    assert outcome.code == 0, outcome.err
    assert "3 labels: -, high, low" in outcome.err
    facts = suimon("evaluate", run, beeps / "beeps.csv").json()
    assert facts["exact"] == 1.0
    assert "name the data: a file with a word a line" in suimon("predict", run).refusal()
    rows = [row.split("\t") for row in suimon("predict", run, beeps / "2.wav").out.splitlines()]
    assert [row[3] for row in rows] == ["low", "low"]
    assert float(rows[1][1]) == pytest.approx(0.22, abs=0.03)
    (said,) = suimon("predict", run, beeps / "0.wav", "--json").out.splitlines()
    assert json.loads(said)["string"] == "low high"
    assert [each["label"] for each in json.loads(said)["segments"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("a X\nb\n", [], "bad, line 2 has 1 columns, and line 1 has 2"),
        ("a X\n\nb X\n", [], "all steps of the 2 sequences have the label 'X'"),
        ("a X\nb Y\n", ["--output", "max"], "output = 'max': give one of"),
        ("a X\nb Y\n", ["--label", "3"], "column 3 is asked for"),
    ],
)
def test_slips_are_answered_in_a_line(suimon, tmp_path, content, words, message):
    (tmp_path / "bad").write_text(content)
    run = tmp_path / "run"
    refused = suimon("train", "tag", tmp_path / "bad", "--out", run, *words).refusal()
    assert message in refused
    assert not run.exists()


def test_a_label_that_was_not_learnt_is_named(suimon, trained, tmp_path):
    (tmp_path / "new.conll").write_text("Anna B-PER\nRex B-DOG\n")
    refused = suimon("evaluate", trained, tmp_path / "new.conll").refusal()
    assert "new.conll, line 1, step 2: the label 'B-DOG' was not learnt" in refused


def test_words_from_standard_input(suimon, trained, people, piped):
    expected = suimon("evaluate", trained, people / "test.conll").json()
    piped((people / "test.conll").read_bytes())
    assert suimon("evaluate", trained, "-").json() == expected
    piped("Anna\n".encode("utf-16"))
    assert suimon("predict", trained, "-", "--encoding", "utf-16").out.startswith("Anna\t")
    piped("Anna B-PER\nRex B-DOG\n")
    refused = suimon("evaluate", trained, "-").refusal()
    assert "standard input, line 1, step 2: the label 'B-DOG' was not learnt" in refused
    piped("")
    assert "standard input has no sentence" in suimon("evaluate", trained, "-").refusal()


def test_a_table_of_commas_holds_no_lines_of_words(suimon, trained, tmp_path):
    (tmp_path / "words.csv").write_text("word,tag\nAnna,B-PER\n")
    message = "words.csv is a table: name its columns of values or its column of audio"
    for words in (["train", "tag", "--out", tmp_path / "run"], ["predict", trained]):
        assert message in suimon(*words, tmp_path / "words.csv").refusal()
