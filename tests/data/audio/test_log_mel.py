import math

import numpy as np
import pytest
import torch

from suimon.data.audio import LogMel, SpectrumOptions
from suimon.data.audio import log_mel as module
from suimon.data.audio.log_mel import FLOOR, hz_to_mel, mel_edges, mel_filters
from suimon.errors import CheckpointError, ConfigError, DataError

SPECTRUM = LogMel(sample_rate=8000, window=200, hop=80, bands=40)

# What the documentation of librosa prints for mel_frequencies(n_mels=40): 0 to 11,025 Hz.
LIBROSA = """
0. 85.317 170.635 255.952 341.269 426.586 511.904 597.221 682.538 767.855 853.173 938.49 1024.856
1119.114 1222.042 1334.436 1457.167 1591.187 1737.532 1897.337 2071.84 2262.393 2470.47 2697.686
2945.799 3216.731 3512.582 3835.643 4188.417 4573.636 4994.285 5453.621 5955.205 6502.92 7101.009
7754.107 8467.272 9246.028 10096.408 11025.
"""


def tone(frequency: float, count: int = 4000) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(count) / 8000).astype(np.float32)


def test_the_scale_is_that_of_librosa():
    assert mel_edges(38, 11025.0).tolist() == pytest.approx(
        list(map(float, LIBROSA.split())), abs=5.1e-4
    )
    assert [hz_to_mel(f) for f in (60, 110, 220, 440)] == pytest.approx([0.9, 1.65, 3.3, 6.6])


def test_triangles_by_hand():
    # 8 points at 800 Hz: frequencies 0, 100, 200, 300, 400; edges of two bands at 133.3 Hz steps.
    expected = [[0, 0.75, 0.5, 0, 0], [0, 0, 0.5, 0.75, 0]]
    torch.testing.assert_close(mel_filters(2, 8, 800), torch.tensor(expected))


def test_power_adds_up_to_the_energy_of_the_windowed_samples():
    """Parseval: the sum over both halves of the spectrum, over K, is the sum of squares."""
    x = np.random.RandomState(0).randn(1000).astype(np.float32)
    power = SPECTRUM.power(x)  # (T, K/2 + 1)
    both = power.sum(dim=1) + power[:, 1:-1].sum(dim=1)
    window = torch.hann_window(200)
    for t in (2, 7, 10):  # whole windows lie around these
        seen = torch.from_numpy(x[t * 80 - 100 : t * 80 + 100]) * window
        expected = seen.square().sum() / window.square().sum()
        torch.testing.assert_close(both[t] / 256, expected)


@pytest.mark.parametrize("frequency", [250.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_the_band_that_holds_it(frequency):
    frames = SPECTRUM.frames(tone(frequency))
    edges = mel_edges(40, 4000.0).numpy()
    tops = edges[1:-1]
    loudest = frames[10:40].mean(axis=0).argmax()
    assert loudest == np.abs(tops - frequency).argmin()


def test_twice_as_loud_is_the_logarithm_of_four_more():
    x = tone(500.0)
    louder, softer = SPECTRUM.frames(x), SPECTRUM.frames(x / 2)
    heard = softer > math.log(FLOOR) + 1
    assert heard.mean() > 0.5
    np.testing.assert_allclose((louder - softer)[heard], math.log(4), atol=1e-3)


def test_silence_is_the_floor():
    frames = SPECTRUM.frames(np.zeros(800, np.float32))
    np.testing.assert_allclose(frames, math.log(FLOOR), rtol=1e-6)


def test_a_frame_stands_for_its_own_time():
    click = np.zeros(8000, np.float32)
    click[4000] = 1  # half a second
    frames = SPECTRUM.frames(click)
    assert len(frames) == 1 + 8000 // 80
    assert frames.mean(axis=1).argmax() * SPECTRUM.seconds_a_frame == pytest.approx(0.5)
    assert SPECTRUM.frames(click[:1]).shape == (1, 40)


def test_a_long_recording_in_parts_is_the_same(monkeypatch):
    x = np.random.RandomState(1).randn(3000).astype(np.float32)
    whole = SPECTRUM.frames(x)
    monkeypatch.setattr(module, "_TOGETHER", 7)
    np.testing.assert_allclose(SPECTRUM.frames(x), whole, rtol=1e-6, atol=1e-6)


def test_milliseconds_become_samples_and_are_kept():
    spectrum = SpectrumOptions().at(16000, "a.wav")
    assert (spectrum.window, spectrum.hop, spectrum.points) == (400, 160, 512)
    assert LogMel.from_state(spectrum.state()) == spectrum
    assert spectrum.at(16000, "b.wav") is spectrum
    with pytest.raises(DataError, match=r"b\.wav has 8,000 samples a second, .* on 16,000"):
        spectrum.at(8000, "b.wav")
    with pytest.raises(CheckpointError, match="does not describe its spectrum"):
        LogMel.from_state({"bands": 3})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SpectrumOptions(window=0.1), r"are 1 and 80 samples of a\.wav: give more"),
        (SpectrumOptions(hop=0.01), r"0 samples of a\.wav: give more"),
        (SpectrumOptions(bands=200), r"bands = 200 is too many for window = 25 milliseconds"),
    ],
)
def test_a_spectrum_that_holds_nothing_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        options.at(8000, "a.wav")
