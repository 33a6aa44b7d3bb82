"""Attention: at each step of a decoder a weighted mean of what an encoder remembers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from suimon.cells.validation import check_size
from suimon.errors import ShapeError

_HELD_AT_ONCE = 2**24
"""Numbers ``(T, S, B, A)`` of additive scores that are kept for backward; past it steps are taken
in parts, which backward computes again."""


class Memory(NamedTuple):
    """What attention looks at, made once for all steps of the decoder.

    Attributes:
        values: ``(S, B, M)``, what is averaged.
        keys: ``(S, B, A)``, what queries are compared with.
        padding: ``(S, B)`` bool, True at positions that are not there; ``None``: all are there.
    """

    values: Tensor
    keys: Tensor
    padding: Tensor | None


class Attended(NamedTuple):
    """What attention gives.

    Attributes:
        context: ``(T, B, M)``.
        weights: ``(T, B, S)``, 0 at padding; those of a step sum to 1, where there is a position.
    """

    context: Tensor
    weights: Tensor


class Attention(nn.Module, ABC):
    """What all attention shares: weights from scores, and the mean by these weights.

    ::

        k_s      = W_k m_s                                keys, (B, A), once a sequence
        e_ts     = score(q_t, k_s)                        (B,)
        alpha_ts = exp(e_ts) / sum over s' of exp(e_ts')  positions of padding left out
        c_t      = sum over s of alpha_ts m_s             context, (B, M)

    All steps are taken at once, for no step's weights hang on another's.

    Shapes: T steps of the decoder, S positions of the memory, B batch, Q width of a query, M of a
    value, A of a key.
    """

    keys: nn.Linear

    def remember(self, values: Tensor, lengths: Tensor | None = None) -> Memory:
        """Make the keys.

        Args:
            values: ``(S, B, M)``, such as an encoder's outputs or the positions of an image.
            lengths: ``(B,)`` int64, the valid positions of each row; ``None``: all S.
        """
        padding = None
        if lengths is not None and bool((lengths < values.shape[0]).any()):
            positions = torch.arange(values.shape[0], device=values.device)
            padding = positions.unsqueeze(1) >= lengths.to(values.device)  # (S, B)
        return Memory(values, self.keys(values), padding)

    def forward(self, query: Tensor, memory: Memory) -> Attended:
        """Look at the memory from each step.

        Args:
            query: ``(T, B, Q)``.
            memory: what :meth:`remember` gave.

        Raises:
            ShapeError: the query has another batch or width.
        """
        expected = (memory.values.shape[1], self.query_size)
        if query.dim() != 3 or tuple(query.shape[1:]) != expected:
            raise ShapeError(
                f"query has shape {tuple(query.shape)}; it must be (T, {expected[0]}, "
                f"{expected[1]})"
            )
        scores = self.scores(query, memory.keys)  # (B, T, S)
        # In bf16 weights would keep three digits.
        dtype = torch.promote_types(scores.dtype, torch.float32)
        if memory.padding is None:
            weights = scores.softmax(dim=-1, dtype=dtype)
        else:
            outside = memory.padding.t().unsqueeze(1)  # (B, 1, S)
            # Not -inf, which would make NaN of a row without any position.
            least = torch.finfo(scores.dtype).min
            weights = scores.masked_fill(outside, least).softmax(dim=-1, dtype=dtype)
            weights = weights.masked_fill(outside, 0.0)
        context = weights @ memory.values.transpose(0, 1)  # (B, T, M)
        return Attended(context.transpose(0, 1), weights.transpose(0, 1))

    @property
    def memory_size(self) -> int:
        """M."""
        return self.keys.in_features

    @property
    @abstractmethod
    def query_size(self) -> int:
        """Q."""

    @abstractmethod
    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """How well each step's query fits each position's key.

        Args:
            query: ``(T, B, Q)``.
            keys: ``(S, B, A)``.

        Returns:
            ``(B, T, S)``.
        """


class AdditiveAttention(Attention):
    """Attention whose scores come from a small network.

    ::

        k_s  = W_k m_s
        e_ts = v · tanh(W_q q_t + k_s)

    Shapes: as for :class:`Attention`.

    Args:
        query_size: Q.
        memory_size: M.
        size: A, units of the small network.

    Source: D. Bahdanau, K. Cho and Y. Bengio (2015), Neural Machine Translation by Jointly Learning
        to Align and Translate, appendix A.1.2 (there the query is the state before the step; which
        it is, is the caller's choice); without biases, as there.

    Example:
        >>> attention = AdditiveAttention(4, 6, 5)
        >>> memory = attention.remember(torch.zeros(7, 2, 6), torch.tensor([7, 3]))
        >>> context, weights = attention(torch.zeros(3, 2, 4), memory)
        >>> context.shape, weights[0, 1].tolist()[:4]
        (torch.Size([3, 2, 6]), [0.333..., 0.333..., 0.333..., 0.0])
    """

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(check_size("query_size", query_size), size, bias=False)
        self.keys = nn.Linear(check_size("memory_size", memory_size), size, bias=False)
        self.score = nn.Parameter(torch.empty(check_size("size", size)))
        nn.init.uniform_(self.score, -1 / math.sqrt(size), 1 / math.sqrt(size))

    @property
    def query_size(self) -> int:
        """Q."""
        return self.query.in_features

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """See :meth:`Attention.scores`."""
        queries = self.query(query)  # (T, B, A)
        steps = max(1, _HELD_AT_ONCE // max(1, keys.numel()))
        if steps >= len(queries):
            return _additive(queries, keys, self.score)
        parts = [
            checkpoint(_additive, part, keys, self.score, use_reentrant=False)
            for part in queries.split(steps)
        ]
        return torch.cat(parts, dim=1)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _additive(queries: Tensor, keys: Tensor, score: Tensor) -> Tensor:
    """``(B, T, S)`` from ``(T, B, A)`` and ``(S, B, A)``."""
    inner = (queries.unsqueeze(1) + keys).tanh()  # (T, S, B, A)
    return (inner @ score).permute(2, 0, 1)


class MultiplicativeAttention(Attention):
    r"""Attention whose scores are products.

    ::

        k_s  = W_k m_s
        e_ts = q_t · k_s                  scaled: q_t · k_s / sqrt(Q)

    A product grows with the width: of 256 numbers, which a step of Adam moves all at once, it soon
    is so large that all weight falls on one position, and no gradient says that another would be
    better. Where positions are many, and what to look for must be learnt together with the
    positions' values, scale.

    Shapes: as for :class:`Attention`; A is Q.

    Args:
        query_size: Q.
        memory_size: M.
        scaled: divide the products by the root of their width.

    Source: M.-T. Luong, H. Pham and C. Manning (2015), Effective Approaches to Attention-based
        Neural Machine Translation, equation 8, "general"; scaled: A. Vaswani and others (2017),
        Attention Is All You Need, equation 1.

    Example:
        >>> attention = MultiplicativeAttention(4, 6)
        >>> memory = attention.remember(torch.zeros(7, 2, 6))
        >>> attention(torch.zeros(3, 2, 4), memory).weights.shape
        torch.Size([3, 2, 7])
    """

    def __init__(self, query_size: int, memory_size: int, *, scaled: bool = False) -> None:
        super().__init__()
        query_size = check_size("query_size", query_size)
        self.scaled = scaled
        self.keys = nn.Linear(check_size("memory_size", memory_size), query_size, bias=False)

    @property
    def query_size(self) -> int:
        """Q."""
        return self.keys.out_features

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """See :meth:`Attention.scores`."""
        query = query / math.sqrt(self.query_size) if self.scaled else query
        return query.transpose(0, 1) @ keys.permute(1, 2, 0)
