"""The network: embedding, recurrent stack, and a score for every unit that may come next."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.stack import build_stack

RANGE = 0.1
"""Where vectors of words and sub-words begin, and any that are shared with the head, on either side
of 0. Drawn wider, what was drawn outweighs what is learnt of a rare word, here and in a task that
starts from the layers, and shared ones would make logits huge.
"""


class LanguageNetwork(nn.Module):
    r"""Next-unit prediction over a recurrent stack.

    ::

        e_t    = dropout(E[w_t])                 embedding, (B, E)
        h_t    = stack(e_t, state)               recurrent layers, (B, P)
        z_t    = W_p dropout(h_t)                (B, E), only where weights are tied and P != E
        logits = W_o z_t + b_o                   (B, V); W_o is the embedding where weights are tied

    The state is passed in and handed back as the stack's layers do; nothing is kept here.

    Shapes: B batch, T time, E embedding, P width of the stack's output, V vocabulary.

    Args:
        vocabulary_size: V, distinct units.
        embedding_size: E.
        recurrent: the stack, ``(T, B, E), state -> (T, B, P), state``; P is its
            ``output_size``.
        input_dropout: on the embedding's output.
        output_dropout: on the stack's output.
        tie_weights: the output layer's matrix is the embedding's, one parameter.

    Source: T. Mikolov and others (2010), Recurrent neural network based language model; tying:
        O. Press and L. Wolf (2017), Using the Output Embedding to Improve Language Models.

    Example:
        >>> import torch
        >>> from suimon import layers
        >>> network = LanguageNetwork(65, 8, layers.LSTM(8, 16))
        >>> logits, state = network(torch.zeros(7, 4, dtype=torch.long))
        >>> logits.shape, state[0].shape
        (torch.Size([7, 4, 65]), torch.Size([1, 4, 16]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        recurrent: nn.Module,
        *,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
        tie_weights: bool = False,
    ) -> None:
        super().__init__()
        width = int(recurrent.output_size)  # pyright: ignore[reportArgumentType]
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.recurrent = recurrent
        self.projection: nn.Linear | None = None
        if tie_weights and width != embedding_size:
            self.projection = nn.Linear(width, embedding_size, bias=False)
        self.head = nn.Linear(embedding_size if tie_weights else width, vocabulary_size)
        if tie_weights:
            nn.init.uniform_(self.embedding.weight, -RANGE, RANGE)
            self.head.weight = self.embedding.weight

    @property
    def vocabulary_size(self) -> int:
        """V: distinct units."""
        return self.embedding.num_embeddings

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Scores of the next unit after every step.

        Args:
            tokens: ``(T, B)`` int64.
            state: what an earlier call returned; ``None``: zeros.

        Returns:
            ``(T, B, V)`` logits, and the state after the last step.
        """
        embedded = self.embedding(tokens)  # (T, B, E)
        if self.training and self.input_dropout:
            embedded = F.dropout(embedded, self.input_dropout)
        output, state = self.recurrent(embedded, state)  # (T, B, P)
        if self.training and self.output_dropout:
            output = F.dropout(output, self.output_dropout)
        if self.projection is not None:
            output = self.projection(output)  # (T, B, E)
        return self.head(output), state


def build_network(
    config: LanguageModelConfig, vocabulary_size: int, unknown_id: int | None = None
) -> LanguageNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        vocabulary_size: V.
        unknown_id: the unit that stands for all others. Its vector starts as zeros: where
            training never shows it, it then says nothing, instead of something at random.

    Raises:
        ConfigError: an option is missing or does not fit the cell.
    """
    embedding, hidden, depth = config.embedding, config.hidden, config.layers
    if embedding is None or hidden is None or depth is None:
        raise ConfigError("embedding, hidden or layers is not set; give each a number from 1")
    network = LanguageNetwork(
        vocabulary_size,
        embedding,
        build_stack(config, embedding, hidden, depth),
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
        tie_weights=config.tie_weights,
    )
    if not config.tie_weights and config.units in ("words", "bpe"):
        nn.init.uniform_(network.embedding.weight, -RANGE, RANGE)
    if unknown_id is not None:
        nn.init.zeros_(network.embedding.weight[unknown_id])
    return network
