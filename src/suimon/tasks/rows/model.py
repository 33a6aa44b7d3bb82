"""The network: rows in, recurrent layers, and what each state says of the rows that follow."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.errors import ConfigError
from suimon.layers import Recurrent
from suimon.tasks.rows.config import RowsConfig
from suimon.tasks.rows.outputs import RowOutput, make_output
from suimon.tasks.stack import build_stack

Choose = Callable[[Tensor], Tensor]
"""From the numbers that describe rows, ``(…, P)``, to rows ``(…, I)``."""


class RowNetwork(nn.Module):
    r"""Says of every row and those after it what they will be, by the rows before.

    ::

        h_t = stack(x_{t-1})                recurrent layers, x_0 = 0, (B, H)
        n_t = W dropout(h_t) + b            (B, F*P), for the rows t, t+1 … t+F-1

    Shapes: T rows, B batch, I pixels of a row times colours, H hidden, P numbers that describe a
    row, F rows ahead.

    Args:
        recurrent: the stack, over rows.
        output: what the numbers mean.
        ahead: F.
        dropout: on the stack's output.

    Example:
        >>> from suimon import layers
        >>> from suimon.tasks.rows.outputs import SquaredError
        >>> network = RowNetwork(layers.LSTM(8, 5), SquaredError(8), ahead=3)
        >>> network(torch.zeros(6, 2, 8)).shape
        torch.Size([6, 2, 3, 8])
        >>> network.completed(torch.zeros(4, 2, 8), 6, network.output.mean).shape
        torch.Size([6, 2, 8])
    """

    def __init__(
        self, recurrent: Recurrent, output: RowOutput, ahead: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.output = output
        self.ahead = ahead
        self.dropout = dropout
        self.head = nn.Linear(recurrent.output_size, ahead * output.numbers)

    def forward(self, rows: Tensor) -> Tensor:
        """What is said of the rows t … t+F-1 by those before t, for each t.

        Args:
            rows: ``(T, B, I)`` in 0 to 1; the last one is not read.

        Returns:
            ``(T, B, F, P)``.
        """
        seen = torch.cat([torch.zeros_like(rows[:1]), rows[:-1]])  # (T, B, I)
        output, _ = self.recurrent(seen)  # (T, B, H)
        return self._said(output)

    def completed(self, rows: Tensor, length: int, choose: Choose, stride: int = 0) -> Tensor:
        """Images completed in a closed loop: what the network gives is what it reads next.

        Args:
            rows: those given, ``(T_0, B, I)``; T_0 may be 0.
            length: T, rows of a whole image.
            choose: makes rows of what is said of them.
            stride: rows taken from each state before they are read; 0: all that are said.

        Returns:
            ``(T, B, I)``, the given rows first.
        """
        read = torch.cat([rows.new_zeros(1, *rows.shape[1:]), rows])
        state = None
        while len(rows) < length:
            output, state = self.recurrent(read, state)
            take = min(stride or self.ahead, length - len(rows))
            chosen = choose(self._said(output[-1:])[0, :, :take])  # (B, take, I)
            read = chosen.transpose(0, 1)
            rows = torch.cat([rows, read])
        return rows

    def _said(self, output: Tensor) -> Tensor:
        numbers = self.head(F.dropout(output, self.dropout, self.training))
        return numbers.unflatten(-1, (self.ahead, self.output.numbers))


def build_network(config: RowsConfig, *, pixels: int) -> RowNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        pixels: I.

    Raises:
        ConfigError: an option is missing or does not fit the cell.
    """
    hidden, depth, ahead = config.hidden, config.layers, config.ahead
    if hidden is None or depth is None or ahead is None:
        raise ConfigError("ahead, hidden or layers is not set; give each a number from 1")
    output = make_output(config.output, pixels, config.components)
    stack = build_stack(config, pixels, hidden, depth)
    return RowNetwork(stack, output, ahead, config.dropout or 0.0)
