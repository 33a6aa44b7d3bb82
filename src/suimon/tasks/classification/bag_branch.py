"""A branch of the network that sees which words and pairs of words occur, and not their order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

SMOOTHING = 1.0
SPEED = 30.0  # measured on the development split of sst2

_FIRST, _SECOND, _MIXED = 0x9E3779B97F4A7C1, 0xC2B2AE3D27D4EB4, 0x165667B19E3779F
_HIGH_BITS = 29


class BagBranch(nn.Module):
    r"""Logistic regression on which units and pairs of neighbours a sequence has.

    ::

        r_gc   = ln p(g | c) - mean_k ln p(g | k),    p(g | c) ∝ 1 + n_gc
        logits = 30/√n Σ_g u_g r_gc + b_c

    over the distinct units and pairs g of a sequence, with n_gc how many training sequences of
    class c have g, and n how many distinct ones a training sequence has on the mean. What is learnt
    is the trust u_g in what naive Bayes says of g. It begins at 0, and the factor lets it grow some
    thirty times as fast as other weights, which move by about the learning rate a step. Units and
    pairs share ``places`` rows by a hash.

    Shapes: T time, B batch, C classes, M places, V vocabulary.

    Args:
        vocabulary: V.
        classes: C.
        places: M, a power of two.

    Source: S. Wang and C. Manning (2012), Baselines and Bigrams: Simple, Good Sentiment and Topic
        Classification, equations 1 to 3, with logistic regression for the support vector machine.

    Example:
        >>> branch = BagBranch(9, 2, places=64)
        >>> branch.learn([np.array([1, 2]), np.array([1, 3])], np.array([0, 1]))
        >>> branch(torch.tensor([[2, 3]]), torch.tensor([1, 1])).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """

    ratios: Tensor
    factor: Tensor

    def __init__(self, vocabulary: int, classes: int, places: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.trust = nn.Parameter(torch.zeros(places))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.register_buffer("ratios", torch.zeros(places, classes))
        self.register_buffer("factor", torch.ones(()))

    @property
    def places(self) -> int:
        """M."""
        return len(self.trust)

    def learn(self, sequences: Iterable[npt.NDArray], labels: npt.NDArray[np.int64]) -> None:
        """Count in the training sequences, for the ratios r and the factor.

        Args:
            sequences: units ``(T_b,)`` each.
            labels: ``(N,)`` class numbers.
        """
        counts = np.full((self.places, len(self.bias)), SMOOTHING)
        distinct = 0
        for sequence, label in zip(sequences, labels, strict=True):
            tokens = torch.from_numpy(sequence.astype(np.int64))[:, None]  # (T, 1)
            found = self._found(tokens, torch.tensor([len(tokens)])).squeeze(1).numpy()
            present = np.unique(found[found < self.places])
            counts[present, label] += 1
            distinct += len(present)
        shares = np.log(counts / counts.sum(axis=0))
        self.factor.fill_(SPEED / (max(distinct, 1) / max(len(labels), 1)) ** 0.5)
        self.ratios.copy_(torch.from_numpy(shares - shares.mean(axis=1, keepdims=True)))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """``(T, B)`` units and ``(B,)`` lengths to ``(B, C)`` scores."""
        places = self._found(tokens, lengths.to(tokens.device)).sort(dim=0).values  # (2T-1, B)
        counted = places < self.places
        counted[1:] &= places[1:] != places[:-1]  # one that occurs twice counts once
        places = torch.where(counted, places, 0)
        trust = self.trust[places] * counted  # (2T-1, B)
        scores = torch.einsum("tb,tbc->bc", trust, self.ratios[places])
        return self.factor * scores + self.bias

    def _found(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The place of each unit and pair, ``(2T-1, B)``; M behind a row's end."""
        alone = self._place(tokens, torch.full_like(tokens, self.vocabulary))
        pairs = self._place(tokens[:-1], tokens[1:])
        steps = torch.arange(len(tokens), device=tokens.device)[:, None]
        alone = alone.masked_fill(steps >= lengths, self.places)
        pairs = pairs.masked_fill(steps[1:] >= lengths, self.places)
        return torch.cat([alone, pairs])

    def _place(self, first: Tensor, second: Tensor) -> Tensor:
        """A multiplicative hash, the same on every machine."""
        mixed = (first * _FIRST ^ second * _SECOND) * _MIXED
        return (mixed >> _HIGH_BITS) & (self.places - 1)
