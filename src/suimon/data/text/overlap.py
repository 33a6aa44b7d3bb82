"""Whether texts were met before: eight bytes are kept of each, its letters and digits hashed."""

import re
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

_WORDS = re.compile(r"\w+")


def fingerprint(text: str, *, marks: bool = False) -> int:
    """A number that texts share which differ in capitals, blanks and marks alone; by chance none.

    Args:
        text: what to hash.
        marks: whether marks count as letters do: of sums and dates they are half of the text.

    Example:
        >>> fingerprint("Well told, well acted.") == fingerprint("well told  well acted")
        True
        >>> fingerprint("5-3", marks=True) == fingerprint("5+3", marks=True)
        False
    """
    words = " ".join(text.casefold().split() if marks else _WORDS.findall(text.casefold()))
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def fingerprints(texts: Iterable[str], *, marks: bool = False) -> npt.NDArray[np.uint64]:
    """The :func:`fingerprint` of each text that is not empty, ``(N,)``, once, sorted."""
    nothing = fingerprint("")
    found = (fingerprint(text, marks=marks) for text in texts)
    return np.unique(np.array([f for f in found if f != nothing], np.uint64))


def met(
    texts: Iterable[str], known: npt.NDArray[np.uint64], *, marks: bool = False
) -> npt.NDArray[np.bool_]:
    """Which texts are among those that ``known`` has the fingerprints of, ``(N,)``."""
    return np.isin(np.array([fingerprint(text, marks=marks) for text in texts], np.uint64), known)
