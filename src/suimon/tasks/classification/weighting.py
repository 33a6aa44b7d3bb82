"""How much a unit's vector weighs: by how few texts have it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeightedEmbedding(nn.Embedding):
    r"""Vectors of units, each times the unit's weight.

    ::

        e_t = s_w E[w],    s_w = idf_w / mean of idf over all units of the training texts,
        idf_w = ln((1 + N) / (1 + N_w)) + 1

    with N_w how many of the N training texts have unit w. A unit that no text has weighs as one
    that a single text has.

    Source: G. Salton and C. Buckley (1988), Term-weighting approaches in automatic text retrieval.
    """

    weights_of_units: Tensor

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__(vocabulary, width)
        self.register_buffer("weights_of_units", torch.ones(vocabulary))

    def learn(self, sequences: Iterable[npt.NDArray]) -> None:
        """Count in which training texts, units ``(T_b,)`` each, a unit stands."""
        texts, total = np.zeros(self.num_embeddings), np.zeros(self.num_embeddings)
        number = 0
        for sequence in sequences:
            found, counts = np.unique(sequence, return_counts=True)
            texts[found] += 1
            total[found] += counts
            number += 1
        idf = np.log((1 + number) / (1 + np.maximum(texts, 1))) + 1
        self.weights_of_units.copy_(torch.from_numpy(idf * total.sum() / (idf @ total)))

    def forward(self, input: Tensor) -> Tensor:
        """``(…)`` units to ``(…, E)``."""
        weights = F.embedding(input, self.weights_of_units.unsqueeze(-1))
        return super().forward(input) * weights
