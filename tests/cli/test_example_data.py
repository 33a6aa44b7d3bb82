import csv
from pathlib import Path

import pytest

from suimon.tasks import discover, example_data

SQUARES = {  # 4 ways of 40 and 20 videos each, of 5, 6 … 11, 5 … frames
    "squares": 4 * (5 * sum(range(5, 12)) + sum(range(5, 10))),
    "squares-test": 4 * (2 * sum(range(5, 12)) + sum(range(5, 11))),
}


@pytest.mark.parametrize("task", sorted(d.command for d in discover().values()))
def test_the_same_files_for_the_same_seed_and_others_for_another(task):
    _, files = example_data(task)
    assert files(1) == files(1)
    assert set(files(1)) == set(files(2))
    assert files(1) != files(2)


def test_files_are_written_and_named_and_the_next_command_told(suimon, tmp_path):
    outcome = suimon("example-data", "classify", "--out", tmp_path / "data")
    files = ("reviews.csv", "reviews-test.csv", "negations.csv", "negations-test.csv")
    names = [str(tmp_path / "data" / name) for name in files]
    squares = [f"{tmp_path}/data/{name}/ ({count:,} files)" for name, count in SQUARES.items()]
    assert outcome.out.splitlines() == [*names, *squares]
    assert f"suimon train classify {tmp_path}/data/reviews.csv --label stars" in outcome.err
    with Path(names[0]).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 600
    assert {row["stars"] for row in rows} == {"1", "5"}


def test_as_json_it_says_what_it_wrote_and_what_comes_next(suimon, tmp_path):
    found = suimon("example-data", "text", "--out", tmp_path, "--json").json()
    assert found["files"] == [str(tmp_path / "tales.txt")]
    assert found["example"].startswith(f"suimon train text {tmp_path}/tales.txt --out ")


def test_what_is_there_is_not_written_over(suimon, tmp_path):
    (tmp_path / "reviews-test.csv").write_text("mine")
    refused = suimon("example-data", "classify", "--out", tmp_path).refusal()
    assert "reviews-test.csv exists already" in refused
    assert not (tmp_path / "reviews.csv").exists()
    assert (tmp_path / "reviews-test.csv").read_text() == "mine"


def test_an_unknown_task_is_refused(suimon, tmp_path):
    assert (
        "no task 'paint'; there are:"
        in suimon("example-data", "paint", "--out", tmp_path / "new").refusal()
    )
    assert not (tmp_path / "new").exists()
