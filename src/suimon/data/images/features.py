"""Features of images that another network has made: an .npy file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.errors import DataError

MOST_NUMBERS = 1 << 22
"""Numbers that one image's features may have."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Features(Sequence[Floats]):
    """Features of images, each read when it is asked for.

    Attributes:
        shape: ``(S, M)``, the same for all: S places of an image, M numbers of each.
        values: from a number to ``(S, M)`` float32.
        places: where each stands, for messages, by its number.
        count: how many there are.
    """

    shape: tuple[int, int]
    values: Callable[[int], Floats]
    places: Callable[[int], str]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: Any) -> Any:
        """``(S, M)``.

        Raises:
            DataError: the file cannot be read, has another shape, or numbers that are none.
        """
        if not 0 <= number < self.count:
            raise IndexError(number)
        values = self.values(number)
        if values.shape != self.shape:
            raise DataError(
                f"{self.place(number)} has features of {_sizes(values.shape)}, and the others of "
                f"{_sizes(self.shape)}: make them by the same network"
            )
        if not np.isfinite(values).all():
            raise DataError(
                f"{self.place(number)} holds NaN or infinity: make it again, or leave it out"
            )
        return values

    def take(self, numbers: Iterable[int]) -> Features:
        """Only some of the images, in the order given."""
        chosen = list(numbers)
        return Features(
            self.shape,
            lambda n: self.values(chosen[n]),
            lambda n: self.places(chosen[n]),
            len(chosen),
        )

    def place(self, number: int) -> str:
        """Where features stand: a file's path."""
        return self.places(number)


def features_of_files(paths: Sequence[Path], shape: tuple[int, int] | None = None) -> Features:
    """The features in ``.npy`` files; ``(M,)`` is one place, of more than two dimensions the last
    is M.

    Args:
        paths: a file an image.
        shape: what all must have; ``None``: as the first.

    Raises:
        DataError: the first cannot be read; the others as they are asked for.
    """
    return Features(
        shape or _opened(paths[0]).shape,
        lambda n: np.asarray(_opened(paths[n]), np.float32),
        lambda n: str(paths[n]),
        len(paths),
    )


def features_of_array(
    array: npt.NDArray, place: Callable[[int], str], shape: tuple[int, int] | None = None
) -> Features:
    """The features in an array ``(N, M)`` or ``(N, S, M)``."""
    array = array.reshape(len(array), -1, array.shape[-1])
    own = (array.shape[1], array.shape[2])
    return Features(shape or own, lambda n: np.asarray(array[n], np.float32), place, len(array))


def _opened(path: Path) -> npt.NDArray[Any]:
    """The array in a file as ``(S, M)``, not read yet."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "it is no whole .npy"
        raise DataError(f"cannot read {path}: {reason} file of numbers") from None
    if array.dtype.kind not in "fiu" or not array.ndim or not 0 < array.size <= MOST_NUMBERS:
        raise DataError(
            f"{path} holds {_sizes(array.shape)} of {array.dtype}; give numbers, at most "
            f"{MOST_NUMBERS:,}"
        )
    return array.reshape(-1, array.shape[-1])


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"
