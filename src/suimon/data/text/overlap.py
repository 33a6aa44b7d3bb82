"""Whether texts were met before: eight bytes are kept of each, its letters and digits hashed."""

import re
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

_WORDS = re.compile(r"\w+")


def fingerprint(text: str) -> int:
    """A number that texts share which differ in capitals, blanks and marks alone; by chance none.

    Example:
        >>> fingerprint("Well told, well acted.") == fingerprint("well told  well acted")
        True
    """
    words = " ".join(_WORDS.findall(text.casefold()))
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def fingerprints(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """The :func:`fingerprint` of each text that has a letter or digit, ``(N,)``, once, sorted."""
    nothing = fingerprint("")
    return np.unique(np.array([f for f in map(fingerprint, texts) if f != nothing], np.uint64))


def met(texts: Iterable[str], known: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which texts are among those that ``known`` has the fingerprints of, ``(N,)``."""
    return np.isin(np.array([fingerprint(text) for text in texts], np.uint64), known)
