"""Evaluation batches: every token of a text guessed exactly once."""

from collections.abc import Iterator

import numpy as np
import torch

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.data.text.streams import time_major
from suimon.data.text.units.base import Ids
from suimon.errors import ConfigError, DataError


def evaluation_windows(
    tokens: Ids, batch_size: int, tbptt_steps: int, *, context: int = 0
) -> Iterator[SequenceBatch]:
    """Windows in which each token but the first is a target exactly once.

    The ``N - 1`` targets are cut into ``B`` contiguous rows whose sizes differ by at most one, and
    the rows are read side by side, ``tbptt_steps`` steps a window, with carried state: ``restart``
    is set for every row in the first window and never again. A row that begins in the middle of
    the text has not seen what came before, which makes its first guesses worse than those of a
    model that reads the text in one go; with ``context`` it first reads so many of the tokens
    before it, and the guesses there are not counted. ``batch_size=1`` reads in one go, and needs
    no context. The sum of losses depends on ``batch_size`` and ``context``, not on
    ``tbptt_steps``, but for rounding.

    The last windows have ``lengths``; in every window the steps that do not count hold
    :data:`~suimon.data.batch.IGNORED_TARGET` in ``targets``: the loss is the sum over the other
    steps, and their number over all windows is ``N - 1``.

    Args:
        tokens: ``(N,)`` token ids, of any integer type; may be mapped from a file.
        batch_size: rows ``B``; a text with fewer targets has a row for each of them.
        tbptt_steps: steps of a window; the last window may have fewer.
        context: tokens that a row reads before its first target that counts.

    Raises:
        ConfigError: a size is out of range.
        DataError: fewer than two tokens, so that there is no target.
    """
    if batch_size < 1 or tbptt_steps < 1 or context < 0:
        raise ConfigError(
            f"batch_size {batch_size} and tbptt_steps {tbptt_steps} must be 1 or more, and "
            f"context {context} 0 or more"
        )
    if len(tokens) < 2:
        raise DataError(
            f"a text of {len(tokens)} token has nothing to predict; give at least two tokens"
        )
    return _windows(np.asarray(tokens), batch_size, tbptt_steps, context)


def _windows(tokens: Ids, batch_size: int, steps: int, context: int) -> Iterator[SequenceBatch]:
    targets = len(tokens) - 1
    rows = min(batch_size, targets)
    counted_from = np.arange(rows) * (targets // rows) + np.minimum(
        np.arange(rows), targets % rows
    )  # (B,) the input before each row's first target that counts
    stops = np.append(counted_from[1:], targets)
    starts = np.maximum(counted_from - context, 0)
    longest = int((stops - starts).max())
    for first in range(0, longest, steps):
        window = min(steps, longest - first)
        places = starts[:, None] + np.arange(first, first + window)  # (B, T)
        valid = places < stops[:, None]
        read = np.minimum(places, targets - 1)
        inputs = np.where(valid, tokens[read], 0)
        counts = valid & (places >= counted_from[:, None])
        wanted = np.where(counts, tokens[read + 1].astype(np.int64), IGNORED_TARGET)
        lengths = valid.sum(axis=1)
        yield SequenceBatch(
            inputs=time_major(inputs),
            targets=time_major(wanted),
            lengths=None if valid.all() else torch.from_numpy(lengths),
            restart=torch.ones(rows, dtype=torch.bool) if first == 0 else None,
        )
