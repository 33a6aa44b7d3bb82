import io

import numpy as np
import pandas as pd
import polars as pl
import pytest

from suimon.data.series.frames import Like, table_of
from suimon.data.series.panel import filled
from suimon.data.series.tables import panel_of, read_panel
from suimon.errors import ConfigError, DataError

LONG = "unique_id,ds,y,x\nb,2024-01-02,5,0\na,2024-01-01,1,1\na,2024-01-03,3,1\nb,2024-01-01,4,2\n"


def parquet(**columns) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    return file.getvalue()


def values(panel) -> dict:
    return {series.name: series.values.tolist() for series in panel.series}


def test_long_form_is_sorted_and_its_gaps_are_filled_and_reported(write):
    panel = read_panel(write("t.csv", LONG))
    assert values(panel) == {"b": [4, 5], "a": [1, 1, 3]}
    assert panel.series[1].observed.tolist() == [True, False, True]
    assert panel.times(panel.series[1], [0, 3]) == ["2024-01-01", "2024-01-04"]
    assert panel.notices[0] == "rows were not in the order of their times: sorted"
    assert (
        "1 of 5 values are missing (0 empty, 1 rows absent; the first: series 'a', behind"
        in (panel.notices[1])
    )
    assert "t.csv, row 2): filled by the last value (--fill)" in panel.notices[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", "Month\tn\n1949-01\t1\n1949-02\t2.5\n"),
        ("t.jsonl", '{"when": "1949-01-01", "n": 1}\n{"when": "1949-02-01", "n": 2.5}\n'),
        ("t.csv.gz", "ds,y\n1949-01-01 00:00:00,1\n1949-02-01 00:00:00,2.5\n"),
        ("t.parquet", parquet(ds=pl.date_range(pl.date(1949, 1, 1), pl.date(1949, 2, 1), "1mo",
                                               eager=True), y=[1.0, 2.5])),
        ("t.csv", "when,n\n01-01-49,1\n01-02-49,2.5\n"),
    ],
)  # fmt: skip
def test_two_columns_of_every_format(write, name, content):
    form = "%d-%m-%y" if name == "t.csv" else None
    panel = read_panel(write(name, content), time_format=form, freq="M")
    assert values(panel) == {"series": [1, 2.5]}
    assert panel.frequency.after(panel.series[0].first, [2]).astype("M8[s]").astype("M8[M]") == (
        np.array(["1949-03"], "M8[M]") if form is None else np.array(["2049-03"], "M8[M]")
    )


def test_wide_form_and_whole_numbers(write):
    panel = read_panel(write("m4.csv", "V1,V2,V3,V4\nH1,605,586,5\nH2,1,2,\n"))
    assert values(panel) == {"H1": [605, 586, 5], "H2": [1, 2]}
    assert panel.times(panel.series[1], [0, 2]) == [1, 3]
    years = read_panel(write("y.csv", "year,n\n1950,1\n1951,2\n1953,4\n"))
    assert values(years) == {"series": [1, 2, 2, 4]}
    assert years.times(years.series[0], [4]) == [1954]


def test_rows_without_a_value_at_the_end_are_the_future(write):
    table = "ds,y,x\n2024-01-01,1,5\n2024-01-02,2,6\n2024-01-03,,7\n2024-01-04,NaN,8\n"
    (series,) = read_panel(write("t.csv", table), covariates=["x"]).series
    assert series.values.tolist() == [1, 2]
    assert series.covariates.tolist() == [[5], [6], [7], [8]]
    (cut,) = [series.until(1)]
    assert cut.values.tolist() == [1]


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("last", [1, 2, 3, 3, 3, 6]),
        ("season", [1, 2, 3, 1, 2, 6]),
        ("linear", [1, 2, 3, 4, 5, 6]),
        ("zero", [1, 2, 3, 0, 0, 6]),
    ],
)
def test_rules_of_filling(fill, expected):
    given = np.array([1, 2, 3, np.nan, np.nan, 6])
    assert filled(given, fill, 3).tolist() == expected


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (LONG.replace("y,x", "z,x"), {}, "has no column 'y'.* its columns are 'unique_id', 'ds'"),
        (LONG.replace(",5,", ",five,"), {}, "t.csv, row 1: column 'y' has 'five', which is no num"),
        (LONG.replace(",5,", ",inf,"), {}, "t.csv, row 1: column 'y' has 'inf', which is no num"),
        (
            LONG.replace("2024-01-03", "2024-13-03"),
            {},
            "t.csv, row 3: column 'ds' has '2024-13-03', which is no date",
        ),
        (
            LONG.replace("2024-01-03", "2024-01-01"),
            {},
            "t.csv, row 3: series 'a' has 2024-01-01 a second time .first in t.csv, row 2.",
        ),
        (LONG.replace("b,2024-01-02,5", "b,2024-01-02,5").replace("a,2024", ",2024"), {},
         "t.csv, row 2: column 'unique_id' has no name"),
        (LONG, {"covariates": ["x"]}, "series 'a' has no 'x' at 2024-01-02"),
        (LONG, {"fill": "refuse"}, "series 'a', behind t.csv, row 2: a value is missing"),
        (LONG.replace(",5,", ",,").replace(",4,", ",,"), {}, "series 'b' has no value"),
        (
            "ds,y\n01/02/2024,1\n02/02/2024,2\n",
            {},
            "can be read as %d/%m/%Y or %m/%d/%Y: say which by --time-format",
        ),
        (LONG, {"freq": "W"}, "row 1: series 'b' has a time that is off its frequency, W"),
        (
            "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2924-01-04,4\n",
            {},
            "row 4: series 'series' has 4 rows on 328,.* look at the date there",
        ),
        ("ds,y\n2024-01-01,1\n", {}, "cannot be told: name it by --freq"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_series_row_and_column(write, content, options, message):
    with pytest.raises(DataError, match=message):
        read_panel(write("t.csv", content), **options)


def test_options_that_cannot_be(write):
    with pytest.raises(ConfigError, match="column 'y' is asked for twice"):
        read_panel(write("t.csv", LONG), covariates=["y"])
    with pytest.raises(ConfigError, match="freq = D needs dates"):
        read_panel(write("y.csv", "ds,y\n1,1\n2,2\n"), freq="D")
    with pytest.raises(ConfigError, match="a list was given; give a data frame"):
        table_of([1, 2])


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_tables_of_pandas_and_polars_in_and_out(kind):
    days = pd.date_range("2024-01-01", periods=4).to_pydatetime().tolist()
    frame = kind({"unique_id": [7, 7, 9, 9], "ds": days[:2] * 2, "y": [1.0, 2.0, float("nan"), 4]})
    panel = panel_of(table_of(frame))
    assert values(panel) == {7: [1, 2], 9: [4]}
    like = Like(frame, "unique_id", "ds")
    out = like.table(panel, {"unique_id": [7, 9], "step": [2, 1], "suimon": [0.5, 1.5]})
    assert type(out) is kind
    assert list(out["unique_id"]) == [7, 9]
    assert [str(when)[:10] for when in out["ds"]] == ["2024-01-03", "2024-01-03"]
    assert str(out["ds"].dtype).startswith(("Datetime", "datetime64"))
