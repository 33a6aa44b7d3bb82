import io
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from suimon.data.labelled.table import read_table
from suimon.errors import ConfigError, DataError

WIDE = "id,y,t0,t1,t2\na,up,1,2.5,-3\nb,down,4,5e-1,\nc,up,7,,\n"
WIDE_SERIES = [[[1], [2.5], [-3]], [[4], [0.5]], [[7]]]
CHANNELS = [[[1, 4], [2, 5], [3, 6]], [[7, 8]]]


def parquet(**columns) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    return file.getvalue()


def series(read):
    assert read.kind == "series"
    assert all(one.dtype == np.float32 for one in read.sequences)
    return [one.tolist() for one in read.sequences]


REVIEWS = {
    "r.csv": 'label,text\n007,"so, ""good""\r\nand\nmore"\nbad,悪い\n',
    "r.csv.gz": 'label,text\n007,"so, ""good""\r\nand\nmore"\nbad,悪い\n',
    "R.CSV": '\ufefflabel,text\r\n007,"so, ""good""\r\nand\nmore"\r\nbad,悪い\r\n',
    "r.tsv": 'label\ttext\n007\t"so, ""good""\r\nand\nmore"\nbad\t悪い',
    "r.jsonl": '{"label": "007", "text": "so, \\"good\\"\\r\\nand\\nmore"}\n\n'
    '{"text": "悪い", "label": "bad"}',
    "r.ndjson.gz": '{"label": "007", "text": "so, \\"good\\"\\r\\nand\\nmore"}\r\n'
    '{"text": "悪い", "label": "bad"}\r\n',
    "r.parquet": parquet(label=["007", "bad"], text=['so, "good"\r\nand\nmore', "悪い"]),
}


@pytest.mark.parametrize("name", REVIEWS)
def test_texts_of_every_format(write, name):
    read = read_table(write(name, REVIEWS[name]), label="label", text="text")
    assert read.kind == "text"
    assert list(read.sequences) == ['so, "good"\r\nand\nmore', "悪い"]
    assert read.labels == ("007", "bad")
    assert read.channels == ()
    assert read.place(1) == f"{name}, row 2"


WIDES = {
    "w.csv": WIDE,
    "w.tsv": WIDE.replace(",", "\t"),
    "w.jsonl": '{"y": "up", "t0": 1, "t1": 2.5, "t2": -3}\n'
    '{"y": "down", "t0": 4, "t1": 0.5, "t2": null}\n{"y": "up", "t0": 7}\n',
    "w.parquet": parquet(
        y=["up", "down", "up"], t0=[1, 4, 7], t1=[2.5, 0.5, None], t2=[-3, None, None]
    ),
}


@pytest.mark.parametrize("name", WIDES)
@pytest.mark.parametrize("values", [("t0", "t1", "t2"), ("t*",), "t*", ("t0", "t*")])
def test_one_number_a_cell_makes_the_columns_time_steps(write, name, values):
    read = read_table(write(name, WIDES[name]), label="y", values=values)
    assert series(read) == WIDE_SERIES
    assert read.labels == ("up", "down", "up")
    assert read.channels == ()


LISTS = {
    "l.csv": "y,a,b\n1,1 2 3,4;5;6\n0,7,8\n",
    "l.tsv": "y\ta\tb\n1\t1; 2; 3\t 4  5 6 \n0\t7\t8\n",
    "l.jsonl": '{"y": 1, "a": [1, 2, 3], "b": [4, 5, 6]}\n{"y": 0, "a": [7], "b": [8.0]}\n',
    "l.parquet": parquet(y=[1, 0], a=[[1, 2, 3], [7]], b=[[4.0, 5, 6], [8]]),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_make_the_columns_channels(write, name):
    read = read_table(write(name, LISTS[name]), label="y", values=("a", "b"))
    assert series(read) == CHANNELS
    assert read.labels == ("1", "0")
    assert read.channels == ("a", "b")
    swapped = read_table(write(name, LISTS[name]), label=None, values=("b", "a"))
    assert series(swapped)[1] == [[8, 7]]
    assert swapped.channels == ("b", "a")


def test_arrays_of_parquet_are_lists(write):
    arrays = pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2))
    read = read_table(write("a.parquet", parquet(a=arrays)), label=None, values=("a",))
    assert series(read) == [[[1], [2]], [[3], [4]]]
    assert read.channels == ("a",)


def test_pattern_leaves_out_the_labels_and_keeps_the_order_of_the_file(write):
    path = write("t.csv", "t10,target,t9\n1,yes,2\n3,no,4\n")
    assert series(read_table(path, label="target", values=("t*",))) == [[[1], [2]], [[3], [4]]]


def test_name_that_looks_like_a_pattern(write):
    path = write("t.csv", "t[1],t1\n1,2\n")
    assert series(read_table(path, label=None, values=("t[1]",))) == [[[1]]]


def test_labels_of_other_types(write):
    path = write(
        "l.parquet",
        parquet(i=[3, 4], f=[3.0, 4.0], h=[0.5, 3.0], b=[True, False], text=["a", "b"]),
    )
    labels = [read_table(path, label=name, text="text").labels for name in "ifhb"]
    assert labels == [("3", "4"), ("3", "4"), ("0.5", "3"), ("true", "false")]
    path = write("l.jsonl", '{"y": 3, "x": "a"}\n{"y": true, "x": "b"}\n{"y": "x", "x": "c"}\n')
    assert read_table(path, label="y", text="x").labels == ("3", "true", "x")


def test_no_labels(write):
    assert read_table(write("w.csv", WIDE), label=None, values=("t*",)).labels is None


def test_blank_lines_are_no_rows(write):
    path = write("b.csv", "y,x\n\na,1\n\r\nb,2\n\n\n")
    read = read_table(path, label="y", text="x")
    assert list(read.sequences) == ["1", "2"]
    assert read.labels == ("a", "b")


def test_cells_may_be_long(write):
    text = "水門 " * 100_000
    path = write("b.csv", f"y,x\na,{text}\nb,2\n\nc,3\n")
    assert list(read_table(path, label="y", text="x").sequences) == [text, "2", "3"]


def test_many_rows_with_line_ends_in_quotes(write):
    texts = [f'{n}\n"{"," * (n % 7)}\n' for n in range(20_000)]
    lines = "".join('{},"{}"\n'.format(n % 3, t.replace('"', '""')) for n, t in enumerate(texts))
    read = read_table(write("b.csv", "y,x\n" + lines), label="y", text="x")
    assert list(read.sequences) == texts
    assert read.place(12_345) == "b.csv, row 12346"


def test_other_encodings(write):
    path = write("j.csv", "y,x\n良,門\n".encode("shift_jis"))
    read = read_table(path, label="y", text="x", encoding="shift_jis")
    assert (read.labels, list(read.sequences)) == (("良",), ["門"])
    with pytest.raises(DataError, match=r"j\.csv is not utf-8 at byte"):
        read_table(path, label="y", text="x")
    with pytest.raises(ConfigError, match="encoding 'klingon' is not known"):
        read_table(path, label="y", text="x", encoding="klingon")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, r"w\.csv is read as a table: name a column of text, columns of values or a column"),
        ({"text": "x", "values": ("t0",)}, "name one only of a column of text, columns of values"),
    ],
)
def test_either_text_or_values(write, asked, message):
    with pytest.raises(ConfigError, match=message):
        read_table(write("w.csv", WIDE), label="y", **asked)


@pytest.mark.parametrize("asked", [{"text": "y"}, {"values": ("t0", "y")}])
def test_label_is_no_data(write, asked):
    with pytest.raises(ConfigError, match="column 'y' is asked for as label and as data"):
        read_table(write("w.csv", WIDE), label="y", **asked)


def test_missing_columns(write):
    path = write("r.csv", "label,text\na,b\n")
    missing = r"r\.csv has no column 'Labels'; did you mean 'label'\?; its columns are 'label', 'te"
    with pytest.raises(DataError, match=missing):
        read_table(path, label="Labels", text="text")
    with pytest.raises(DataError, match=r"has no column 'qqq'; its columns are 'label', 'text'$"):
        read_table(path, label=None, text="qqq")
    with pytest.raises(DataError, match=r"has no column that matches 't\?'; its columns are"):
        read_table(path, label=None, values=("t?",))
    wide = write("w.csv", ",".join(f"t{n}" for n in range(25)) + "\n" + "1," * 24 + "1\n")
    with pytest.raises(DataError, match=r"'t18', 't19' and 5 more$"):
        read_table(wide, label="y", values=("t*",))


def test_columns_of_one_name(write):
    path = write("r.csv", "y,x,x,\na,1,2,3\n")
    with pytest.raises(DataError, match=r"r\.csv has several columns 'x'; give each its own name"):
        read_table(path, label="y", text="x")
    with pytest.raises(DataError, match="has several columns 'x'"):
        read_table(path, label="y", values=("*",))
    assert series(read_table(path, label="y", values=("",))) == [[[3]]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "y,x\na,b\nc,\n"),
        ("r.csv", 'y,x\na,b\nc,""\n'),
        ("r.csv", "y,x\na,b\n,\n"),
        ("r.csv", "x\nb\n\nc\n"),
        ("r.jsonl", '{"x": "b"}\n{}\n'),
        ("r.jsonl", '{"x": "b"}\n{"x": ""}\n'),
        ("r.parquet", parquet(x=["b", None])),
    ],
)
def test_empty_text(write, name, content):
    with pytest.raises(DataError, match=rf"{name}, row 2: column 'x' has no text; write one, or"):
        read_table(write(name, content), label=None, text="x")


def test_text_that_is_none(write):
    with pytest.raises(DataError, match=r"row 2: column 'x' has 5, which is no text; name a col"):
        read_table(write("r.jsonl", '{"x": "b"}\n{"x": 5}\n'), label=None, text="x")
    with pytest.raises(DataError, match=r"row 1: column 'x' has 1\.5, which is no text"):
        read_table(write("r.parquet", parquet(x=[1.5])), label=None, text="x")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "y,x\na,b\n,c\n"),
        ("r.jsonl", '{"x": "b", "y": 1}\n{"x": "c"}\n'),
        ("r.parquet", parquet(x=["b", "c"], y=[1.0, np.nan])),
        ("r.parquet", parquet(x=["b", "c"], y=[True, None])),
    ],
)
def test_missing_label(write, name, content):
    with pytest.raises(DataError, match=rf"{name}, row 2: column 'y' has no label; write one, or"):
        read_table(write(name, content), label="y", text="x")


def test_label_that_is_none(write):
    path = write("r.jsonl", '{"x": "b", "y": [1]}\n')
    with pytest.raises(DataError, match=r"row 1: column 'y' has \[1\], which is no label; labels"):
        read_table(path, label="y", text="x")
    path = write("r.parquet", parquet(x=["b"], y=[[1, 2]]))
    with pytest.raises(DataError, match=r"row 1: column 'y' has \[1, 2\], which is no label; la"):
        read_table(path, label="y", text="x")
    with pytest.raises(DataError, match=r"row 1: column 'y' has \[1, 2\], which is no text"):
        read_table(path, label=None, text="y")


BAD_NUMBERS = [
    ("r.csv", "a,b\n1,2\n3,x4\n", "'x4'"),
    ("r.csv", "a,b\n1,2\n3,NaN\n", "'NaN'"),
    ("r.csv", "a,b\n1,2\n3,-inf\n", "'-inf'"),
    ("r.csv", "a,b\n1,2\n3,1e39\n", "'1e39'"),
    ("r.csv", 'a,b\n1,2\n3,"1,5"\n', "'1,5'"),
    ("r.csv", "a,b\n1 2,2 3\n3,4;?\n", r"'\?'"),
    ("r.csv", f"a,b\n1,2\n3,{'x' * 60}\n", r"'x{39}\.\.\."),
    ("r.jsonl", '{"a": 1, "b": 2}\n{"a": 1, "b": "4"}\n', "'4'"),
    ("r.jsonl", '{"a": 1, "b": 2}\n{"a": 1, "b": true}\n', "True"),
    ("r.jsonl", '{"a": [1], "b": [2]}\n{"a": [1, 2], "b": [1, null]}\n', "nothing"),
    ("r.jsonl", '{"a": 1, "b": 2}\n{"a": 1, "b": NaN}\n', "nan"),
    ("r.jsonl", '{"a": 1, "b": 2}\n{"a": 1, "b": 1' + "0" * 400 + "}\n", "10{39}"),
    ("r.parquet", parquet(a=[1, 2], b=[1.0, np.inf]), "inf"),
    ("r.parquet", parquet(a=[[1], [2, 3]], b=[[1.0], [2.0, None]]), "nothing"),
]


@pytest.mark.parametrize(("name", "content", "value"), BAD_NUMBERS)
def test_what_is_no_finite_number(write, name, content, value):
    message = rf"{name}, row 2: column 'b' has {value}.*, which is no number .*; give finite numb"
    with pytest.raises(DataError, match=message):
        read_table(write(name, content), label=None, values=("a", "b"))


@pytest.mark.parametrize(
    "column", [[True], [[[1.0]]], [{"c": 1}], ["a"]], ids=["boolean", "nested", "struct", "text"]
)
def test_parquet_columns_that_hold_no_numbers(write, column):
    path = write("r.parquet", parquet(b=column))
    with pytest.raises(DataError, match=r"r\.parquet, row 1: column 'b' has .* no number"):
        read_table(path, label=None, values=("b",))


def test_gap_in_a_series(write):
    path = write("r.csv", "t0,t1,t2\n1,2,3\n4,,6\n")
    gap = r"r\.csv, row 2: column 't1' is empty, and a later one is not; only cells at the end"
    with pytest.raises(DataError, match=gap):
        read_table(path, label=None, values=("t*",))


def test_row_without_numbers(write):
    path = write("r.csv", "y,t0,t1\na,1,2\nb,,\n")
    with pytest.raises(DataError, match=r"r\.csv, row 2 has no numbers; leave the row out"):
        read_table(path, label="y", values=("t*",))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "a,b\n1 2,3 4\n5,\n"),
        ("r.jsonl", '{"a": [1, 2], "b": [1, 2]}\n{"a": [1], "b": []}\n'),
        ("r.parquet", parquet(a=[[1, 2], [3]], b=[[1, 2], None])),
        ("r.parquet", parquet(a=[[1, 2], [3]], b=[[1, 2], []])),
    ],
)
def test_channel_without_numbers(write, name, content):
    message = rf"{name}, row 2: column 'b' has no numbers; where a cell holds several"
    with pytest.raises(DataError, match=message):
        read_table(write(name, content), label=None, values=("a", "b"))


def test_channels_of_unequal_length(write):
    path = write("r.csv", "a,b\n1 2,3 4\n5 6,7\n")
    message = r"r\.csv, row 2: the channels are not equally long, 'a' has 2 numbers and 'b' 1; make"
    with pytest.raises(DataError, match=message):
        read_table(path, label=None, values=("a", "b"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.txt", "x\n1\n", r"r\.txt is no table that can be read; name a file that ends in \.csv"),
        ("r.parquet.gz", "x", r"is no table that can be read"),
        ("r.csv", "", r"r\.csv is empty; name a table with rows"),
        ("r.csv.gz", "", r"r\.csv\.gz is empty; name a table with rows"),
        ("r.parquet", "", r"r\.parquet is empty; name a table with rows"),
        ("r.csv", "\n\n", r"r\.csv holds only blank lines; name a table with rows"),
        ("r.jsonl", "\n \n", r"r\.jsonl holds only blank lines; name a table with rows"),
        ("r.csv", "y,x\n", r"r\.csv has column names but no rows; name a table with rows"),
        ("r.csv", "y,x\n\n\n", r"r\.csv has column names but no rows; name a table with rows"),
        ("r.csv", "y,x\n1,2\n\n3\n", r"r\.csv, row 2 has 1 cell where .* has 2; write empty"),
        ("r.csv", "y,x\n1,2\n3,4,5\n", r"r\.csv, row 2 has 3 cells where .* has 2; write empty"),
        ("r.tsv", "y\tx\n1\t2\n3\t4\t5\n", r"row 2 has 3 cells .* holds '\\t' in double quotes"),
        ("r.csv", 'y,x\n1,"2\n3,4\n', r"r\.csv, .*line 3: the double quotes of a cell are wrong"),
        ("r.csv", b"y,x\na,\xff\n", r"r\.csv is not utf-8 at byte 6 \(0xff"),
        ("r.csv", b"PK\x03\x04\0\0", r"r\.csv is a binary file: it has a zero byte at byte 4"),
        ("r.jsonl", '{"x": 1}\n\n{"x": \n', r"r\.jsonl, line 3 is not JSON at character \d+: Exp"),
        ("r.jsonl", "[1, 2]\n", r"r\.jsonl, line 1 is no JSON object; write a row as"),
        ("r.jsonl", "[" * 100_000, r"r\.jsonl, line 1 has lists too deep or numbers too long"),
        ("r.parquet", "y,x\n1,2\n", r"r\.parquet is no Parquet file, or a damaged one \(.*\); wr"),
        ("r.parquet", parquet(x=[1])[:-9], r"r\.parquet is no Parquet file, or a damaged one"),
        ("r.parquet", parquet(x=[]), r"r\.parquet has columns but no rows; name a table with rows"),
    ],
)
def test_broken_files(write, name, content, message):
    with pytest.raises(DataError, match=message) as error:
        read_table(write(name, content), label=None, text="x")
    assert "\n" not in str(error.value)


def test_broken_gzip_file(tmp_path):
    (tmp_path / "r.csv.gz").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"r\.csv\.gz is not a whole gzip file"):
        read_table(tmp_path / "r.csv.gz", label=None, text="x")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_missing_file(tmp_path, name):
    with pytest.raises(DataError, match=rf"cannot read .*{name}: No such file"):
        read_table(tmp_path / name, label=None, text="x")


def test_name_of_a_file_is_no_pattern(write):
    path = write("[1].parquet", parquet(x=["a"]))
    assert list(read_table(path, label=None, text="x").sequences) == ["a"]


def test_without_polars_the_message_says_what_to_install(write):
    path = write("r.csv", "y,x\na,b\n")
    program = (
        "import sys\n"
        "sys.modules['polars'] = None\n"
        "from suimon.data.labelled.table import read_table\n"
        "from suimon.errors import ConfigError\n"
        "try:\n"
        f"    read_table({json.dumps(str(path))}, label='y', text='x')\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout == (
        "reading tables needs polars; install with: pip install 'suimon[tables]'\n"
    )


def test_module_is_imported_without_polars():
    program = "import sys, suimon.data.labelled.table; sys.exit('polars' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
