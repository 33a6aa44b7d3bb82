"""The log-mel spectrogram: how loud a recording is in each of some bands, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.errors import CheckpointError, ConfigError, DataError

FLOOR = 1e-8
"""The power below which all is silence: about what rounding to 16 bits leaves in a band."""

_TOGETHER = 4096  # frames that are transformed at once: memory is flat however long a recording

# Slaney's scale: 3 mel for 200 Hz up to 1,000 Hz, from there 27 mel for a factor of 6.4.
_LINEAR, _CORNER, _FACTOR, _STEPS = 200 / 3, 1000.0, 6.4, 27


class Spectrum(Protocol):
    """How recordings become frames."""

    def at(self, sample_rate: int, name: str) -> LogMel:
        """The spectrum of recordings of a rate, which ``name`` is said to have in messages."""
        ...


@dataclass(frozen=True)
class SpectrumOptions:
    """A log-mel spectrum before the sample rate is known.

    Attributes:
        bands: I, how many there are.
        window: what is seen of the recording at once, in milliseconds.
        hop: from one frame to the next, in milliseconds.
    """

    bands: int = 40
    window: float = 25.0
    hop: float = 10.0

    def at(self, sample_rate: int, name: str) -> LogMel:
        """The same in samples.

        Raises:
            ConfigError: a window has fewer than two samples, or a band none of its frequencies.
        """
        window, hop = (round(ms * sample_rate / 1000) for ms in (self.window, self.hop))
        if window < 2 or hop < 1:
            raise ConfigError(
                f"window = {self.window:g} and hop = {self.hop:g} milliseconds are {window} and "
                f"{hop} samples of {name}: give more"
            )
        spectrum = LogMel(sample_rate, window, hop, self.bands)
        empty = (spectrum.filters().sum(dim=1) == 0).sum().item()
        if empty:
            raise ConfigError(
                f"bands = {self.bands} is too many for window = {self.window:g} milliseconds at "
                f"{sample_rate:,} samples a second: {empty} would hold no frequency; give fewer "
                "bands, or a longer window"
            )
        return spectrum


@dataclass(frozen=True)
class LogMel:
    r"""The logarithm of the power in mel bands.

    With x the samples, 0 outside the recording, w the Hann window of W samples, R the hop and K the
    power of two from W on::

        X_t[k] = Σ_n w[n] x[t R + n - W/2] e^(-2πi k n / K)     k = 0 … K/2
        P_t[k] = |X_t[k]|² / Σ_n w[n]²
        S_t[m] = Σ_k F[m, k] P_t[k]                             F: triangles, see mel_filters
        y_t[m] = log max(S_t[m], FLOOR)

    Frame t so stands for the time t R, and there are 1 + N div R of them.

    Shapes: N samples, T frames, I bands, K points of the transform.

    Attributes:
        sample_rate: samples a second.
        window: W, samples.
        hop: R, samples.
        bands: I.

    Source: S. Davis and P. Mermelstein (1980), Comparison of Parametric Representations for
        Monosyllabic Word Recognition; the scale of M. Slaney (1998), Auditory Toolbox. The
        triangles here have height 1, not area 1: their logarithms differ by a constant.

    Example:
        >>> spectrum = LogMel(sample_rate=8000, window=200, hop=80, bands=40)
        >>> spectrum.frames(np.zeros(800, np.float32)).shape
        (11, 40)
    """

    sample_rate: int
    window: int
    hop: int
    bands: int

    def at(self, sample_rate: int, name: str) -> LogMel:
        """This, if the rate is that of what was learnt from.

        Raises:
            DataError: it is another.
        """
        if sample_rate != self.sample_rate:
            raise DataError(
                f"{name} has {sample_rate:,} samples a second, and the network was trained on "
                f"{self.sample_rate:,}: convert it to that rate"
            )
        return self

    @property
    def points(self) -> int:
        """K."""
        return 1 << (self.window - 1).bit_length()

    @property
    def seconds_a_frame(self) -> float:
        """The time from one frame to the next."""
        return self.hop / self.sample_rate

    def frames(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(T, I)``: the frames of samples ``(N,)``."""
        filters = self.filters().T  # (K/2 + 1, I)
        parts = [power @ filters for power in self._powers(waveform)]
        return torch.cat(parts).clamp_min(FLOOR).log().numpy()

    def power(self, waveform: npt.NDArray[np.float32]) -> Tensor:
        """P, ``(T, K/2 + 1)``."""
        return torch.cat(list(self._powers(waveform)))

    def filters(self) -> Tensor:
        """F, ``(I, K/2 + 1)``; see :func:`mel_filters`."""
        return mel_filters(self.bands, self.points, self.sample_rate)

    def state(self) -> dict[str, int]:
        """What ``preprocess.json`` holds."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            return cls(**state)
        except TypeError as error:
            raise CheckpointError(
                f"preprocess.json does not describe its spectrum ({error})"
            ) from None

    def _powers(self, waveform: npt.NDArray[np.float32]) -> list[Tensor]:
        """P of some frames after the others."""
        before = self.window // 2
        behind = self.window  # more than the last frame needs
        x = torch.from_numpy(np.pad(waveform, (before, behind)))
        frames = x.unfold(0, self.window, self.hop)[: 1 + len(waveform) // self.hop]  # (T, W)
        window = torch.hann_window(self.window)
        energy = window.square().sum()
        return [
            torch.fft.rfft(part * window, n=self.points).abs().square() / energy
            for part in frames.split(_TOGETHER)
        ]


@cache
def mel_filters(bands: int, points: int, sample_rate: int) -> Tensor:
    """Triangles over frequencies, whose edges are equally far apart in mel; ``(I, K/2 + 1)``.

    Band m rises from edge m to 1 at edge m + 1 and falls to 0 at edge m + 2; the first edge is at
    0 Hz and the last at half the sample rate.
    """
    edges = mel_edges(bands, sample_rate / 2)
    frequencies = torch.arange(points // 2 + 1, dtype=torch.float64) * sample_rate / points
    low, top, high = (edges[n : n + bands, None] for n in range(3))  # (I, 1)
    rise, fall = (frequencies - low) / (top - low), (high - frequencies) / (high - top)
    return torch.minimum(rise, fall).clamp_min(0).float()


def mel_edges(bands: int, highest: float) -> Tensor:
    """Frequencies in Hz, ``(bands + 2,)`` float64, equally far apart in mel from 0 on.

    Example:
        >>> mel_edges(2, 800.0).tolist()
        [0.0, 266.66..., 533.33..., 800.0]
    """
    mels = torch.linspace(0, hz_to_mel(highest), bands + 2, dtype=torch.float64)
    corner = _CORNER / _LINEAR
    above = _CORNER * _FACTOR ** ((mels - corner) / _STEPS)
    return torch.where(mels < corner, mels * _LINEAR, above)


def hz_to_mel(frequency: float) -> float:
    """A frequency on Slaney's scale.

    Example:
        >>> hz_to_mel(200.0), hz_to_mel(6400.0)
        (3.0, 42.0)
    """
    if frequency < _CORNER:
        return frequency / _LINEAR
    return _CORNER / _LINEAR + _STEPS * math.log(frequency / _CORNER) / math.log(_FACTOR)
