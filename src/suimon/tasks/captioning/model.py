"""The network: a picture becomes a decoder's first state, and what attention looks at."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET
from suimon.data.images import ImageForm
from suimon.data.images.captions import Form
from suimon.errors import ConfigError
from suimon.layers.attention import AdditiveAttention, Attention, Memory, MultiplicativeAttention
from suimon.tasks.captioning.config import CaptioningConfig
from suimon.tasks.decoder import Decoder, DecoderState, InitialState
from suimon.tasks.image_encoder import FeatureEncoder, ImageEncoder
from suimon.tasks.stack import build_stack


class CaptioningNetwork(nn.Module):
    r"""A sentence for a picture.

    ::

        m_1 … m_S = encoder(picture)                       (B, M) each
        p         = mean of m_s over s                     with attention, (B, M)
        p         = [m_1 … m_S]                            without, (B, S*M)
        v         = relu(norm(U p))                        summary, (B, A)
        s_0       = tanh(W v + b)                          each field of the first state, (B, H)
        logits    = decoder(y_0 … y_{t-1}; s_0, m)         (B, V+1)

    The decoder's equations are those of :class:`~suimon.tasks.decoder.Decoder`; its dropout falls
    on the places, too. Without the norm a step of Adam on the numbers of all places, which are
    thousands, would saturate the first state. With attention the first state does not know where
    things are: whole scenes would be learnt by heart through it, and new ones of the same parts not
    be described; which is where must be found by looking.

    Shapes: B batch, S places of a picture, M width of a place's vector, A of the decoder's
    features, T units of a caption, V vocabulary; unit V is start and end.

    Args:
        encoder: from pictures to places.
        decoder: what writes.
        dropout: on the places.

    Source: O. Vinyals and others (2015), Show and Tell: A Neural Image Caption Generator (there the
        picture is the first input, here the first state); with attention: K. Xu and others (2015),
        Show, Attend and Tell, section 3.1.2 (the first state from the mean over places).
    """

    def __init__(
        self, encoder: ImageEncoder | FeatureEncoder, decoder: Decoder, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = dropout
        width = decoder.combine.out_features
        places = encoder.positions if decoder.attention is None else 1
        self.summary = nn.Sequential(
            nn.Linear(places * encoder.size, width, bias=False),
            nn.LayerNorm(width),
            nn.ReLU(),
        )
        self.first = InitialState(width, decoder.recurrent)
        self.decoder = decoder

    @property
    def boundary(self) -> int:
        """The unit that is start and end."""
        return self.decoder.embedding.num_embeddings - 1

    def look(self, pictures: Tensor) -> tuple[DecoderState, Memory | None]:
        """The decoder's first state, and what attention looks at.

        Args:
            pictures: images ``(B, height, width, C)``, or features ``(B, S, width)``.
        """
        places = F.dropout(self.encoder(pictures), self.dropout, self.training)  # (S, B, M)
        attention = self.decoder.attention
        if attention is None:
            together, memory = places.transpose(0, 1).flatten(1), None  # (B, S*M)
        else:
            together, memory = places.mean(dim=0), attention.remember(places)  # (B, M)
        return self.decoder.begin(self.first(self.summary(together))), memory

    def forward(self, pictures: Tensor, targets: Tensor) -> Tensor:
        """Scores of each caption's units, each given the true ones before it.

        Args:
            pictures: see :meth:`look`.
            targets: ``(T, B)`` int64, ends included, ``IGNORED_TARGET`` behind them.

        Returns:
            ``(N, V+1)`` logits of the N targets that count, step by step.
        """
        state, memory = self.look(pictures)
        inside = targets != IGNORED_TARGET  # (T, B)
        start = torch.full_like(targets[:1], self.boundary)
        before = torch.cat([start, targets[:-1].clamp(min=0)])
        done = self.decoder(before, state, memory, lengths=inside.sum(dim=0))
        rows = inside.flatten().nonzero().squeeze(1)
        return self.decoder.scores(done.features.flatten(0, 1).index_select(0, rows))


def build_network(config: CaptioningConfig, *, form: Form, units: int) -> CaptioningNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        form: of the pictures.
        units: V, distinct units of captions.

    Raises:
        ConfigError: an option is missing or does not fit the cell.
    """
    hidden, depth, width = config.hidden, config.layers, config.embedding
    if hidden is None or depth is None or width is None:
        raise ConfigError("embedding, hidden or layers is not set; give each a number from 1")
    encoder = ImageEncoder(*form.shape) if isinstance(form, ImageForm) else FeatureEncoder(*form)
    stack = build_stack(config, width, hidden, depth)
    decoder = Decoder(
        nn.Embedding(units + 1, width),
        stack,
        features=hidden,
        attention=_attention(config.attention, stack.output_size, encoder.size),
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
    )
    return CaptioningNetwork(encoder, decoder, dropout=config.dropout or 0.0)


def _attention(name: str, query: int, memory: int) -> Attention | None:
    if name == "additive":
        return AdditiveAttention(query, memory, query)
    if name == "none":
        return None
    return MultiplicativeAttention(query, memory, scaled=name == "scaled")
