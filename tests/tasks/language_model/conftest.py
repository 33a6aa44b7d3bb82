"""Small texts, an empty cache for every test, and networks whose answers are known by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn

from suimon.data.text import Split, corpus_of_text, split_corpus
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.data import units_options

RAIN = "the rain in spain stays mainly in the plain\n" * 30


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SUIMON_CACHE", str(folder))
    return folder


@pytest.fixture
def rain_file(tmp_path) -> Path:
    path = tmp_path / "rain.txt"
    path.write_text(RAIN)
    return path


def split_of(text: str, **options) -> Split:
    return split_corpus(corpus_of_text(text, units=units_options(LanguageModelConfig(**options))))


class Bigram(nn.Module):
    """Logits that depend on the last unit alone: ``table[token]``; its state is never read."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, tokens, state=None):
        return self.table[tokens], torch.zeros(1, tokens.shape[1], 1)


class Reciter(nn.Module):
    """Recites a sequence of units, whatever it reads; the state is its place in the sequence.

    The unit to come has logit 20, every other one 0.
    """

    def __init__(self, sequence: list[int], vocabulary_size: int) -> None:
        super().__init__()
        self.sequence = torch.tensor(sequence)
        self.vocabulary_size = vocabulary_size
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, tokens, state=None):
        T, B = tokens.shape
        if state is None:
            state = torch.full((1, B, 1), -1.0)  # so that the line end read first is place 0
        places = state[0, :, 0].long() + torch.arange(1, T + 1)[:, None]  # (T, B)
        following = self.sequence[places % len(self.sequence)]
        logits = 20.0 * nn.functional.one_hot(following, self.vocabulary_size)
        return logits.float(), state + T
