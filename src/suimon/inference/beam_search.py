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


@dataclass
class _Found:
    """The hypotheses of one sentence that have ended."""

    most: int
    ended: list[Hypothesis] = field(default_factory=list)

    def is_over(self, attainable: float) -> bool:
        """Whether none that lives could be better, or enough have ended.

        Args:
            attainable: no score of a hypothesis that lives can be higher.
        """
        best = max((hypothesis.score for hypothesis in self.ended), default=-torch.inf)
        return len(self.ended) >= self.most or best >= attainable


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
    sentences = len(limits)
    trail = _Trail()
    found = [_Found(beam) for _ in limits]
    over = torch.zeros(sentences, dtype=torch.bool)
    totals = torch.zeros(1, sentences, dtype=torch.float64)  # (K', B), of those that live
    tokens = torch.full((sentences,), start, dtype=torch.long)
    for steps in range(1, max(limits, default=0) + 1):
        logits, state, weights = step(tokens, state)
        if weights is not None:
            trail.weights.append(weights.unflatten(0, (-1, sentences)).cpu())
        chances, parents, added = _likeliest(logits, totals, 2 * beam, never)  # (2K, B)
        for slot, sentence in _ended(added == end, chances, over, beam):
            total = float(chances[slot, sentence])
            parent = int(parents[slot, sentence])
            found[sentence].ended.append(
                _hypothesis(trail, sentence, parent, steps, total, length_penalty)
            )
        totals, parents, added = _going_on(added == end, chances, parents, added, beam)
        trail.parents.append(parents)
        trail.tokens.append(added)
        best = totals.amax(dim=0).tolist()
        for sentence, limit in enumerate(limits):
            if over[sentence]:
                continue
            attainable = best[sentence] / _penalty(limit, length_penalty)
            if steps < limit and not found[sentence].is_over(attainable):
                continue
            over[sentence] = True
            if not found[sentence].is_over(attainable):
                found[sentence].ended += _cut(
                    trail, sentence, totals[:, sentence].tolist(), steps, length_penalty
                )
        if over.all():
            break
        rows = (parents * sentences + torch.arange(sentences)).flatten()  # (K*B,)
        state = map_state(lambda t, rows=rows: t.index_select(-2, rows.to(t.device)), state)
        tokens = added.flatten().to(logits.device)
    return [sorted(each.ended, key=lambda h: -h.score)[:beam] for each in found]


def check_beam(beam: int, length_penalty: float) -> None:
    """Refuse options outside their range.

    Raises:
        ConfigError: ``beam`` is below 1, or ``length_penalty`` negative or not a number.
    """
    if beam < 1:
        raise ConfigError(f"beam is {beam}; give 1 (always the likeliest) or more")
    if not 0.0 <= length_penalty < float("inf"):
        raise ConfigError(f"length_penalty is {length_penalty}; give 0 or more")


def _penalty(length: int, power: float) -> float:
    return ((5 + length) / 6) ** power


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


def _ended(is_end: Tensor, chances: Tensor, over: Tensor, beam: int) -> list[tuple[int, int]]:
    """Slot and sentence of the hypotheses among the best K that end here."""
    ended = is_end[:beam] & chances[:beam].isfinite() & ~over
    return [(int(slot), int(sentence)) for slot, sentence in ended.nonzero().tolist()]


def _going_on(
    is_end: Tensor, chances: Tensor, parents: Tensor, added: Tensor, beam: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The K best that do not end, ``(K, B)`` each; where there are fewer their chance is nil."""
    order = is_end.long().sort(dim=0, stable=True).indices[:beam]  # the others keep their order
    chances = chances.masked_fill(is_end, -torch.inf).gather(0, order)
    return chances, parents.gather(0, order), added.gather(0, order)


def _hypothesis(
    trail: _Trail, sentence: int, slot: int, steps: int, total: float, power: float
) -> Hypothesis:
    """One that ends at a step, from the slot that it went on from."""
    tokens, weights = trail.followed(sentence, slot, steps - 1)
    looked = _stacked(weights, trail, sentence)
    return Hypothesis(tokens, total, total / _penalty(steps, power), looked)


def _cut(
    trail: _Trail, sentence: int, totals: list[float], steps: int, power: float
) -> list[Hypothesis]:
    """Those that live at the limit, as they are."""
    found = []
    for slot, total in enumerate(totals):
        if total == -torch.inf:
            continue
        tokens, weights = trail.followed(sentence, slot, steps)
        looked = _stacked(weights, trail, sentence)
        found.append(Hypothesis(tokens, total, total / _penalty(steps, power), looked))
    return found


def _stacked(weights: list[Tensor], trail: _Trail, sentence: int) -> Tensor | None:
    """``(T, S)``, also for a sentence without a token."""
    if not trail.weights:
        return None
    if not weights:
        return trail.weights[0][:0, sentence]
    return torch.stack(weights)
