import numpy as np
import pytest

from suimon.data.audio import SpectrumOptions
from suimon.data.tagged import Segment, read_tagged
from suimon.errors import ConfigError, DataError

HEAD = "file,start,end,label\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write a table beside two recordings of a second each."""
    soundfile = pytest.importorskip("soundfile")
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, np.random.RandomState(0).uniform(-1, 1, 8000), 8000)

    def write(rows: str, head: str = HEAD):
        path = tmp_path / "segments.csv"
        path.write_text(head + rows)
        return path

    return write


def test_frames_have_the_labels_of_their_segments(table):
    path = table("a.wav,0.5,1.0,two\na.wav,0.1,0.5,one\nb.wav,,,\n")
    data = read_tagged([path], audio="file", marked=False, spectrum=SpectrumOptions(bands=8))
    assert data.kind == "audio"
    assert [row.shape for row in data.sequences] == [(101, 8)] * 2
    assert data.tags[0] == ("-",) * 10 + ("one",) * 40 + ("two",) * 50 + ("-",)
    assert set(data.tags[1]) == {"-"}
    assert [each.label for each in data.segments[0]] == ["one", "two"]
    assert data.segments[1] == ()
    assert data.place(1) == "b.wav"
    assert data.take([1]).segments == [()]


def test_other_names_of_columns_and_no_labels(table):
    path = table("a.wav,0,1,x\n", head="sound,from,to,what\n")
    names = {"audio": "sound", "start": "from", "end": "to", "label": "what"}
    assert read_tagged([path], **names).segments[0] == (Segment(0.0, 1.0, "x"),)
    assert read_tagged([path], audio="sound", labelled=False).tags is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.wav,0.5,0.5,x\n", r"row 1: the segment from 0\.5 to 0\.5 s ends before it begins"),
        ("a.wav,0.5,1.1,x\n", r"row 1: .* lies beyond its recording, which lasts 1 s"),
        ("a.wav,-0.5,0.1,x\n", r"row 1: the segment from -0\.5 to 0\.1 s lies beyond"),
        ("a.wav,0.4,1,x\na.wav,0,0.5,y\n", r"row 1: .* from 0\.4 to 1 s lies over that of row 2"),
        ("a.wav,0.4,,x\n", "row 1: column 'end' is empty; fill it, or empty start, end and label"),
        ("a.wav,0.4,0.5,\n", "row 1: column 'label' is empty"),
        ("a.wav,0.4,0.5,-\n", "row 1: the label '-' means no segment"),
        ("a.wav,0.4,soon,x\n", "row 1: column 'end' has 'soon', which is no number"),
        ("c.wav,0.4,0.5,x\n", r"there is no recording .*c\.wav"),
    ],
)
def test_segments_that_cannot_be(table, rows, message):
    with pytest.raises(DataError, match=message):
        read_tagged([table(rows)], audio="file")


def test_a_table_is_read_by_itself(table):
    path = table("a.wav,0,1,x\n")
    with pytest.raises(ConfigError, match="is read by itself: leave out"):
        read_tagged([path, path], audio="file")
