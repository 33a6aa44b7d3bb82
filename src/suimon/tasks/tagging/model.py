"""The network: words with their letters, or numbers; the recurrent stack; a score a tag."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.errors import ConfigError
from suimon.layers import LSTM, Recurrent
from suimon.tasks.stack import build_stack
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.crf import LinearChainCRF

EMBEDDING_DEVIATION = 0.1  # drawn wider, rare words are learnt by heart by what was drawn
LETTER_WIDTH, LETTER_HIDDEN = 32, 32


class LetterEncoder(nn.Module):
    r"""A word by its letters: where an LSTM ends that reads them, in each direction.

    Shapes: N words, W letters of the longest, H hidden.

    Args:
        letters: how many distinct ones there are, 0 among them, which stands behind a word's end.
        embedding_size: width of a letter's vector.
        hidden_size: H.

    Source: G. Lample and others (2016), Neural Architectures for Named Entity Recognition, 4.1.

    Example:
        >>> LetterEncoder(9, 4, 5)(torch.tensor([[3, 1, 0], [2, 2, 2]])).shape
        torch.Size([2, 10])
    """

    def __init__(self, letters: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, embedding_size)
        self.recurrent = LSTM(embedding_size, hidden_size, bidirectional=True)
        self.size = 2 * hidden_size

    def forward(self, words: Tensor) -> Tensor:
        """``(N, W)`` letters to ``(N, 2*H)``; each distinct word is read once."""
        distinct, where = words.unique(dim=0, return_inverse=True)
        lengths = (distinct > 0).sum(dim=1)
        x = self.embedding(distinct.T)  # (W, distinct, E)
        _, (h_n, _) = self.recurrent(x, lengths=lengths)  # (2, distinct, H)
        return torch.cat([h_n[0], h_n[1]], dim=-1)[where]


class TaggingNetwork(nn.Module):
    r"""A label for every step.

    ::

        x_t    = [m_t E[w_t] ; letters(w_t)]  or dropout(x_t)     words, or I channels
        h_t    = stack(x_t)                                       recurrent layers, (B, D*P)
        e_t    = W dropout(h_t) + b                               (B, C), the scores of the tags

    The mask m_t drops whole words, so that their letters and neighbours are learnt from too.

    Shapes: B batch, T time, I channels, D directions, P width of one direction's output, C tags.

    Args:
        recurrent: the stack.
        tags: C.
        embedding: from words to vectors; ``None``: the input is channels.
        letters: reads words by their letters; ``None``: they are not read.
        crf: whether tags are scored together.
        input_dropout: of whole words, or of single numbers.
        output_dropout: on what the stack gives.

    Example:
        >>> from suimon import layers
        >>> network = TaggingNetwork(layers.LSTM(3, 5, bidirectional=True), 4)
        >>> network(torch.zeros(7, 2, 3), torch.tensor([7, 4])).shape
        torch.Size([7, 2, 4])
    """

    def __init__(
        self,
        recurrent: Recurrent,
        tags: int,
        *,
        embedding: nn.Embedding | None = None,
        letters: LetterEncoder | None = None,
        crf: bool = False,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding = embedding
        self.letters = letters
        self.recurrent = recurrent
        self.head = nn.Linear(recurrent.num_directions * recurrent.output_size, tags)
        self.crf = LinearChainCRF(tags) if crf else None

    def forward(self, inputs: Tensor, lengths: Tensor, targets: Tensor | None = None) -> Tensor:
        """Scores of the tags, or what the random field loses by given ones.

        Args:
            inputs: words ``(T, B)`` int64, or with their letters behind them ``(T, B, 1 + W)``; or
                channels ``(T, B, I)``.
            lengths: ``(B,)`` int64, each row's steps, 1 or more; what stands behind is not read.
            targets: tags ``(T, B)``, where there is a random field.

        Returns:
            ``(T, B, C)`` scores; with targets ``(B,)`` nats.
        """
        output, _ = self.recurrent(self._read(inputs), lengths=lengths)  # (T, B, D*P)
        emissions = self.head(F.dropout(output, self.output_dropout, self.training))
        if targets is None or self.crf is None:
            return emissions
        return self.crf(emissions.float(), targets, lengths)

    def _read(self, inputs: Tensor) -> Tensor:
        """Vectors of words, or channels, after dropout."""
        if self.embedding is None:
            return F.dropout(inputs, self.input_dropout, self.training)
        words = inputs if self.letters is None else inputs[..., 0]  # (T, B)
        kept = torch.ones(words.shape, device=words.device)
        kept = F.dropout(kept, self.input_dropout, self.training)
        x = self.embedding(words) * kept.unsqueeze(-1)  # (T, B, E)
        if self.letters is None:
            return x
        spelled = self.letters(inputs[..., 1:].flatten(0, 1))  # (T*B, 2*H)
        return torch.cat([x, spelled.unflatten(0, words.shape)], dim=-1)


def build_network(
    config: TaggingConfig, *, tags: int, vocabulary: int | None, letters: int, channels: int
) -> TaggingNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        tags: C.
        vocabulary: distinct words; ``None``: the input is ``channels`` numbers.
        letters: distinct letters and one more; 0: they are not read.
        channels: I, where there is no vocabulary.

    Raises:
        ConfigError: an option is missing or does not fit another or the cell.
    """
    hidden, depth = config.hidden, config.layers
    if hidden is None or depth is None or (vocabulary and config.embedding is None):
        raise ConfigError("embedding, hidden or layers is not set; give each a number from 1")
    if config.output == "crf" and config.class_weights != "none":
        raise ConfigError(
            f"class_weights = {config.class_weights} does not go with output = crf, which weighs "
            "whole sequences: leave one of them out"
        )
    embedding, spelling = None, None
    if vocabulary is not None and config.embedding is not None:
        embedding = nn.Embedding(vocabulary, config.embedding)
        nn.init.normal_(embedding.weight, std=EMBEDDING_DEVIATION)
        channels = config.embedding
        if letters:
            spelling = LetterEncoder(letters, LETTER_WIDTH, LETTER_HIDDEN)
            channels += spelling.size
    return TaggingNetwork(
        build_stack(config, channels, hidden, depth, bidirectional=config.bidirectional),
        tags,
        embedding=embedding,
        letters=spelling,
        crf=config.output == "crf",
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
    )
