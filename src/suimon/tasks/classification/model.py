"""The network: what is read, the recurrent stack, one vector of its outputs, a score a class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.images import ImageForm
from suimon.errors import ConfigError
from suimon.layers import Recurrent
from suimon.tasks.classification.bag_branch import BagBranch
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.weighting import WeightedEmbedding
from suimon.tasks.frame_encoder import FrameEncoder
from suimon.tasks.stack import build_stack

EMBEDDING_DEVIATION = 0.1  # drawn wider, rare words are learnt by heart by what was drawn


class ClassificationNetwork(nn.Module):
    r"""A label for a whole sequence.

    ::

        e_t    = m_t E[w_t]  or dropout(x_t)     embedding of units, (B, E); or I channels,
                                                 which an encoder may make of a frame
        h_t    = stack(e_t)                      recurrent layers, (B, D*P)
        v      = pool(h_1 … h_T)                 (B, D*P), over each row's own steps
        logits = W dropout(v) + b                (B, C); with a branch the mean of its and these

    The mask m_t drops whole units, so that no label hangs on one word.

    Shapes: B batch, T time, E embedding, I channels, D directions, P width of one direction's
    output, C classes.

    Args:
        recurrent: the stack.
        classes: C.
        embedding: from units to vectors; ``None``: the input is channels.
        pooling: ``last`` (of each direction), ``mean``, ``max`` or ``attention``.
        input_dropout: of whole units, or of single numbers.
        output_dropout: on the pooled vector.
        branch: gives scores of its own, ``(T, B), (B,) -> (B, C)``.
        frames: from the frames of videos to channels.

    Source: dropout of words: M. Iyyer and others (2015), Deep Unordered Composition Rivals
        Syntactic Methods for Text Classification; attention: Z. Yang and others (2016),
        Hierarchical Attention Networks for Document Classification, equations 5 to 7.

    Example:
        >>> from suimon import layers
        >>> network = ClassificationNetwork(layers.LSTM(3, 5, bidirectional=True), 4)
        >>> network(torch.zeros(7, 2, 3), torch.tensor([7, 4])).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        recurrent: Recurrent,
        classes: int,
        *,
        embedding: nn.Embedding | None = None,
        pooling: str = "max",
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
        branch: BagBranch | None = None,
        frames: FrameEncoder | None = None,
    ) -> None:
        super().__init__()
        self.branch = branch
        self.frames = frames
        self.pooling = pooling
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding = embedding
        self.recurrent = recurrent
        width = recurrent.num_directions * recurrent.output_size
        self.attention: nn.Sequential | None = None
        if pooling == "attention":
            scores = nn.Linear(width, 1, bias=False)
            self.attention = nn.Sequential(nn.Linear(width, width), nn.Tanh(), scores)
        self.head = nn.Linear(width, classes)

    def forward(self, inputs: Tensor, lengths: Tensor, *, apart: bool = False) -> Tensor:
        """Scores of the classes.

        Args:
            inputs: units ``(T, B)`` int64, channels ``(T, B, I)``, or frames
                ``(T, B, height, width, colours)`` uint8.
            lengths: ``(B,)`` int64, each row's steps, 1 or more; what stands behind is not read.
            apart: give the scores of the recurrent layers, and those of the branch, by themselves.

        Returns:
            ``(B, C)`` logits; apart ``(S, B, C)``, S 1 or 2.
        """
        if self.frames is not None:
            inputs = self.frames(inputs, lengths)  # (T, B, I)
        x = self._read(inputs)  # (T, B, E)
        whole = bool((lengths == len(x)).all())  # the quicker way where nothing is padded
        output, _ = self.recurrent(x, lengths=None if whole else lengths)  # (T, B, D*P)
        pooled = self._pooled(output, lengths)  # (B, D*P)
        parts = [self.head(F.dropout(pooled, self.output_dropout, self.training))]
        if self.branch is not None:
            parts.append(self.branch(inputs, lengths))
        return torch.stack(parts) if apart else torch.stack(parts).mean(dim=0)

    def _read(self, inputs: Tensor) -> Tensor:
        """Vectors of units ``(T, B, E)``, or channels ``(T, B, I)``, after dropout."""
        if self.embedding is None:
            return F.dropout(inputs, self.input_dropout, self.training)
        kept = torch.ones(inputs.shape, device=inputs.device)  # (T, B)
        kept = F.dropout(kept, self.input_dropout, self.training)
        return self.embedding(inputs) * kept.unsqueeze(-1)

    def _pooled(self, output: Tensor, lengths: Tensor) -> Tensor:
        if self.pooling == "last":
            return last_outputs(output, lengths, self.recurrent.num_directions)
        steps = torch.arange(len(output), device=output.device)
        inside = (steps[:, None] < lengths.to(output.device)).unsqueeze(-1)  # (T, B, 1)
        if self.pooling == "max":
            return output.masked_fill(~inside, -torch.inf).max(dim=0).values  # amax: twice as long
        if self.attention is None:
            return (output * inside).sum(dim=0) / inside.sum(dim=0)
        scores = self.attention(output).masked_fill(~inside, -torch.inf)  # (T, B, 1)
        return (scores.softmax(dim=0) * output).sum(dim=0)


def last_outputs(output: Tensor, lengths: Tensor, directions: int) -> Tensor:
    """What each direction gave last: forwards at a row's last step, backwards at its first.

    Args:
        output: ``(T, B, D*P)``.
        lengths: ``(B,)``.
        directions: D, 1 or 2.

    Returns:
        ``(B, D*P)``.
    """
    forwards, *backwards = output.chunk(directions, dim=-1)
    rows = torch.arange(output.shape[1], device=output.device)
    ends = forwards[lengths.to(output.device) - 1, rows]  # (B, P)
    return torch.cat([ends, *(back[0] for back in backwards)], dim=-1)


def build_network(
    config: ClassificationConfig,
    *,
    classes: int,
    vocabulary: int | None,
    channels: int,
    form: ImageForm | None = None,
) -> ClassificationNetwork:
    """A fresh network from flat options, weights drawn from torch's global generator.

    Args:
        config: complete options: sizes are not ``None``.
        classes: C.
        vocabulary: distinct units; ``None``: the input is ``channels`` numbers.
        channels: I, where there is no vocabulary.
        form: of the frames of videos; each becomes two channels for every hidden unit.

    Raises:
        ConfigError: an option is missing or does not fit the cell.
    """
    hidden, depth = config.hidden, config.layers
    if config.cell is None:
        raise ConfigError("cell is not set; give one, such as gru")
    if hidden is None or depth is None or (vocabulary and config.embedding is None):
        raise ConfigError("embedding, hidden or layers is not set; give each a number from 1")
    embedding = branch = frames = None
    if vocabulary is None and (config.branch, config.weighting) != ("none", "none"):
        raise ConfigError("branch and weighting are for texts: leave them out")
    if vocabulary is not None and config.embedding is not None:
        kind = WeightedEmbedding if config.weighting == "tfidf" else nn.Embedding
        embedding = kind(vocabulary, config.embedding)
        nn.init.normal_(embedding.weight, std=EMBEDDING_DEVIATION)
        channels = config.embedding
        if config.branch_places is not None:
            branch = BagBranch(vocabulary, classes, config.branch_places)
    if form is not None:
        frames = FrameEncoder(*form.shape, hidden)
        channels = frames.output_size
    return ClassificationNetwork(
        build_stack(config, channels, hidden, depth, bidirectional=config.bidirectional),
        classes,
        embedding=embedding,
        pooling=config.pooling,
        input_dropout=config.input_dropout or 0.0,
        output_dropout=config.dropout or 0.0,
        branch=branch,
        frames=frames,
    )
