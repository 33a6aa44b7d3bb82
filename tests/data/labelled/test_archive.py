"""The readers of .tsv and .ts: every expectation is written out by hand."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from suimon.data.labelled.archive import read_ts, read_tsv
from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import DataError

HEADER = """#Where the data is from: with a colon, and @data in it.
@problemName Waves
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
"""


@pytest.fixture
def tsv(tmp_path):
    def read(content: str | bytes) -> LabelledSequences:
        return read_tsv(written(tmp_path / "waves.tsv", content))

    return read


@pytest.fixture
def ts(tmp_path):
    def read(content: str | bytes) -> LabelledSequences:
        return read_ts(written(tmp_path / "waves.ts", content))

    return read


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values(read: LabelledSequences) -> list:
    """The numbers as lists, once it is sure that they are float32 in rows of channels."""
    assert read.kind == "series"
    for series in read.sequences:
        assert isinstance(series, np.ndarray)
        assert (series.dtype, series.ndim) == (np.float32, 2)
    return [series.tolist() for series in read.sequences]  # pyright: ignore


def test_tsv_has_a_series_a_line(tsv, tmp_path):
    read = tsv("1\t0.5\t-0.25\t2e1\n-1\t1\t2\t3\n")
    assert values(read) == [[[0.5], [-0.25], [20.0]], [[1.0], [2.0], [3.0]]]
    assert read.labels == ("1", "-1")
    assert (len(read), read.channels) == (2, ())
    assert read.place(1) == f"{tmp_path / 'waves.tsv'}, line 2"


def test_tsv_series_end_at_trailing_gaps(tsv):
    read = tsv("a\t1\t2\t3\na\t1\t2\tNaN\nb\t1\tnan\tNaN\nb\t1\t2\t\nb\t1\t?\t \n")
    assert [len(series) for series in values(read)] == [3, 2, 1, 2, 1]
    assert values(read)[3] == [[1.0], [2.0]]


def test_tsv_lines_end_in_any_way_and_may_be_blank(tsv, tmp_path):
    read = tsv("\ufeff1\t1\t2\r\n\r\n \n2\t3\t4")
    assert values(read) == [[[1.0], [2.0]], [[3.0], [4.0]]]
    assert read.labels == ("1", "2")
    assert read.place(1) == f"{tmp_path / 'waves.tsv'}, line 4"


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("1.0000000e+00", "1"),
        ("-1.0", "-1"),
        ("2.", "2"),
        ("1e1", "10"),
        ("-0.0", "0"),
        ("007", "007"),
        ("1.5", "1.5"),
        ("1e99", "1e99"),
        (" sitting down ", "sitting down"),
        ("水", "水"),
    ],
)
def test_tsv_labels(tsv, written, label):
    assert tsv(f"{written}\t1\t2\n").labels == (label,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"waves\.tsv is empty; name a file with a labelled series a line"),
        ("\n \n", r"waves\.tsv is empty"),
        ("1\t1\n1,2,3\n", r"waves\.tsv, line 2 has no tab: '1,2,3'; write the label"),
        ("1\t1\n\t2\t3\n", r"waves\.tsv, line 2 has no label before its first tab; write one"),
        ("NaN\t2\t3\n", r"line 1 has no label"),
        ("1\t1\t2\n1\t3\t4,5\n", r"waves\.tsv, line 2, column 3: '4,5' is not a number; correct"),
        ("1\t1_000\n", r"line 1, column 2: '1_000' is not a number"),
        ("1\t１\n", r"line 1, column 2: '１' is not a number"),
        ("1\t1\t" + "x" * 99, r"column 3: 'x{40}…' is not a number"),
        ("1\t1\t-inf\n", r"line 1, column 3: -inf is more than float32 can hold \(3\.4e\+38\)"),
        ("1\t1e39\n", r"line 1, column 2: 1e\+39 is more than float32 can hold"),
        ("1\t1\tNaN\t3\n", r"waves\.tsv, line 1, column 3 is missing inside the series; fill it"),
        ("1\t\t3\n", r"line 1, column 2 is missing inside the series"),
        ("1\t1\n2\tNaN\tNaN\n", r"waves\.tsv, line 2 has no values; write some, or leave"),
        (b"1\t1\n\xe9\t2\n", r"waves\.tsv, line 2 is not UTF-8 \(0xe9, .*\); save the file as"),
        ("1\t1\n".encode("utf-16"), r"line 1 is not UTF-8 \(0xff, invalid start byte\)"),
    ],
)
def test_tsv_that_cannot_be_read(tsv, content, message):
    with pytest.raises(DataError, match=message) as caught:
        tsv(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_tsv, read_ts])
def test_no_such_file(read, tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone: No such file or directory"):
        read(tmp_path / "gone")


def test_ts_has_a_case_a_line(ts, tmp_path):
    read = ts(HEADER + "1,2,3:-1,-2,-3:up\n0.5,1E1:7,8: down \n")
    assert values(read) == [
        [[1.0, -1.0], [2.0, -2.0], [3.0, -3.0]],
        [[0.5, 7.0], [10.0, 8.0]],
    ]
    assert read.labels == ("up", "down")
    assert read.place(0) == f"{tmp_path / 'waves.ts'}, line 10"


def test_ts_passes_over_comments_and_blank_lines(ts, tmp_path):
    read = ts(HEADER.replace("\n", "\r\n") + "\r\n1:2:up\r\n# between\r\n3:4:down\r\n")
    assert values(read) == [[[1.0, 2.0]], [[3.0, 4.0]]]
    assert read.place(1) == f"{tmp_path / 'waves.ts'}, line 13"


@pytest.mark.parametrize("header", ["", "@classLabel false\n", "@CLASSLABEL False\n"])
def test_ts_without_labels(ts, header):
    read = ts(f"@univariate true\n{header}@DATA\n1,2,3\n4,5\n")
    assert values(read) == [[[1.0], [2.0], [3.0]], [[4.0], [5.0]]]
    assert read.labels is None


def test_ts_labels_may_hold_spaces_and_quotes(ts):
    read = ts(
        '@classLabel true sitting down "lying flat" 1.0\n@data\n'
        '1:sitting down\n2:"lying flat"\n3:1.0\n'
    )
    assert read.labels == ("sitting down", '"lying flat"', "1.0")


def test_ts_cases_end_where_every_channel_does(ts):
    read = ts(HEADER + "1,2,?:3,4,NaN:up\n1,?:2,?:down\n")
    assert values(read) == [[[1.0, 3.0], [2.0, 4.0]], [[1.0, 2.0]]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"waves\.ts is empty; name a file with @data and a case a line"),
        ("#nothing\n", r"waves\.ts is empty"),
        ("@classLabel true a\n", r"waves\.ts has no @data line; write one before the first case"),
        (HEADER, r"waves\.ts has no case after its @data line; name a file with cases"),
        ("#\n1,2:a\n@data\n", r"waves\.ts, line 2 stands before the @data line: '1,2:a'; a \.ts"),
        ("@timeStamps true\n@data\n(0,1):a", r"line 1 says @timeStamps true; .* resample them"),
        ("@targetLabel true\n@data\n1:2\n", r"line 1 says @targetLabel true: each case has a numb"),
        (
            "@classLabel true\n@data\n1\n",
            r"line 1 reads '@classLabel true'; write @classLabel true",
        ),
        ("@classLabel a b\n@data\n1\n", r"line 1 reads '@classLabel a b'; write @classLabel true"),
        (HEADER + "1:2:left\n", r"line 10: the label 'left' is none of .*, 'up down'; list it"),
        (HEADER + "1:2:\n", r"line 10: the label '' is none of those of @classLabel"),
        (HEADER + "1:2:u\n", r"line 10: the label 'u' is none of those of @classLabel"),
        (HEADER + "1,2\n", r"line 10 has no colon: '1,2'; write the values, a colon and the label"),
        (
            HEADER + "1:2:up\n\n1:2:3:up\n",
            r"waves\.ts, line 12: the number of channels is 3, and that of line 10 is 2; give",
        ),
        (
            HEADER + "1,2:3,4,5:up\n",
            r"waves\.ts, line 10: channel 2 has length 3, and channel 1 2; give all channels of a "
            r"case one length$",
        ),
        ("@data\n1,2:a\n", r"line 2, channel 2, value 1: 'a' is not a number"),
        ("@data\n1,2:1\n", r"line 2: channel 2 has length 1, .* announce labels with @classLabel"),
        (HEADER + "1,2:3,x:up\n", r"waves\.ts, line 10, channel 2, value 2: 'x' is not a number"),
        (
            HEADER + "1,2:?,4:up\n",
            r"line 10, channel 2, value 1 is missing inside the series; fill",
        ),
        (HEADER + "1,2:3,NaN:up\n", r"line 10, channel 2, value 2 is missing inside the series"),
        (HEADER + "1,2:3,inf:up\n", r"line 10, channel 2, value 2: inf is more than float32 can"),
        (HEADER + "?:?:up\n", r"waves\.ts, line 10 has no values; write some"),
        (HEADER.encode() + b"1:2:\xff\n", r"waves\.ts, line 10 is not UTF-8 \(0xff"),
        (b"#\xe9\n" + HEADER.encode(), r"waves\.ts, line 1 is not UTF-8 \(0xe9"),
    ],
)
def test_ts_that_cannot_be_read(ts, content, message):
    with pytest.raises(DataError, match=message) as caught:
        ts(content)
    assert "\n" not in str(caught.value)


def test_real_tsv(data_dir):
    read = read_tsv(data_dir / "series-class/ECG5000/ECG5000_TRAIN.tsv")
    assert Counter(read.labels) == {"1": 292, "2": 177, "3": 10, "4": 19, "5": 2}
    assert {np.shape(series) for series in read.sequences} == {(140, 1)}
    heartbeats = read_tsv(data_dir / "series-class/ECG200/ECG200_TEST.tsv")
    assert (len(heartbeats), set(heartbeats.labels or ())) == (100, {"0", "1"})
    first = np.array([[0.42518938], [1.4185988]], np.float32)
    np.testing.assert_array_equal(np.asarray(heartbeats.sequences[0])[:2], first)


def test_real_ts(data_dir):
    vowels = read_ts(data_dir / "series-class/JapaneseVowels/JapaneseVowels_TRAIN.ts")
    assert Counter(vowels.labels) == {str(speaker): 30 for speaker in range(1, 10)}
    tested = read_ts(data_dir / "series-class/JapaneseVowels/JapaneseVowels_TEST.ts")
    lengths = [len(series) for read in (vowels, tested) for series in read.sequences]
    assert (len(lengths), min(lengths), max(lengths)) == (640, 7, 29)
    first = np.asarray(vowels.sequences[0])
    assert first.shape == (20, 12)
    np.testing.assert_array_equal(first[:2, 0], np.array([1.860936, 1.891651], np.float32))
    np.testing.assert_array_equal(first[:2, 1], np.array([-0.207383, -0.193249], np.float32))
    motions = read_ts(data_dir / "series-class/BasicMotions/BasicMotions_TEST.ts")
    assert Counter(motions.labels) == dict.fromkeys(
        ("Standing", "Running", "Walking", "Badminton"), 10
    )
    assert {np.shape(series) for series in motions.sequences} == {(100, 6)}
