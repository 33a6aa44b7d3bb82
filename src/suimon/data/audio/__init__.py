"""Recordings as sequences of log-mel spectra, computed once and mapped from the cache."""

from suimon.data.audio.frames import Frames, read_frames
from suimon.data.audio.log_mel import LogMel, Spectrum, SpectrumOptions
from suimon.data.audio.recording import ENDINGS, Recording, is_recording, open_recording

__all__ = [
    "ENDINGS",
    "Frames",
    "LogMel",
    "Recording",
    "Spectrum",
    "SpectrumOptions",
    "is_recording",
    "open_recording",
    "read_frames",
]
