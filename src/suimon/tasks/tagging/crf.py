r"""A linear-chain conditional random field: tags scored together, by what follows what."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearChainCRF(nn.Module):
    r"""The probability of a sequence of tags, given scores of each tag at each step.

    With e_t[j] the score of tag j at step t, A[i, j] that of j behind i, a and b those of the first
    and the last tag::

        s(y)     = a[y_1] + Σ_t e_t[y_t] + Σ_{t>1} A[y_{t-1}, y_t] + b[y_T]
        α_1[j]   = a[j] + e_1[j]
        α_t[j]   = e_t[j] + log Σ_i exp(α_{t-1}[i] + A[i, j])          the forward algorithm
        log Z    = log Σ_j exp(α_T[j] + b[j])
        log p(y) = s(y) - log Z

    Shapes: T time, B batch, C tags.

    Args:
        tags: C.

    Source: J. Lafferty, A. McCallum and F. Pereira (2001), Conditional Random Fields; above
        recurrent layers: Z. Huang, W. Xu and K. Yu (2015), Bidirectional LSTM-CRF Models for
        Sequence Tagging, equations 8 to 10.

    Example:
        >>> field = LinearChainCRF(3)
        >>> field(torch.zeros(4, 1, 3), torch.zeros(4, 1).long(), torch.tensor([4])).exp()
        tensor([81.00...
    """

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.starts = nn.Parameter(torch.zeros(tags))
        self.ends = nn.Parameter(torch.zeros(tags))

    def forward(self, emissions: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """``-log p(targets)`` of each row, ``(B,)`` nats.

        Args:
            emissions: ``(T, B, C)``.
            targets: ``(T, B)``; behind a row's end they may be anything.
            lengths: ``(B,)``, 1 or more.
        """
        return self.log_partition(emissions, lengths) - self.score(emissions, targets, lengths)

    def score(self, emissions: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """s of each row's targets, ``(B,)``."""
        inside = _inside(emissions, lengths)  # (T, B)
        y = targets.where(inside, 0)
        steps = emissions.gather(2, y.unsqueeze(2)).squeeze(2)  # (T, B)
        between = self.transitions[y[:-1], y[1:]] * inside[1:]  # (T - 1, B)
        last = y.gather(0, lengths.to(y.device).unsqueeze(0) - 1).squeeze(0)  # (B,)
        ends = self.starts[y[0]] + self.ends[last]
        return ends + (steps * inside).sum(dim=0) + between.sum(dim=0)

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """log Z of each row, ``(B,)``, by the forward algorithm."""
        inside = _inside(emissions, lengths)
        first, *others = emissions.unbind(0)
        alpha = self.starts + first  # (B, C)
        for e_t, here in zip(others, inside[1:].unbind(0), strict=True):
            reached = torch.logsumexp(alpha.unsqueeze(2) + self.transitions, dim=1) + e_t
            alpha = torch.where(here.unsqueeze(1), reached, alpha)
        return torch.logsumexp(alpha + self.ends, dim=1)

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """p(y_t = j) given all emissions, ``(T, B, C)``: the gradient of log Z by e_t[j]."""
        with torch.enable_grad():
            e = emissions.detach().clone().requires_grad_()
            (shares,) = torch.autograd.grad(self.log_partition(e, lengths).sum(), e)
        return shares


@torch.no_grad()
def viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    r"""The tags of the highest score s, see :class:`LinearChainCRF`.

    ::

        δ_1[j] = a[j] + e_1[j]
        δ_t[j] = e_t[j] + max_i (δ_{t-1}[i] + A[i, j]),    from where: the argument of the maximum

    Args:
        emissions: ``(T, B, C)``.
        lengths: ``(B,)``, 1 or more.
        transitions: A, ``(C, C)``; -inf where a tag may not follow another.
        starts: a, ``(C,)``.
        ends: b, ``(C,)``.

    Returns:
        ``(T, B)`` int64, 0 behind a row's end.

    Source: A. Viterbi (1967), Error Bounds for Convolutional Codes and an Asymptotically Optimum
        Decoding Algorithm.
    """
    inside = _inside(emissions, lengths)
    first, *others = emissions.unbind(0)
    delta = starts + first  # (B, C)
    origins = []
    stay = torch.arange(len(starts), device=emissions.device).expand_as(delta)
    for e_t, here in zip(others, inside[1:].unbind(0), strict=True):
        best, origin = (delta.unsqueeze(2) + transitions).max(dim=1)  # (B, C)
        delta = torch.where(here.unsqueeze(1), best + e_t, delta)
        origins.append(torch.where(here.unsqueeze(1), origin, stay))
    tag = (delta + ends).argmax(dim=1)  # (B,)
    path = [tag]
    for origin in reversed(origins):
        tag = origin.gather(1, tag.unsqueeze(1)).squeeze(1)
        path.append(tag)
    return torch.stack(path[::-1]).where(inside, 0)


def _inside(emissions: Tensor, lengths: Tensor) -> Tensor:
    """``(T, B)`` bool, up to each row's end."""
    steps = torch.arange(len(emissions), device=emissions.device).unsqueeze(1)
    return steps < lengths.to(emissions.device)
