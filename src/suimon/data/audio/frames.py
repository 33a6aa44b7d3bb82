"""The frames of many recordings: computed once, kept in the cache, mapped from there."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from suimon.data.audio.log_mel import LogMel, Spectrum
from suimon.data.audio.recording import Recording, open_recording
from suimon.data.cache import Cached, CacheWriter, cache_folder, locked, read_cached
from suimon.errors import DataError


class Frames(Sequence[npt.NDArray[np.float32]]):
    """The frames of each recording, ``(T, I)`` float32, mapped from a file and not in memory.

    Attributes:
        recordings: what they are the frames of.
        spectrum: how they were made.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        spectrum: LogMel,
        values: npt.NDArray[np.float32],
        starts: npt.NDArray[np.int64],
    ) -> None:
        self.recordings = recordings
        self.spectrum = spectrum
        self._values = values.reshape(-1, spectrum.bands)  # (sum of T, I)
        self._starts = (starts // spectrum.bands).tolist()

    def __len__(self) -> int:
        return len(self.recordings)

    @overload
    def __getitem__(self, index: int) -> npt.NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> list[npt.NDArray[np.float32]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> npt.NDArray[np.float32] | list[npt.NDArray[np.float32]]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        n = range(len(self))[index]
        return self._values[self._starts[n] : self._starts[n + 1]]


def read_frames(paths: Sequence[str | Path], spectrum: Spectrum) -> Frames:
    """The frames of recordings, all of one rate.

    They are kept in the cache under what the files hold, so that a second run finds them made, and
    memory stays flat however many there are.

    Args:
        paths: the files, one or more.
        spectrum: how frames are made; its sample rate is that of the first recording, where it
            does not say one.

    Raises:
        ConfigError: soundfile is not installed, or the spectrum does not fit the rate.
        DataError: a file cannot be read, or has another rate; the cache cannot be written.
    """
    recordings = [open_recording(path) for path in paths]
    first = recordings[0]
    used = spectrum.at(first.sample_rate, str(first.path))
    for other in recordings:
        if other.sample_rate != first.sample_rate:
            raise DataError(
                f"{other.path} has {other.sample_rate:,} samples a second, and {first.path} "
                f"{first.sample_rate:,}: convert them to one rate"
            )
    path = cache_folder() / f"frames-{_key(recordings, used)}.cache"
    with locked(path):
        found = read_cached(path) or _made(path, recordings, used)
    return Frames(recordings, used, found.values, found.starts)


def _made(path: Path, recordings: Sequence[Recording], spectrum: LogMel) -> Cached:
    starts = [0]
    with CacheWriter(path, np.dtype(np.float32)) as writer:
        for recording in recordings:
            writer.append(spectrum.frames(recording.waveform()).ravel())
            starts.append(writer.count)
        writer.finish(starts, {})
    found = read_cached(path)
    if found is None:
        raise DataError(f"{path} changed while it was written: run the command again")
    return found


def _key(recordings: Sequence[Recording], spectrum: LogMel) -> str:
    """A name that changes with what the files hold and with how frames are made."""
    digest = hashlib.sha256(json.dumps(spectrum.state()).encode())
    for recording in recordings:
        try:
            with recording.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot read {recording.path}: {error.strerror}") from None
    return digest.hexdigest()[:32]
