"""From what a user names to the tokens that the network trains on, and back again later."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suimon.data.text import (
    Corpus,
    Split,
    Units,
    UnitsOptions,
    corpus_of_text,
    load_corpus,
    split_corpus,
    units_from_state,
)
from suimon.errors import CheckpointError, DataError
from suimon.tasks.language_model.config import LanguageModelConfig

PATH_LENGTH = 260  # a longer string is no file name on any common system
UNIT_NAMES = {"chars": "char", "bytes": "byte", "words": "word", "bpe": "sub-word"}


def read_paths(paths: Sequence[str | Path], config: LanguageModelConfig) -> Split:
    """Encode files and split them.

    Args:
        paths: files, folders, globs, or ``-`` for standard input.
        config: the units, the encoding and how to validate.

    Raises:
        DataError: a path or its content cannot be used, or is too short to split.
    """
    corpus = load_corpus(
        list(paths),
        units=units_options(config),
        encoding=config.encoding,
        aozora=config.aozora,
        valid_paths=config.valid_files,
        valid_every=config.valid_every,
    )
    return _split(corpus, config)


def read_text(text: str, config: LanguageModelConfig) -> Split:
    """Encode a string and split it.

    Raises:
        DataError: the text is too short.
    """
    return _split(corpus_of_text(text, units=units_options(config)), config)


def read_path_or_text(path_or_text: str | Path, config: LanguageModelConfig) -> Split:
    """A ``Path`` is a path; a string is one where a file or folder of that name exists.

    Raises:
        DataError: the string is short, without white space, and looks like the name of a file
            that is not there; or what was named cannot be used.
    """
    if isinstance(path_or_text, Path) or _exists(path_or_text):
        return read_paths([path_or_text], config)
    if _looks_like_a_path(path_or_text):
        raise DataError(
            f"{path_or_text!r} is neither an existing file nor much of a text; check the name, or "
            "give the text itself"
        )
    return read_text(path_or_text, config)


def units_options(config: LanguageModelConfig) -> UnitsOptions:
    """The part of the options that decides the units."""
    return UnitsOptions(config.units, config.vocabulary, config.words)


def preprocess_of(units: Units, config: LanguageModelConfig) -> dict[str, Any]:
    """What ``preprocess.json`` holds: all that turns a user's text into tokens."""
    return {
        "units": units.state(),
        "encoding": config.encoding,
        "aozora": config.aozora,
    }


def units_of(preprocess: Mapping[str, Any]) -> Units:
    """The units that ``preprocess.json`` describes.

    Raises:
        CheckpointError: it describes none.
    """
    if "units" not in preprocess:
        raise CheckpointError("preprocess.json describes no units; the run is not a text's")
    return units_from_state(preprocess["units"])


def _split(corpus: Corpus, config: LanguageModelConfig) -> Split:
    """The corpus in two, no more of it kept for validation than is to be measured."""
    split = split_corpus(corpus, config.valid_fraction)
    return Split(split.train, split.valid.head(config.valid_limit))


def _exists(text: str) -> bool:
    """Whether a string names a file or folder; a long text or one with NUL cannot."""
    try:
        return len(text) <= PATH_LENGTH and os.path.lexists(text)
    except ValueError:
        return False


def _looks_like_a_path(text: str) -> bool:
    """Short, one word, and with a separator or a file name's suffix."""
    if not text or len(text) > PATH_LENGTH or any(character.isspace() for character in text):
        return False
    suffix = Path(text).suffix[1:]
    return "/" in text or os.sep in text or (suffix.isalnum() and len(suffix) <= 5)
