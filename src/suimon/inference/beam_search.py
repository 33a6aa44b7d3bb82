"""Beam search: the likeliest sentence that a network could write, looked for among a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from suimon.errors import ConfigError
from suimon.inference.session import map_state

Step = Callable[[Tensor, Any], tuple[Tensor, Any, Tensor | None]]
"""``step(tokens (N,), state) -> (logits (N, V), state, weights (N, S) or None)``.

N is K*B for K hypotheses of each of B sentences, row ``k*B + b`` being hypothesis k of sentence b,
so that what belongs to a sentence need not be repeated. The state is a tensor, ``None``, or tuples
of these; its rows are each tensor's second-last dimension."""


@dataclass(frozen=True)
class Hypothesis:
    """A sentence that may be written.

    Attributes:
        tokens: without start and end.
        log_probability: of these tokens and the end, in nats; where the limit cut it, of what is.
        score: what it was chosen by, see :func:`beam_search`.
        weights: ``(T, S)``, those of the step function for each token; ``None`` where it has none.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float
    weights: Tensor | None


@dataclass
class _Trail:
    """What was chosen at each step, to be followed back.

    Attributes:
        parents: ``(K, B)`` each: the slot that a hypothesis goes on from.
        tokens: ``(K, B)`` each: what it adds.
        weights: ``(K', B, S)`` each, of the slots that the step went on from.
    """

    parents: list[Tensor] = field(default_factory=list)
    tokens: list[Tensor] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)

    def followed(
        self, sentence: int, slot: int, steps: int
    ) -> tuple[tuple[int, ...], list[Tensor]]:
        """The tokens and weights that led to a slot after so many steps."""
        tokens: list[int] = []
        weights: list[Tensor] = []
        for t in reversed(range(steps)):
            tokens.append(int(self.tokens[t][slot, sentence]))
            slot = int(self.parents[t][slot, sentence])
            weights += [self.weights[t][slot, sentence]] if self.weights else []
        return tuple(reversed(tokens)), weights[::-1]


def beam_search(
    step: Step,
    state: Any,
    limits: Sequence[int],
    *,
    start: int,
    end: int,
    beam: int = 1,
    length_penalty: float = 0.0,
    never: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    r"""The best sentences that a search along ``beam`` hypotheses at once finds.

    ::

        score(Y) = log p(Y) / ((5 + |Y|) / 6)^length_penalty        |Y| counts the end too

    At each step every hypothesis is lengthened by every token, and the ``beam`` likeliest are kept.
    One that ends is set aside. A sentence is finished once ``beam`` of its hypotheses have ended,
    once none that lives could still score higher, or at its limit, where those that live count as
    they are. With a beam of 1 the likeliest token is taken each time.

    Shapes: B sentences, K beam, N = K*B rows, V vocabulary, S positions of attention.

    Args:
        step: what the network says of the next token, see :data:`Step`.
        state: before the first token, of B rows.
        limits: B numbers, the most tokens of each sentence, its end counted, at least 1.
        start: the token that is read first.
        end: the token that ends a sentence.
        beam: K.
        length_penalty: 0: the likeliest; the higher, the longer are preferred.
        never: tokens that are not written.

    Returns:
        For each sentence its hypotheses, at most K and at least one, the best first.

    Raises:
        ConfigError: ``beam`` or ``length_penalty`` is out of range.

    Source: Y. Wu and others (2016), Google's Neural Machine Translation System, equation 14 (the
        length penalty; no coverage penalty).

    Example:
        >>> logits = torch.tensor([[0.0, 1.0, 2.0]])  # token 2 is the likeliest at each step
        >>> step = lambda tokens, state: (logits, None, None)
        >>> beam_search(step, None, [3], start=0, end=1)[0][0].tokens
        (2, 2, 2)
    """
    check_beam(beam, length_penalty)
    search = _Search(limits, end, beam, length_penalty, never)
    tokens = torch.full((len(limits),), start, dtype=torch.long)
    while not search.over.all():
        logits, state, weights = step(tokens, state)
        rows, tokens = search.advance(logits, weights)
        state = map_state(lambda t, rows=rows: t.index_select(-2, rows.to(t.device)), state)
        tokens = tokens.to(logits.device)
    return [sorted(ended, key=lambda h: -h.score)[:beam] for ended in search.ended]


def check_beam(beam: int, length_penalty: float) -> None:
    """Refuse options outside their range.

    Raises:
        ConfigError: ``beam`` is below 1, or ``length_penalty`` negative or not a number.
    """
    if beam < 1:
        raise ConfigError(f"beam is {beam}; give 1 (always the likeliest) or more")
    if not 0.0 <= length_penalty < float("inf"):
        raise ConfigError(f"length_penalty is {length_penalty}; give 0 or more")


class _Search:
    """The hypotheses of B sentences, lengthened together.

    Attributes:
        over: ``(B,)`` bool, sentences that are finished.
        ended: of each sentence the hypotheses that have ended.
    """

    def __init__(
        self, limits: Sequence[int], end: int, beam: int, power: float, never: Sequence[int]
    ) -> None:
        self._limits = limits
        self._end = end
        self._beam = beam
        self._power = power
        self._never = never
        self._steps = 0
        self._trail = _Trail()
        self._totals = torch.zeros(1, len(limits), dtype=torch.float64)  # (K', B), of the living
        self.over = torch.zeros(len(limits), dtype=torch.bool)
        self.ended: list[list[Hypothesis]] = [[] for _ in limits]

    def advance(self, logits: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        """Lengthen every hypothesis by a token.

        Args:
            logits: ``(K'*B, V)``, of those that live.
            weights: ``(K'*B, S)``.

        Returns:
            For each hypothesis that lives now the row it goes on from, and its token; ``(K*B,)``.
        """
        self._steps += 1
        sentences = len(self._limits)
        if weights is not None:
            self._trail.weights.append(weights.unflatten(0, (-1, sentences)).cpu())
        chances, parents, added = _likeliest(logits, self._totals, 2 * self._beam, self._never)
        is_end = added == self._end  # (2K, B)
        self._set_aside(is_end, chances, parents)
        order = is_end.long().sort(dim=0, stable=True).indices[: self._beam]
        self._totals = chances.masked_fill(is_end, -torch.inf).gather(0, order)
        parents, added = parents.gather(0, order), added.gather(0, order)
        self._trail.parents.append(parents)
        self._trail.tokens.append(added)
        self._finish()
        return (parents * sentences + torch.arange(sentences)).flatten(), added.flatten()

    def _set_aside(self, is_end: Tensor, chances: Tensor, parents: Tensor) -> None:
        """Keep those among the K best that end here."""
        best = slice(self._beam)
        ended = is_end[best] & chances[best].isfinite() & ~self.over
        for slot, sentence in ended.nonzero().tolist():
            parent, total = int(parents[slot, sentence]), float(chances[slot, sentence])
            self._keep(sentence, parent, self._steps - 1, total)

    def _finish(self) -> None:
        """See which sentences are finished, as :func:`beam_search` says."""
        for sentence, best in enumerate(self._totals.amax(dim=0).tolist()):
            if self.over[sentence]:
                continue
            limit, ended = self._limits[sentence], self.ended[sentence]
            attainable = best / self._penalty(limit)
            enough = len(ended) >= self._beam or any(h.score >= attainable for h in ended)
            if not enough and self._steps == limit:
                for slot, total in enumerate(self._totals[:, sentence].tolist()):
                    if total > -torch.inf:
                        self._keep(sentence, slot, self._steps, total)
            self.over[sentence] = enough or self._steps == limit

    def _keep(self, sentence: int, slot: int, steps: int, total: float) -> None:
        """Set aside what led to a slot in so many steps."""
        tokens, weights = self._trail.followed(sentence, slot, steps)
        looked = None
        if self._trail.weights:
            looked = torch.stack(weights) if weights else self._trail.weights[0][:0, sentence]
        score = total / self._penalty(self._steps)
        self.ended[sentence].append(Hypothesis(tokens, total, score, looked))

    def _penalty(self, length: int) -> float:
        return ((5 + length) / 6) ** self._power


def _likeliest(
    logits: Tensor, totals: Tensor, most: int, never: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest ways to go on, best first: their log-probability, parent slot and token.

    Args:
        logits: ``(K'*B, V)``.
        totals: ``(K', B)``, what the slots have so far.
        most: how many to give at most.
        never: tokens left out.

    Returns:
        Three of ``(most or fewer, B)``.
    """
    shares = logits.float().log_softmax(dim=-1)
    if never:
        shares[:, list(never)] = -torch.inf
    few = shares.topk(min(most, shares.shape[-1]), dim=-1)
    slots, sentences = totals.shape
    # (K'*B, n) to (B, K'*n)
    values = few.values.cpu().double().unflatten(0, (slots, sentences)) + totals.unsqueeze(-1)
    values = values.transpose(0, 1).flatten(1)
    added = few.indices.cpu().unflatten(0, (slots, sentences)).transpose(0, 1).flatten(1)
    chances, order = values.sort(dim=-1, descending=True, stable=True)
    order = order[:, :most]
    parents = order // few.values.shape[-1]
    return chances[:, :most].t(), parents.t(), added.gather(1, order).t()
