"""The network: an encoder that reads the source, and a decoder that writes the target."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suimon.data.batch import IGNORED_TARGET
from suimon.errors import ConfigError
from suimon.layers import Recurrent
from suimon.layers.attention import (
    AdditiveAttention,
    Attention,
    Memory,
    MultiplicativeAttention,
)
from suimon.layers.ownership import state_widths
from suimon.layers.regularisation import dropped
from suimon.tasks.decoder import Decoder, DecoderState, InitialState
from suimon.tasks.stack import build_stack
from suimon.tasks.translation.config import TranslationConfig

RARE_DEVIATION = 0.1
"""Of the first vectors of words and sub-words: drawn wider, rare ones are learnt by what was drawn.
Characters are not rare, and learn sooner drawn as torch does."""

ATTENTION_UNITS = 128
"""Of the small network of additive attention, at most: its time grows with them, for each pair of
steps, and scores need no more."""

ACROSS_STEPS = ("recurrent_dropout", "weight_dropout")
"""Options whose masks hold for a whole sentence, which training step by step cannot have."""


class TranslationNetwork(nn.Module):
    r"""A source becomes a target, unit by unit.

    ::

        m_s    = dropout(stack(dropout(E_x[x_s])))    encoder, (B, D*P)
        v      = all of the encoder's last state: of each layer, direction and field
        s_0    = tanh(W v + b)                the decoder's first state
        logits = decoder(y_0 … y_{t-1}; s_0, m)

    The decoder's equations are those of :class:`~suimon.tasks.decoder.Decoder`. Padding is never
    seen: a pair is judged the same alone and among longer ones.

    Shapes: B batch, S steps of the source, T of the target, D directions, P width of one
    direction's output, V units of the target and one more for start and end.

    Args:
        embedding: of the source's units.
        encoder: the stack that reads.
        decoder: what writes.
        input_dropout: on the embedding of the source.
        output_dropout: on the encoder's output, where attention looks at it.

    Source: I. Sutskever, O. Vinyals and Q. Le (2014), Sequence to Sequence Learning with Neural
        Networks; with attention: D. Bahdanau, K. Cho and Y. Bengio (2015), Neural Machine
        Translation by Jointly Learning to Align and Translate.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        encoder: Recurrent,
        decoder: Decoder,
        *,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.encoder = encoder
        fields = state_widths(encoder.places[0].cell)
        width = len(encoder.places) * sum(fields.values())
        self.first = InitialState(width, decoder.recurrent)
        self.decoder = decoder

    @property
    def boundary(self) -> int:
        """The unit that is start and end."""
        return self.decoder.embedding.num_embeddings - 1

    def read(self, sources: Tensor, lengths: Tensor) -> tuple[DecoderState, Memory | None]:
        """The decoder's first state, and what attention looks at.

        Args:
            sources: ``(S, B)`` int64.
            lengths: ``(B,)``.
        """
        embedded = self.embedding(sources)  # (S, B, E)
        if self.training and self.input_dropout:
            embedded = dropped(embedded, self.input_dropout)
        output, state = self.encoder(embedded, lengths=lengths)
        last = [field.transpose(0, 1).flatten(1) for field in state]  # (B, L*D*S) each
        begun = self.decoder.begin(self.first(torch.cat(last, dim=-1)))
        if self.decoder.attention is None:
            return begun, None
        if self.training and self.output_dropout:
            output = dropped(output, self.output_dropout)
        return begun, self.decoder.attention.remember(output, lengths)

    def forward(
        self,
        sources: Tensor,
        lengths: Tensor,
        targets: Tensor,
        teacher_forcing_ratio: float = 1.0,
    ) -> Tensor:
        """Scores of every unit of the targets, ``(N, V)``: N units, time first, without padding.

        Args:
            sources: ``(S, B)`` int64.
            lengths: ``(B,)`` of the sources.
            targets: ``(T, B)`` int64, ends included, :data:`IGNORED_TARGET` behind them.
            teacher_forcing_ratio: see :class:`~suimon.tasks.decoder.Decoder`.
        """
        state, memory = self.read(sources, lengths)
        inside = targets != IGNORED_TARGET  # (T, B)
        start = torch.full_like(targets[:1], self.boundary)
        before = torch.cat([start, targets[:-1].clamp(min=0)])
        done = self.decoder(
            before,
            state,
            memory,
            lengths=inside.sum(dim=0),
            teacher_forcing_ratio=teacher_forcing_ratio,
        )
        rows = inside.flatten().nonzero().squeeze(1)
        return self.decoder.scores(done.features.flatten(0, 1).index_select(0, rows))


def build_network(
    config: TranslationConfig, *, source_units: int, target_units: int
) -> TranslationNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        source_units: distinct units of sources.
        target_units: of targets, start and end not among them.

    Raises:
        ConfigError: an option is missing or does not fit the cell or another option.
    """
    hidden, depth, width = config.hidden, config.layers, config.embedding
    if hidden is None or depth is None or width is None:
        raise ConfigError("embedding, hidden or layers is not set; give each a number from 1")
    if config.input_feeding or config.teacher_forcing_ratio < 1.0:
        for name in ACROSS_STEPS:
            if getattr(config, name):
                raise ConfigError(
                    f"{name} is {getattr(config, name):g}, which needs whole sentences, and with "
                    "input_feeding or a teacher_forcing_ratio below 1 training goes step by step: "
                    "leave one out"
                )
    encoder = build_stack(config, width, hidden, depth, bidirectional=config.bidirectional)
    features = width if config.tie_weights else hidden
    fed = features if config.input_feeding else 0
    stack = build_stack(config, width + fed, hidden, depth)
    decoder = Decoder(
        _embedding(target_units + 1, width, config.target_units),
        stack,
        features=features,
        attention=_attention(
            config, stack.output_size, encoder.num_directions * encoder.output_size
        ),
        input_feeding=config.input_feeding,
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
        tie_weights=config.tie_weights,
    )
    return TranslationNetwork(
        _embedding(source_units, width, config.source_units),
        encoder,
        decoder,
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
    )


def _embedding(units: int, width: int, kind: str | None) -> nn.Embedding:
    embedding = nn.Embedding(units, width)
    if kind != "chars":
        nn.init.normal_(embedding.weight, std=RARE_DEVIATION)
    return embedding


def _attention(config: TranslationConfig, query: int, memory: int) -> Attention | None:
    if config.attention == "additive":
        return AdditiveAttention(query, memory, min(query, ATTENTION_UNITS))
    if config.attention == "multiplicative":
        return MultiplicativeAttention(query, memory)
    return None
