import struct
import sys

import numpy as np
import pytest

from suimon.data.audio import open_recording
from suimon.data.audio import recording as module
from suimon.errors import ConfigError, DataError

RAMP = np.linspace(-0.5, 0.5, 400)


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff"])
def test_samples_come_back_to_the_bits_of_the_file(record, ending):
    recording = open_recording(record(f"ramp.{ending}", RAMP))
    assert (recording.sample_rate, recording.samples, recording.seconds) == (8000, 400, 0.05)
    np.testing.assert_allclose(recording.waveform(), RAMP, atol=1 / 32768)


def test_of_several_channels_the_mean_is_read(record):
    stereo = np.stack([RAMP, np.zeros(400)], axis=1)
    path = record("stereo.wav", stereo, subtype="FLOAT")
    np.testing.assert_allclose(open_recording(path).waveform(), RAMP / 2, rtol=1e-6, atol=1e-8)


def wav(claimed: int, data: bytes, rate: int = 8000) -> bytes:
    """A WAV of 16 bits whose header claims so many bytes of samples."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = b"fmt " + form + b"data" + struct.pack("<I", claimed)
    return b"RIFF" + struct.pack("<I", 4 + len(head) + claimed) + b"WAVE" + head + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"sound\.wav is no recording that can be read, or a damaged one"),
        (b"RIFF no sound at all", r"sound\.wav is no recording that can be read"),
        (wav(0, b""), r"sound\.wav is empty: its header claims no samples; leave it out"),
        (wav(4, b"\0\0\0\0", rate=1), r"claims 1 samples a second; those from 1,000 to 400,000"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, content, message):
    path = tmp_path / "sound.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_recording(path)


def test_a_file_is_bounded_by_its_header_before_it_is_decoded(record, monkeypatch):
    path = record("long.wav", RAMP)
    monkeypatch.setattr(module, "MOST_SAMPLES", 399)
    with pytest.raises(DataError, match=r"claims 400 samples of 1 channels, and at most 399 are"):
        open_recording(path)


def test_a_recording_shorter_than_its_header_claims_is_refused(record):
    noise = np.random.RandomState(0).uniform(-1, 1, 30_000)
    path = record("cut.flac", noise)
    path.write_bytes(path.read_bytes()[:20_000])
    recording = open_recording(path)
    assert recording.samples == 30_000
    with pytest.raises(DataError, match=r"cut\.flac (is cut short|is no recording)"):
        recording.waveform()


def test_samples_that_are_no_numbers_are_refused(record):
    samples = RAMP.copy()
    samples[7] = np.nan
    recording = open_recording(record("nan.wav", samples, subtype="FLOAT"))
    with pytest.raises(DataError, match=r"nan\.wav: sample 8 is not finite"):
        recording.waveform()


def test_a_name_that_is_wrong(tmp_path):
    with pytest.raises(DataError, match=r"there is no recording .*none\.wav: check the name"):
        open_recording(tmp_path / "none.wav")


def test_without_soundfile_the_extra_is_named(record, monkeypatch):
    path = record("ramp.wav", RAMP)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ConfigError, match=r"pip install 'suimon\[audio\]'"):
        open_recording(path)


@pytest.mark.parametrize("claimed", [400, 0x7FFE_FFFF])
def test_a_wav_that_is_cut_short_is_refused(tmp_path, claimed):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav(claimed, b"\1\0" * 100))
    message = (
        rf"cut\.wav is cut short: its header claims {claimed:,} bytes of samples, and it holds"
    )
    with pytest.raises(DataError, match=message + " 200; record or copy it anew"):
        open_recording(path)


def test_a_wav_of_unknown_length_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "stream.wav"
    path.write_bytes(wav(0xFFFF_FFFF - 100, b"\1\0" * 100))  # 4 GiB, as programs write to a pipe
    recording = open_recording(path)
    assert recording.samples == 100
    np.testing.assert_allclose(recording.waveform(), np.full(100, 1 / 32768))
