import json
import math

from suimon.cli.printing import notice, result, result_json


def test_results_and_notices_go_to_different_places(capsys):
    result("text")
    notice("remark")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("text\n", "remark\n")


def test_json_is_one_line_that_any_reader_takes(capsys):
    result_json({"loss": math.nan, "rows": [math.inf, 1.5, {"name": "水門"}], "none": None})
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line) == {"loss": None, "rows": [None, 1.5, {"name": "水門"}], "none": None}
    assert "水門" in line


def test_other_processes_are_silent(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    result("text")
    notice("remark")
    assert capsys.readouterr() == ("", "")
