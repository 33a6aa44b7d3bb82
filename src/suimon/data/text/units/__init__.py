"""The kinds of units a text can be cut into, and how to make and restore them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

from suimon.data.text.units.base import Encoded, Ids, Reads, StreamingDecoder, Units
from suimon.data.text.units.splitters import splitter_named
from suimon.errors import CheckpointError, ConfigError

__all__ = [
    "DEFAULT_VOCABULARY",
    "KINDS",
    "Encoded",
    "Ids",
    "Reads",
    "StreamingDecoder",
    "Units",
    "UnitsOptions",
    "cut_version",
    "fit_units",
    "kind_class",
    "units_from_state",
]

KINDS = {
    "chars": ("chars", "CharUnits"),
    "bytes": ("raw_bytes", "ByteUnits"),
    "words": ("words", "WordUnits"),
    "bpe": ("bpe", "BpeUnits"),
}
"""Every kind of units: the value of ``--units``, to the module and class that define it."""

DEFAULT_VOCABULARY: dict[str, int | None] = {
    "chars": None,
    "bytes": None,
    "words": 30_000,
    "bpe": 4_096,
}
"""The vocabulary of a kind when none is asked for; ``None`` for everything the text has."""

_SMALLEST_BPE = 257
_SMALLEST_VOCABULARY = {"chars": 1, "words": 1, "bpe": _SMALLEST_BPE}


@dataclass(frozen=True)
class UnitsOptions:
    """What the user may choose about units.

    Attributes:
        kind: ``chars``, ``bytes``, ``words`` or ``bpe``.
        vocabulary: how many different tokens to keep. For ``chars`` and ``words`` the most
            frequent, and one more token for the rest; for ``bpe`` all tokens, 256 bytes among
            them. ``None``: as :data:`DEFAULT_VOCABULARY` says.
        words: how ``words`` are found, see :data:`.splitters.SPLITTERS`.

    Raises:
        ConfigError: a value that cannot work.
    """

    kind: str = "chars"
    vocabulary: int | None = None
    words: str = "whitespace"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"units {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.vocabulary is None:
            return
        if self.kind == "bytes":
            raise ConfigError(
                f"vocabulary {self.vocabulary} does not apply to units bytes, which are always "
                "256; leave it out, or use --units bpe"
            )
        smallest = _SMALLEST_VOCABULARY[self.kind]
        if self.vocabulary < smallest:
            raise ConfigError(
                f"vocabulary {self.vocabulary} is too small for units {self.kind}: use "
                f"{smallest} or more"
            )

    def fit_arguments(self) -> dict[str, Any]:
        """What the kind's ``fit`` is given beside the text."""
        vocabulary = self.vocabulary or DEFAULT_VOCABULARY[self.kind]
        chosen: dict[str, Any] = {"vocabulary": vocabulary}
        return chosen | {"splitter": self.words} if self.kind == "words" else chosen


def kind_class(kind: str) -> Any:
    """The class of a kind; imported when asked for, since one of them loads a library."""
    module, name = KINDS[kind]
    return getattr(import_module(f"{__name__}.{module}"), name)


def cut_version(kind: str, words: str) -> str:
    """The version of the library that decides where these units cut a text; empty for our own.

    Raises:
        ConfigError: the library is not installed.
    """
    if kind == "bpe":
        return f"tokenizers {version('tokenizers')}"
    return splitter_named(words).version if kind == "words" else ""


def fit_units(options: UnitsOptions, texts: Iterable[str]) -> Units:
    """Units of the kind asked for, with the vocabulary of ``texts``.

    Args:
        options: what the user chose.
        texts: the text in pieces; for ``words`` and ``bpe`` cut between words.

    Example:
        >>> fit_units(UnitsOptions("chars"), ["hello"]).symbols
        ('<unk>', 'e', 'h', 'l', 'o')
    """
    fit: Callable[..., Units] = kind_class(options.kind).fit
    return fit(texts, **options.fit_arguments())


def units_from_state(state: dict[str, Any]) -> Units:
    """The units that ``units.state()`` described.

    Raises:
        CheckpointError: the description is damaged or of a kind that this version does not know.
    """
    kind = state.get("kind")
    if kind not in KINDS:
        raise CheckpointError(
            f"preprocess.json describes units {kind!r}, which are not one of {', '.join(KINDS)}; "
            "was the run made by a newer version?"
        )
    try:
        return kind_class(kind).from_state(state)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"preprocess.json does not describe its units {kind!r} fully ({error}); "
            "the file is damaged"
        ) from None
