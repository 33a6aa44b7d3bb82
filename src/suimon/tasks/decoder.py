"""A recurrent decoder: the units of a sentence one after another, from a state to begin with."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from suimon.errors import ShapeError
from suimon.layers import Recurrent
from suimon.layers.attention import Attention, Memory
from suimon.layers.ownership import state_widths
from suimon.layers.regularisation import dropped


class DecoderState(NamedTuple):
    """What a decoder carries from one unit to the next.

    Attributes:
        recurrent: the stack's state, each field ``(L, B, S)``.
        fed: ``(B, A)``, the features of the step before, with input feeding; else ``None``.
    """

    recurrent: Any
    fed: Tensor | None


class Decoded(NamedTuple):
    """What a decoder makes of a whole sentence.

    Attributes:
        features: ``(T, B, A)``; the head makes scores of them.
        weights: ``(T, B, S)`` of the attention; ``None`` where there is none.
        state: after each row's last valid step.
    """

    features: Tensor
    weights: Tensor | None
    state: DecoderState


class InitialState(nn.Module):
    r"""A decoder's first state from a vector: a summary of a sentence, the features of an image.

    ::

        s_0 = tanh(W v + b)        for each field of each layer's state, (B, S)

    Shapes: B batch, W width of the vector, L layers, S width of a field of the state.

    Args:
        width: W.
        recurrent: the stack that the state is for.

    Source: D. Bahdanau, K. Cho and Y. Bengio (2015), Neural Machine Translation by Jointly Learning
        to Align and Translate, appendix A.2.2; here for every layer and field, with a bias.

    Example:
        >>> from suimon.layers import GRU
        >>> InitialState(3, GRU(4, 5, num_layers=2))(torch.zeros(6, 3))[0].shape
        torch.Size([2, 6, 5])
    """

    def __init__(self, width: int, recurrent: Recurrent) -> None:
        super().__init__()
        self.num_layers = recurrent.num_layers
        widths = state_widths(recurrent.places[0].cell)
        self.fields = nn.ModuleList(
            nn.Linear(width, recurrent.num_layers * size) for size in widths.values()
        )

    def forward(self, vector: Tensor) -> tuple[Tensor, ...]:
        """Each field of the state, ``(L, B, S)``, from ``(B, W)``."""
        values = (field(vector).tanh() for field in self.fields)  # (B, L*S)
        return tuple(
            value.unflatten(1, (self.num_layers, -1)).transpose(0, 1).contiguous()
            for value in values
        )


class Decoder(nn.Module):
    r"""What is said next at every step, from what was said and what attention looks at.

    ::

        e_t         = dropout(E[y_{t-1}])             embedding, (B, E); y_0 is the start
        h_t         = stack([e_t, a_{t-1}], h_{t-1})  recurrent layers, (B, P); a only with feeding
        c_t, alpha_t = attention(h_t, memory)         (B, M), (B, S), where there is attention
        a_t         = tanh(W_a [h_t, c_t] + b_a)      features, (B, A)
        logits      = W_o dropout(a_t) + b_o          (B, V); W_o is E where weights are tied

    Without input feeding no step hangs on the attention of an earlier one, so that under teacher
    forcing the stack runs over the whole sentence at once, and so does the attention.

    Shapes: B batch, T steps, E embedding, P width of the stack's output, S positions of the memory,
    M their width, A features, V vocabulary.

    Args:
        embedding: from V units to vectors of E.
        recurrent: the stack; its input is E wide, or E + A with input feeding.
        features: A; E where weights are tied.
        attention: with queries of width P; ``None``: all must pass through the first state.
        input_feeding: let each step read the features of the one before, so that it knows where
            attention has been.
        input_dropout: on the embedding's output.
        output_dropout: on the features, before the head.
        tie_weights: the head's matrix is the embedding's, one parameter.

    Source: M.-T. Luong, H. Pham and C. Manning (2015), Effective Approaches to Attention-based
        Neural Machine Translation, equations 5 and 6 (with a bias), input feeding section 3.3;
        scheduled sampling: S. Bengio and others (2015), Scheduled Sampling for Sequence Prediction
        with Recurrent Neural Networks, section 2.4.

    Example:
        >>> from suimon.layers import GRU
        >>> decoder = Decoder(nn.Embedding(9, 4), GRU(4, 5), features=5)
        >>> first = decoder.begin((torch.zeros(1, 2, 5),))
        >>> decoder(torch.zeros(7, 2, dtype=torch.long), first).features.shape
        torch.Size([7, 2, 5])
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        recurrent: Recurrent,
        *,
        features: int,
        attention: Attention | None = None,
        input_feeding: bool = False,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
        tie_weights: bool = False,
    ) -> None:
        super().__init__()
        if tie_weights and features != embedding.embedding_dim:
            raise ShapeError(
                f"features is {features} and the embedding is {embedding.embedding_dim} wide; "
                "where weights are tied both must be the same"
            )
        self.input_feeding = input_feeding
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding = embedding
        self.recurrent = recurrent
        self.attention = attention
        seen = attention.memory_size if attention is not None else 0
        self.combine = nn.Linear(recurrent.output_size + seen, features)
        self.head = nn.Linear(features, embedding.num_embeddings)
        if tie_weights:
            self.head.weight = self.embedding.weight

    def begin(self, recurrent: Any) -> DecoderState:
        """The state before the first step.

        Args:
            recurrent: the stack's, a tuple of fields ``(L, B, S)``.
        """
        fed = None
        if self.input_feeding:
            like = recurrent[0]
            fed = like.new_zeros(like.shape[1], self.combine.out_features)
        return DecoderState(recurrent, fed)

    def forward(
        self,
        tokens: Tensor,
        state: DecoderState,
        memory: Memory | None = None,
        *,
        lengths: Tensor | None = None,
        teacher_forcing_ratio: float = 1.0,
    ) -> Decoded:
        """Read whole sentences, each step given the true unit before it.

        Args:
            tokens: ``(T, B)`` int64: the start, then the sentence without its last unit.
            state: before the first step.
            memory: what attention looks at.
            lengths: ``(B,)`` valid steps of each row; ``None``: all T.
            teacher_forcing_ratio: chance that a step is given the true unit before it; else it is
                given the one that the decoder held likeliest, and no gradient flows through that
                choice.
        """
        if teacher_forcing_ratio < 1.0 or self.input_feeding:
            return self._step_by_step(tokens, state, memory, lengths, teacher_forcing_ratio)
        output, recurrent = self.recurrent(
            self._embedded(tokens), state.recurrent, lengths=lengths
        )  # (T, B, P)
        features, weights = self._features(output, memory)
        return Decoded(features, weights, DecoderState(recurrent, None))

    def step(
        self, tokens: Tensor, state: DecoderState, memory: Memory | None = None
    ) -> tuple[Tensor, DecoderState, Tensor | None]:
        """Read one unit a row, as beam search does.

        Args:
            tokens: ``(N,)`` int64; N is B, or K*B for K hypotheses of each row of the memory, in
                which case row ``k*B + b`` looks at row b.
            state: of N rows.
            memory: what attention looks at, of B rows.

        Returns:
            ``(N, V)`` logits, the state, and the weights ``(N, S)``.
        """
        features, weights, state = self._step(self._embedded(tokens), state, memory, None)
        return self.scores(features), state, weights

    def scores(self, features: Tensor) -> Tensor:
        """``(…, V)`` logits of features ``(…, A)``."""
        if self.training and self.output_dropout:
            features = dropped(features, self.output_dropout)
        return self.head(features)

    def _step_by_step(
        self,
        tokens: Tensor,
        state: DecoderState,
        memory: Memory | None,
        lengths: Tensor | None,
        ratio: float,
    ) -> Decoded:
        features: list[Tensor] = []
        weights: list[Tensor] = []
        for t, given in enumerate(tokens.unbind(0)):
            if features and ratio < 1.0:
                said = self.scores(features[-1].detach()).argmax(dim=-1)
                given = torch.where(
                    torch.rand(given.shape, device=given.device) < ratio, given, said
                )
            inside = None if lengths is None else (lengths > t).long()
            found, looked, state = self._step(self._embedded(given), state, memory, inside)
            features.append(found)
            weights += [] if looked is None else [looked]
        return Decoded(torch.stack(features), torch.stack(weights) if weights else None, state)

    def _step(
        self, embedded: Tensor, state: DecoderState, memory: Memory | None, inside: Tensor | None
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Features and weights ``(N, …)`` of a step, and the state; ``inside`` is 1 or 0 a row."""
        if state.fed is not None:
            embedded = torch.cat([embedded, state.fed.to(embedded.dtype)], dim=-1)
        output, recurrent = self.recurrent(embedded.unsqueeze(0), state.recurrent, lengths=inside)
        rows = output.shape[1] if memory is None else memory.values.shape[1]
        features, weights = self._features(output.view(-1, rows, output.shape[-1]), memory)
        features = features.flatten(0, 1)  # (N, A)
        weights = None if weights is None else weights.flatten(0, 1)
        return features, weights, DecoderState(recurrent, features if self.input_feeding else None)

    def _embedded(self, tokens: Tensor) -> Tensor:
        embedded = self.embedding(tokens)
        if self.training and self.input_dropout:
            embedded = dropped(embedded, self.input_dropout)
        return embedded

    def _features(self, output: Tensor, memory: Memory | None) -> tuple[Tensor, Tensor | None]:
        if self.attention is None or memory is None:
            return self.combine(output).tanh(), None
        context, weights = self.attention(output, memory)
        return self.combine(torch.cat([output, context], dim=-1)).tanh(), weights
