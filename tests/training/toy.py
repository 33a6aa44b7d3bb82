"""A small task of the tests' own: predict a noisy number sequence with torch's LSTM."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.batch import SequenceBatch
from suimon.training.config import TrainingConfig
from suimon.training.protocol import Evaluation, LossTerms

VOCABULARY = 7
IGNORED = -1


def sequence(length: int, seed: int) -> Tensor:
    """Numbers below 7 of which most follow from the one before."""
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(length, generator=generator) < 0.2).tolist()
    jumps = torch.randint(VOCABULARY, (length,), generator=generator).tolist()
    numbers, number = [], 1
    for jumped, jump in zip(noise, jumps, strict=True):
        number = jump if jumped else (3 * number + 1) % VOCABULARY
        numbers.append(number)
    return torch.tensor(numbers)


def set_gradients(model: nn.Module, seed: int) -> None:
    """Give every parameter a drawn gradient."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)


class ToyNetwork(nn.Module):
    """Embedding, LSTM of two layers with dropout between them, head."""

    def __init__(self, hidden: int, dropout: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6, dtype=dtype)
        self.recurrent = nn.LSTM(6, hidden, 2, dropout=dropout, dtype=dtype)
        self.head = nn.Linear(hidden, VOCABULARY, dtype=dtype)

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits ``(T, B, V)`` and the state after them."""
        output, state = self.recurrent(self.embedding(tokens), state)
        return self.head(output), state


class ToyStream:
    """``B`` rows, each a stretch of the numbers, read in windows; at its end a row restarts."""

    def __init__(self, rows: Tensor, window: int, has_first_row: bool) -> None:
        self._rows = rows
        self._has_first_row = has_first_row
        self._window = window
        self.batches_per_epoch = (rows.shape[1] - 1) // window
        self._place = 0

    def next_batch(self) -> SequenceBatch:
        start = self._place % self.batches_per_epoch * self._window
        self._place += 1
        window = self._rows[:, start : start + self._window + 1].T
        restart = torch.full((len(self._rows),), start == 0)
        targets = window[1:].clone()
        if self._has_first_row:  # it counts fewer targets, so processes have different numbers
            targets[::3, 0] = IGNORED
        return SequenceBatch(window[:-1].contiguous(), targets, restart=restart)

    def state_dict(self) -> dict[str, int]:
        return {"place": self._place}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self._place = state["place"]


class ToyTask:
    """The task as the loop sees it. ``break_at`` makes the loss NaN from that window on."""

    name = "toy"
    unit = "char"

    def __init__(
        self,
        config: TrainingConfig,
        *,
        hidden: int = 8,
        dropout: float = 0.3,
        length: int = 1000,
        dtype: torch.dtype = torch.float32,
        break_at: int | None = None,
    ) -> None:
        self.config = config
        self.hidden = hidden
        self.dropout = dropout
        self.dtype = dtype
        self.break_at = break_at
        self.windows = 0
        self.numbers = sequence(length, seed=1)
        self.unseen = sequence(200, seed=2)
        self.evaluation_tokens = len(self.unseen) - 1

    def preprocess(self) -> dict[str, Any]:
        return {"vocabulary": VOCABULARY}

    def build_model(self) -> nn.Module:
        return ToyNetwork(self.hidden, self.dropout, self.dtype)

    def batches(self, rank: int, world_size: int) -> ToyStream:
        rows = self.numbers[: len(self.numbers) // self.config.batch_size * self.config.batch_size]
        rows = rows.reshape(self.config.batch_size, -1).chunk(world_size)[rank]
        return ToyStream(rows, self.config.tbptt_steps, has_first_row=rank == 0)

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: Any) -> LossTerms:
        logits, state = model(batch.inputs, carried)
        assert batch.targets is not None
        targets = batch.targets.reshape(-1)
        total = F.cross_entropy(
            logits.float().reshape(-1, VOCABULARY)
            if self.dtype == torch.float32
            else logits.reshape(-1, VOCABULARY),
            targets,
            ignore_index=IGNORED,
            reduction="sum",
        )
        self.windows += 1
        if self.break_at is not None and self.windows >= self.break_at:
            total = total * torch.nan
        return LossTerms(total, int((targets != IGNORED).sum()), state)

    def evaluate(self, model: nn.Module) -> Evaluation:
        mode = model.training
        model.eval()
        torch.rand(3)  # a careless task: training must not notice
        with torch.no_grad():
            logits, _ = model(self.unseen[:-1, None])
            loss = F.cross_entropy(logits[:, 0], self.unseen[1:]).item()
        model.train(mode)
        return Evaluation(loss, {"accuracy": 0.5})
