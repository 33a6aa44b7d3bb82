"""Recordings in files: what the header claims, checked before anything is decoded; the samples."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from suimon.errors import ConfigError, DataError

ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64")
"""How the names of files end that are read as recordings."""

MOST_SAMPLES = 1 << 26
"""Samples that are decoded of one file, all channels together: over an hour at 16 kHz."""

UNKNOWN = 0x7FFF_0000
"""Bytes of samples from which on a header claims nothing: so write programs that do not know yet
how long a recording will be. It is read as far as the file goes."""

_CLAIMED = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
"""What libsndfile's account of a file says of one that holds other than its header claims."""

SLOWEST, FASTEST = 1_000, 400_000  # samples a second


@dataclass(frozen=True)
class Recording:
    """A file of sound as its header describes it.

    Attributes:
        path: the file.
        sample_rate: samples a second.
        samples: of each channel.
    """

    path: Path
    sample_rate: int
    samples: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / self.sample_rate

    def waveform(self) -> npt.NDArray[np.float32]:
        """The samples ``(N,)``, -1 to 1 where the file holds integers; the mean of all channels.

        Raises:
            DataError: the file is damaged, shorter than its header claims, or holds a sample that
                is not finite.
        """
        package = soundfile()
        try:
            with package.SoundFile(self.path) as file:
                samples = file.read(self.samples, dtype="float32", always_2d=True)
        except (package.SoundFileError, OSError) as error:
            raise _unreadable(self.path, error) from None
        if len(samples) != self.samples:
            raise DataError(
                f"{self.path} is cut short: its header claims {self.samples:,} samples, and "
                f"{len(samples):,} can be read; record or copy it anew"
            )
        waveform = samples.mean(axis=1, dtype=np.float32)  # (N,)
        if not np.isfinite(waveform).all():
            first = int(np.flatnonzero(~np.isfinite(waveform))[0])
            raise DataError(f"{self.path}: sample {first + 1:,} is not finite; write it anew")
        return waveform


def open_recording(path: str | Path) -> Recording:
    """What a file's header says; nothing is decoded.

    Raises:
        ConfigError: soundfile is not installed.
        DataError: there is no such file, it is none of sound, empty, cut short, or longer than
            :data:`MOST_SAMPLES`.
    """
    path = Path(path)
    package = soundfile()
    if not path.is_file():
        raise DataError(f"there is no recording {path}: check the name")
    try:
        # Raw samples without a header are told by their ending, and would be asked for a rate.
        with package.SoundFile(path) as file:
            samples, channels, rate = file.frames, file.channels, file.samplerate
            short = _CLAIMED.search(file.extra_info)
    except (package.SoundFileError, OSError, TypeError) as error:
        raise _unreadable(path, error) from None
    if short and int(short[1]) < UNKNOWN:
        raise DataError(
            f"{path} is cut short: its header claims {int(short[1]):,} bytes of samples, and it "
            f"holds {int(short[2]):,}; record or copy it anew"
        )
    if samples < 1:
        raise DataError(f"{path} is empty: its header claims no samples; leave it out")
    if samples * channels > MOST_SAMPLES:
        raise DataError(
            f"{path} claims {samples:,} samples of {channels} channels, and at most "
            f"{MOST_SAMPLES:,} are read: cut it into shorter recordings"
        )
    if not SLOWEST <= rate <= FASTEST:
        raise DataError(
            f"{path} claims {rate:,} samples a second; those from {SLOWEST:,} to {FASTEST:,} are "
            "read: correct its header"
        )
    return Recording(path, rate, samples)


def is_recording(path: str | Path) -> bool:
    """Whether a file's name ends like that of a recording."""
    return str(path).lower().endswith(ENDINGS)


def soundfile() -> ModuleType:
    """The package that decodes recordings; imported only once one is read.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import soundfile
    except (ImportError, OSError):  # the latter where its own library is missing
        raise ConfigError(
            "reading recordings needs soundfile; install with: pip install 'suimon[audio]'"
        ) from None
    return soundfile


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).replace(str(path), "it").split())
    return DataError(f"{path} is no recording that can be read, or a damaged one ({reason})")
