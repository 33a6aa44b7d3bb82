"""One step of learning: forward, backward, clip, update; and all that a step depends on."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suimon.data.batch import SequenceBatch
from suimon.errors import ConfigError
from suimon.training.averaging import RunningMean
from suimon.training.carried import detach, rebuilt, restart_rows, tensors_of
from suimon.training.config import TrainingConfig
from suimon.training.optimizers import (
    build_optimizer,
    optimizer_state,
    restore_optimizer_state,
)
from suimon.training.processes import Processes
from suimon.training.protocol import CarriedState, Task
from suimon.training.randomness import random_state, restore_random_state, seed_everything


class NotFiniteError(ArithmeticError):
    """A loss or gradient is no longer a number; the weights were left as they were.

    Attributes:
        loss: mean loss of the step.
        gradient_norm: its gradient's norm.
    """

    def __init__(self, loss: float, gradient_norm: float) -> None:
        super().__init__(f"loss {loss}, gradient norm {gradient_norm}")
        self.loss = loss
        self.gradient_norm = gradient_norm


@dataclass(frozen=True)
class StepOutcome:
    """What one step did, over all processes together.

    Attributes:
        loss_total: summed loss.
        loss_count: tokens it sums over.
        gradient_norm: Euclidean norm before clipping.
    """

    loss_total: float
    loss_count: int
    gradient_norm: float


class Learner:
    """A model that learns window by window, carrying its state along (truncated BPTT).

    The weights are drawn with ``config.seed``, the same in every process; afterwards each process
    has a random stream of its own, for dropout.
    """

    def __init__(self, task: Task, config: TrainingConfig, processes: Processes) -> None:
        if config.batch_size % processes.world_size:
            raise ConfigError(
                f"batch_size = {config.batch_size} cannot be shared by {processes.world_size} "
                "processes: give a multiple"
            )
        seed_everything(config.seed)
        self.task = task
        self.config = config
        self.processes = processes
        self.model: nn.Module = task.build_model().to(processes.device).train()
        if processes.world_size > 1:
            seed_everything(config.seed + processes.rank)
        self.network = processes.wrap(self.model)
        self.optimizer = build_optimizer(self.model, config)
        self._mean = RunningMean(self.model, config.averaging) if config.averaging else None
        self.stream = task.batches(processes.rank, processes.world_size)
        self.carried: CarriedState = None
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]

    @property
    def judged(self) -> nn.Module:
        """What is evaluated and kept: the model, or the running mean of its weights."""
        return self.model if self._mean is None else self._mean.model

    def step(self, learning_rate: float) -> StepOutcome:
        """Learn from the next window.

        Raises:
            NotFiniteError: the loss or gradient is NaN or infinite; nothing was updated.
        """
        batch = _moved(self.stream.next_batch(), self.processes.device)
        carried = restart_rows(self.carried, batch.restart)
        with self._arithmetic():
            terms = self.task.loss(self.network, batch, carried)
        (count,) = self.processes.sum([terms.count])
        # Wrapped backward averages over processes: undo that, and divide by all their tokens.
        (terms.total * (self.processes.world_size / max(count, 1.0))).backward()
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
        # Read both at once: on a GPU this is the one wait in a step.
        total_here, gradient_norm = torch.stack(
            [terms.total.detach().double(), norm.double()]
        ).tolist()
        (total,) = self.processes.sum([total_here])
        if not (math.isfinite(total) and math.isfinite(gradient_norm)):
            raise NotFiniteError(total / max(count, 1.0), gradient_norm)
        if 0 < self.config.clip_grad_norm < gradient_norm:
            torch.nn.utils.clip_grads_with_norm_(
                self._parameters, self.config.clip_grad_norm, norm, foreach=True
            )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        if self._mean is not None:
            self._mean.follow()
        for parameter in self._parameters:
            parameter.grad = None  # not zero_grad, which would import torch's compiler
        self.carried = detach(terms.carried)
        return StepOutcome(total, int(count), gradient_norm)

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name; the same in every process.

        ``model.NAME``, ``optimizer.NAME/WHAT``, ``mean.NAME`` where weights are averaged, and for
        each process ``rank.R.carried.N``, ``rank.R.random.GENERATOR``, ``rank.R.data.NAME``.
        """
        own = {f"random.{name}": state for name, state in random_state().items()}
        own |= {f"carried.{n}": tensor for n, tensor in enumerate(tensors_of(self.carried))}
        own |= {f"data.{name}": torch.tensor(n) for name, n in self.stream.state_dict().items()}
        ranks = self.processes.gather(own)
        mean = {} if self._mean is None else self._mean.state()
        return {
            **{f"mean.{name}": tensor for name, tensor in mean.items()},
            **{f"model.{name}": tensor for name, tensor in self.model.state_dict().items()},
            **{
                f"optimizer.{name}": tensor
                for name, tensor in optimizer_state(self.model, self.optimizer).items()
            },
            **{
                f"rank.{rank}.{name}": tensor
                for rank, tensors in enumerate(ranks)
                for name, tensor in tensors.items()
            },
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Stand where :meth:`state` was taken.

        Raises:
            CheckpointError: the carried state does not fit.
            RuntimeError: the weights do not fit the model, as ``load_state_dict`` says.
        """
        own = f"rank.{self.processes.rank}."
        carried = _under(own + "carried.", state)
        if carried:
            # Only a window's forward pass knows the form of the nest that the tensors fill.
            with torch.no_grad(), self._arithmetic():
                window = _moved(self.stream.next_batch(), self.processes.device)
                form = self.task.loss(self.model, window, None).carried
            tensors = [carried[str(n)].to(self.processes.device) for n in range(len(carried))]
            self.carried = rebuilt(form, tensors)
        self.model.load_state_dict(_under("model.", state))
        if self._mean is not None:
            self._mean.load_state(_under("mean.", state))
        restore_optimizer_state(self.model, self.optimizer, _under("optimizer.", state))
        position = _under(own + "data.", state)
        self.stream.load_state_dict({name: int(place) for name, place in position.items()})
        restore_random_state(_under(own + "random.", state))

    def leave(self) -> None:
        """Let go of the other processes; the model stays.

        The wrapper must be gone before they are left: were it the last to hold their connection,
        torch would close that while holding Python's lock, which its own thread may be waiting for.
        """
        self.network = self.model

    def _arithmetic(self) -> AbstractContextManager[object]:
        """bf16 where that was asked for: torch casts the inputs of matrix products."""
        return torch.autocast(
            self.processes.device.type,
            dtype=torch.bfloat16,
            enabled=self.config.precision == "bf16",
        )


def _moved(batch: SequenceBatch, device: torch.device) -> SequenceBatch:
    """The batch on a device."""
    if device.type == "cpu":
        return batch

    def move(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(device, non_blocking=True)

    return SequenceBatch(
        inputs=batch.inputs.to(device, non_blocking=True),
        targets=move(batch.targets),
        lengths=move(batch.lengths),
        restart=move(batch.restart),
    )


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a state whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }
