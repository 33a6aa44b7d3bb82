"""What a kind of units is: the tokens a text is cut into, and the way back."""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = npt.NDArray[Any]
"""Token ids ``(N,)`` of an unsigned integer type."""

Reads = Literal["characters", "words", "bytes"]
"""The pieces that units are fed: strings cut anywhere, strings cut between words, or bytes."""

UNKNOWN = "<unk>"
"""How the token for everything outside the vocabulary is written where one must show it."""


class Encoded(NamedTuple):
    """A piece of text as tokens.

    Attributes:
        ids: ``(N,)``, of the units' dtype.
        lengths: ``(N,)`` uint32, the characters of the text that each token covers; ``None`` where
            :attr:`Units.characters_by_id` tells.
    """

    ids: Ids
    lengths: npt.NDArray[np.uint32] | None = None


class StreamingDecoder(Protocol):
    """Turns tokens into text one at a time; the pieces joined are the text of them all."""

    def push(self, token: int) -> str:
        """What can be shown now; an empty string while a character is incomplete."""
        ...

    def finish(self) -> str:
        """What was held back, with U+FFFD for a character that never became complete."""
        ...


class Units(Protocol):
    """A vocabulary: text to token ids and back. Never changes once made.

    Attributes:
        kind: the name in :data:`suimon.data.text.units.KINDS`.
        reads: the pieces that :meth:`encode_piece` takes.
        size: how many ids there are, ``V``.
        symbols: ``(V,)``, each token as it is shown to people.
        unknown_id: the token of what is outside the vocabulary; ``None`` where nothing can be.
            A model that writes must not choose it.
        dtype: the smallest unsigned type that holds every id.
        characters_by_id: ``(V,)``, how many characters each token stands for; ``None`` where that
            differs from place to place and :class:`Encoded` has it.
    """

    kind: ClassVar[str]
    reads: ClassVar[Reads]
    size: int
    symbols: tuple[str, ...]
    unknown_id: int | None
    dtype: np.dtype
    characters_by_id: npt.NDArray[np.uint32] | None

    def encode(self, text: str) -> Ids:
        """All of ``text`` as ids ``(N,)``; what is not in the vocabulary becomes the unknown."""
        ...

    def encode_piece(self, piece: Any) -> Encoded:
        """One piece of a longer text, as :attr:`reads` says."""
        ...

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """The text of ``ids``."""
        ...

    def streaming_decoder(self, after: Iterable[int] = ()) -> StreamingDecoder:
        """A decoder for tokens that follow the tokens ``after``."""
        ...

    def unknown(self, text: str) -> dict[str, int]:
        """What of ``text`` is outside the vocabulary, in order of appearance, with counts."""
        ...

    def state(self) -> dict[str, Any]:
        """All of it, JSON-able: :func:`suimon.data.text.units.units_from_state` gives it back."""
        ...


def id_dtype(size: int) -> np.dtype:
    """The smallest unsigned type for ``size`` ids.

    Example:
        >>> id_dtype(256).name, id_dtype(257).name
        ('uint8', 'uint16')
    """
    return np.min_scalar_type(size - 1)


def as_ids(ids: Iterable[int] | Ids) -> Ids:
    """Any iterable of integers as an array."""
    return ids if isinstance(ids, np.ndarray) else np.fromiter(ids, np.int64)


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code point of each character, ``(len(text),)``."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
