"""What training needs to know of a task and of its data; it knows no task by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from suimon.data.batch import SequenceBatch

CarriedState = Any
"""State that one truncated-BPTT window hands to the next: a nest of tensors, or ``None``.

Tuples, named tuples, lists and dicts may nest. The batch is every tensor's second-last dimension,
``(…, B, S)``, and zeros are a fresh start: before each window the loop zeroes the rows that
``batch.restart`` flags and detaches the rest, so a task uses what it is given as it is. The nest
has the same form after every window."""


@dataclass(frozen=True)
class LossTerms:
    """A loss as sum and count, so that parts add up exactly; never a mean of means.

    Attributes:
        total: summed loss in nats (or the task's unit), a scalar with gradient.
        count: how many valid tokens or targets it sums over.
        carried: the state to hand to the next window, not yet detached.
    """

    total: Tensor
    count: int
    carried: CarriedState = None


@dataclass(frozen=True)
class Evaluation:
    """What a task found on its validation data.

    Attributes:
        loss: mean over all valid tokens; the best checkpoint is the one with the lowest.
        metrics: further numbers for the log, e.g. ``{"bits_per_char": 2.1}``.
    """

    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)


class BatchStream(Protocol):
    """An endless supply of training batches that knows its place and can return to it.

    Attributes:
        batches_per_epoch: batches that pass once over the data, the same in every process.
    """

    batches_per_epoch: int

    def next_batch(self) -> SequenceBatch:
        """The next window of every row."""
        ...

    def state_dict(self) -> dict[str, int]:
        """The place in the data, small integers only; the same names at every place."""
        ...

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Return to a place of :meth:`state_dict`."""
        ...


class Task(Protocol):
    """A task as the training loop sees it.

    Attributes:
        name: the task's name in a run's manifest, e.g. ``"language_model"``.
        unit: what ``LossTerms.count`` counts, in the singular, e.g. ``"char"`` or ``"word"``;
            progress shows units a second, and bits per character where it is ``"char"``.
        evaluation_tokens: how many valid tokens an evaluation is a mean of; by it the time for the
            first one is foreseen, and those of a run with a budget in steps are spaced.
    """

    name: str
    unit: str
    evaluation_tokens: int

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's input into tensors (vocabulary, scalers …), JSON-able."""
        ...

    def build_model(self) -> nn.Module:
        """A fresh model; draws its weights from torch's global generator."""
        ...

    def batches(self, rank: int, world_size: int) -> BatchStream:
        """This process's share of the training data: ``batch_size / world_size`` rows."""
        ...

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """One window forward. ``carried`` is what the previous window left, detached."""
        ...

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The whole validation split, no gradients, model left in the mode it came in."""
        ...
