"""What tags say together: entities by their beginnings and ends, and what may follow what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor

from suimon.errors import ConfigError

Scheme = Literal["plain", "bio", "iobes", "marked"]
"""How tags hang together: not at all; entities as B-x I-x, or as B-x I-x E-x and S-x, outside all
of them O; the segments of recordings, a first half B-x and a second I-x, outside ``-``."""

_ENTITY = re.compile(r"O|[BIES]-.+")


def scheme_of(tags: Iterable[str]) -> Scheme:
    """The scheme of entities that tags are written in, or ``plain``.

    Example:
        >>> scheme_of(["O", "B-PER", "I-PER"]), scheme_of(["NOUN", "O"])
        ('bio', 'plain')
    """
    kinds = set(tags)
    if not all(_ENTITY.fullmatch(tag) for tag in kinds) or kinds <= {"O"}:
        return "plain"
    return "iobes" if any(tag[:2] in ("E-", "S-") for tag in kinds) else "bio"


def may_follow(before: str, after: str, scheme: Scheme) -> bool:
    """Whether one tag may stand behind another; ``""`` is what is before and behind a sequence.

    Example:
        >>> may_follow("O", "I-PER", "bio"), may_follow("B-PER", "I-PER", "bio")
        (False, True)
    """
    if scheme == "plain":
        return True
    (was, kind), (now, other) = _parts(before), _parts(after)
    if scheme == "bio":
        return now != "I" or (was in ("B", "I") and kind == other)
    if scheme == "iobes":
        inside, goes_on = was in ("B", "I"), now in ("I", "E")
        return inside == goes_on and (not inside or kind == other)
    if not after:  # a recording may end anywhere
        return True
    same = kind == other
    return {"B": was != "B" or same, "I": was in ("B", "I") and same, "": was != "B"}[now]


def allowed(tags: Sequence[str], scheme: Scheme) -> tuple[Tensor, Tensor, Tensor]:
    """What may follow what: ``(C, C)`` bool from row to column, what may begin, what may end.

    Args:
        tags: C of them.
        scheme: which they are written in.
    """
    follow = torch.tensor([[may_follow(a, b, scheme) for b in tags] for a in tags])
    begin = torch.tensor([may_follow("", tag, scheme) for tag in tags])
    return follow, begin, torch.tensor([may_follow(tag, "", scheme) for tag in tags])


def kept(sequences: Iterable[Sequence[str]], scheme: Scheme) -> bool:
    """Whether all sequences of tags keep to a scheme."""
    return all(
        may_follow(a, b, scheme)
        for tags in sequences
        for a, b in zip(["", *tags], [*tags, ""], strict=True)
    )


def entity_scores(
    truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Precision, recall and F1 of whole entities, by seqeval.

    Raises:
        ConfigError: seqeval is not installed.
    """
    try:
        metrics: Any = import_module("seqeval.metrics")  # its types say less than it takes
    except ImportError:
        raise ConfigError(
            "the F1 of entities needs seqeval; install with: pip install 'suimon[text]'"
        ) from None
    pair = list(map(list, truth)), list(map(list, found))
    return {
        name: float(getattr(metrics, f"{name}_score")(*pair, zero_division=0))
        for name in ("f1", "precision", "recall")
    }


def _parts(tag: str) -> tuple[str, str]:
    """``B-PER`` as ``("B", "PER")``; what is outside as ``("", "")``."""
    return (tag[0], tag[2:]) if tag[1:2] == "-" and len(tag) > 2 else ("", "")
