import numpy as np
import pytest

from suimon.data.audio import Recording, SpectrumOptions, read_frames
from suimon.data.labelled import read_labelled
from suimon.errors import ConfigError, DataError


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).uniform(-0.5, 0.5, count)


def test_frames_are_computed_once_and_mapped(record, monkeypatch):
    paths = [record(f"{n}.wav", noise(400 * (n + 1), n)) for n in range(3)]
    frames = read_frames(paths, SpectrumOptions())
    assert [len(each) for each in frames] == [6, 11, 16]
    expected = frames.spectrum.frames(frames.recordings[1].waveform())
    np.testing.assert_array_equal(frames[1], expected)
    np.testing.assert_array_equal(frames[-1], frames[1:][1])
    assert isinstance(frames[2].base, np.memmap) or isinstance(frames[2], np.memmap)
    monkeypatch.setattr(Recording, "waveform", None)  # nothing is decoded again
    np.testing.assert_array_equal(read_frames(paths, SpectrumOptions())[1], expected)


def test_what_changed_is_computed_anew(record):
    path = record("a.wav", noise(800))
    before = np.array(read_frames([path], SpectrumOptions())[0])
    assert read_frames([path], SpectrumOptions(bands=20))[0].shape == (11, 20)
    record("a.wav", noise(800, seed=1))
    assert not np.array_equal(before, read_frames([path], SpectrumOptions())[0])


def test_recordings_of_several_rates_are_refused(record):
    paths = [record("a.wav", noise(800)), record("b.wav", noise(800), rate=16000)]
    with pytest.raises(DataError, match=r"b\.wav has 16,000 samples a second, and .*a\.wav 8,000"):
        read_frames(paths, SpectrumOptions())


def test_recordings_of_a_table_stand_beside_it(record, tmp_path):
    for name in ("low/1.wav", "high/2.wav"):
        record(f"sounds/{name}", noise(800))
    table = tmp_path / "sounds" / "all.csv"
    table.write_text("kind,file\nlow,low/1.wav\nhigh,high/2.wav\n")
    data = read_labelled([table], label="kind", audio="file")
    assert (data.kind, data.labels) == ("audio", ("low", "high"))
    assert data.sequences[0].shape == (11, 40)
    assert data.take([1]).spectrum == data.spectrum
    assert data.place(1) == "all.csv, row 2"
    table.write_text("kind,file\nlow,low/1.wav\nhigh,high/3.wav\n")
    with pytest.raises(DataError, match=r"there is no recording .*high/3\.wav"):
        read_labelled([table], label="kind", audio="file")
    with pytest.raises(ConfigError, match="one only of a column of text, columns of values"):
        read_labelled([table], label="kind", audio="file", text="kind")


def test_a_folder_a_class_may_hold_recordings(record, tmp_path):
    for name in ("low/1.wav", "high/2.WAV", "high/1.flac"):
        record(f"sounds/{name}", noise(800), format=name.split(".")[1].upper())
    data = read_labelled([tmp_path / "sounds"], spectrum=SpectrumOptions(bands=8))
    assert data.labels == ("high", "high", "low")
    assert [data.place(n) for n in range(3)] == ["high/1.flac", "high/2.WAV", "low/1.wav"]
    assert data.sequences[2].shape == (11, 8)
    (tmp_path / "sounds" / "low" / "notes.txt").write_text("no sound")
    with pytest.raises(DataError, match=r"low/notes\.txt is no recording file"):
        read_labelled([tmp_path / "sounds"])
