import numpy as np
import pytest

from suimon.data.tagged import read_tagged
from suimon.errors import ConfigError, DataError

TABLE = "who,x,y,state\na,1,2,up\nb,3,4,down\na,5,6,up\n"


@pytest.fixture
def write(tmp_path):
    def write(content: str, name: str = "walk.csv"):
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


def test_rows_belong_together_by_a_column(write):
    data = read_tagged([write(TABLE)], values=["x", "y"], label="state", id="who")
    assert data.kind == "series"
    np.testing.assert_array_equal(data.sequences[0], [[1, 2], [5, 6]])
    np.testing.assert_array_equal(data.sequences[1], [[3, 4]])
    assert data.tags == [("up", "up"), ("down",)]
    assert data.place(1) == "walk.csv, row 2"


def test_without_that_column_all_rows_are_one_series(write):
    data = read_tagged([write(TABLE)], values=["[xy]"], label="state")
    assert [row.shape for row in data.sequences] == [(3, 2)]
    assert read_tagged([write(TABLE)], values=["x"], labelled=False).tags is None


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (TABLE, {"values": ["z"]}, "walk.csv has no column 'z'"),
        (TABLE, {"values": ["who"]}, "row 1: column 'who' has 'a', which is no number"),
        (TABLE.replace("3,4", ",4"), {"values": ["x"]}, "row 2: column 'x' is empty; fill it"),
        (TABLE.replace("3,4", "3 4,4"), {"values": ["x"]}, "row 2: column 'x' has 2 numbers"),
        (TABLE.replace("down", ""), {"values": ["x"]}, "row 2: column 'state' has no label"),
    ],
)
def test_what_is_broken_is_named(write, content, options, message):
    with pytest.raises(DataError, match=message):
        read_tagged([write(content)], label="state", **options)


def test_one_column_asked_for_twice(write):
    with pytest.raises(ConfigError, match="column 'x' is asked for as label and as data"):
        read_tagged([write(TABLE)], values=["x"], label="x")
