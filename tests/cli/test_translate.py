import io
import json

import pytest

from tests.tasks.translation.conftest import reversals

TINY = ["--hidden", "24", "--embedding", "8", "--cell", "gru", "--steps", "120"]
TINY += ["--learning-rate", "0.02", "--batch-size", "16", "--dropout", "0"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Parallel files to learn from and to be judged by, and the same as a table."""
    folder = tmp_path_factory.mktemp("reversals")
    for name, pairs in (("train", reversals(200)), ("test", reversals(40, seed=1))):
        assert pairs.targets is not None
        (folder / f"{name}.in").write_text("".join(f"{text}\n" for text in pairs.sources))
        (folder / f"{name}.out").write_text("".join(f"{text}\n" for text in pairs.targets))
        rows = [{"from": s, "to": t} for s, t in zip(pairs.sources, pairs.targets, strict=True)]
        table = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(table)
    return folder


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """A run that writes short words backwards."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "reversals"
    words = ["train", "translate", str(files / "train.in"), str(files / "train.out")]
    assert main([*words, "--out", str(run), *TINY]) == 0
    return run


def test_two_files_are_learnt_from_and_judged(suimon, trained, files):
    facts = suimon("evaluate", trained, files / "test.in", files / "test.out", "--json").json()
    assert {"bleu", "bleu_lowercase", "chrf", "exact", "loss", "overlap"} <= set(facts)
    assert facts["exact"] > 0.5
    assert facts["sentences"] == 40
    greedy = suimon("evaluate", trained, files / "test.in", files / "test.out", "--beam", "1")
    assert greedy.code == 0
    assert f"{facts['overlap']['count']} of 40 sources were learnt from" in greedy.err


def test_what_it_says_of_lines(suimon, trained, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"abc\n\nba\n")))
    outcome = suimon("predict", trained, "-", "--alignment")
    text, _, links = outcome.out.split("\n")[0].partition("\t")
    assert len(links.split()) == len(text)
    assert len(outcome.out.splitlines()) == 3
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"abc\n")))
    said = suimon("predict", trained, "-", "--json", "--beam", "2", "--length-penalty", "0").json()
    assert len(said["alignment"]) == len(said["target_units"])
    assert len(said["alignment"][0]) == len(said["source_units"]) == 3


def test_chat_answers_line_by_line(suimon, trained, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("abc\nba\n"))
    turns = [json.loads(line) for line in suimon("chat", trained, "--json").out.splitlines()]
    assert [turn["line"] for turn in turns] == ["abc", "ba"]
    monkeypatch.setattr("sys.stdin", io.StringIO("abc\n"))
    assert suimon("chat", trained).out == turns[0]["answer"] + "\n"
    refused = suimon("chat", trained, "--temperature", "0.5").refusal()
    assert "--temperature means nothing to" in refused
    assert "writes no text" in suimon("generate", trained).refusal()


def test_a_table_with_named_columns_and_going_on(suimon, files, tmp_path):
    run = tmp_path / "run"
    words = ["--source", "to", "--target", "from", "--hidden", "8", "--steps", "4"]
    outcome = suimon("train", "translate", files / "train.jsonl", "--out", run, *words)
    assert outcome.code == 0, outcome.err
    assert "pairs to learn from" in outcome.err
    assert "chosen for 188 pairs and 4 steps: source_units chars" in outcome.err
    again = suimon("train", "translate", "--out", run, "--resume", "--steps", "6", "--json").json()
    assert again["step"] == 6


@pytest.mark.parametrize(
    ("paths", "words", "message"),
    [
        (["train.in"], [], "is given alone and is no table"),
        (["train.in", "test.out"], [], "has 40 lines and"),
        (["train.in", "none.out"], [], "there is no file"),
        (["train.jsonl"], ["--source", "form"], "has no column 'form'; did you mean 'from'?"),
        (["train.in", "train.out"], ["--longest", "3"], "has 4 units, more than --longest 3"),
        (["train.in", "train.out"], ["--attention", "dot"], "attention = 'dot': give"),
    ],
)
def test_slips_are_answered_in_a_line(suimon, files, tmp_path, paths, words, message):
    run = tmp_path / "run"
    places = [files / path for path in paths]
    assert message in suimon("train", "translate", *places, "--out", run, *words).refusal()
    assert not run.exists()


def test_pairs_from_standard_input(suimon, trained, files, piped):
    lines = zip(
        *((files / f"test.{end}").read_text().split() for end in ("in", "out")), strict=True
    )
    expected = suimon("evaluate", trained, files / "test.in", files / "test.out").json()
    piped("".join(f"{source}\t{target}\n" for source, target in lines))
    assert suimon("evaluate", trained, "-").json() == expected
    piped("abc\n".encode("utf-16"))
    utf_16 = suimon("predict", trained, "-", "--encoding", "utf-16").out
    piped("abc\n")
    assert suimon("predict", trained, "-").out == utf_16
    piped("no tab\n")
    refused = suimon("evaluate", trained, "-").refusal()
    assert "standard input, line 1 has no '\\t' between source and target" in refused
