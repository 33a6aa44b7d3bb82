"""The one thing that every data source yields and every task's objective reads."""

from dataclasses import dataclass

from torch import Tensor

IGNORED_TARGET = -100
"""What ``targets`` hold where nothing is to be predicted; torch's losses ignore it by default."""


@dataclass(frozen=True)
class SequenceBatch:
    """Sequences side by side, time-major.

    Attributes:
        inputs: token ids ``(T, B)`` int64, or features ``(T, B, I)``.
        targets: what the model should say: ``(T, B)`` for a token a step, ``(B,)`` for a label a
            sequence; ``None`` when predicting. Steps that do not count, padding included, hold
            :data:`IGNORED_TARGET`; padded steps of token inputs hold 0.
        lengths: ``(B,)`` int64 valid steps of each row; ``None``: all T.
        restart: ``(B,)`` bool, rows whose carried state must start anew before the first step;
            ``None``: none.
    """

    inputs: Tensor
    targets: Tensor | None = None
    lengths: Tensor | None = None
    restart: Tensor | None = None
