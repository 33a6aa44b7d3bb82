"""What the network is trained for and judged by: the rows that follow, and completed images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from suimon.data.batch import SequenceBatch
from suimon.data.images import ImageForm, ImageRows, Images
from suimon.data.labelled.batches import SequenceBatches
from suimon.tasks.rows.config import DESCRIPTION, RowsConfig
from suimon.tasks.rows.data import Preprocessing, in_order, scaled
from suimon.tasks.rows.model import RowNetwork, build_network
from suimon.tasks.rows.outputs import RowOutput, make_output
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

AT_ONCE = 256  # images side by side where nothing is learnt


class DrawingRows:
    """Image rows as the training loop sees them.

    The loss of an image is the mean over all states and all rows ahead of each that the image has,
    of what such a row costs a pixel: so the network learns to complete an image from any row on.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the images before.
        train: what to learn from.
        valid: what to judge by.
    """

    name = DESCRIPTION.name
    unit = "row"

    def __init__(
        self,
        config: RowsConfig,
        training: TrainingConfig,
        preprocessing: Preprocessing,
        train: Images,
        valid: Images,
    ) -> None:
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.train = ImageRows(train)
        self.valid = ImageRows(valid)
        form = preprocessing.form
        self.evaluation_tokens = len(valid) * form.height
        self.output = make_output(config.output, form.width * form.channels, config.components)
        self.share = share_of_a_row(form, config.ahead or 1)

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's image into the network's input."""
        return self.preprocessing.state()

    def build_model(self) -> RowNetwork:
        """A fresh network for these images."""
        return network_for(self.config, self.preprocessing)

    def batches(self, rank: int, world_size: int) -> SequenceBatches:
        """This process's share of the training images."""
        lengths = self.train.lengths
        return SequenceBatches(
            self.train,
            lengths,  # in place of labels, which nobody reads
            self.training.batch_size,
            scaled,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
            lengths=lengths,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """What the rows of one batch cost; nothing is carried from one to the next."""
        rows = batch.inputs
        costs = row_costs(self.output, model(rows), rows)  # (T, B, F)
        return LossTerms(costs.sum() * self.share, rows.shape[0] * rows.shape[1])

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation images: what their rows cost, and their lower halves completed."""
        found = judged(model, self.valid, upper_half(self.preprocessing.form))
        return Evaluation(found.loss, {"completion_mse": found.completion_mse})


def network_for(config: RowsConfig, read: Preprocessing) -> RowNetwork:
    """A fresh network for images of a form."""
    return build_network(config, pixels=read.form.width * read.form.channels)


def upper_half(form: ImageForm) -> int:
    """Rows of the upper half, the middle one of an odd number not among them."""
    return form.height // 2


def inside(length: int, ahead: int) -> Tensor:
    """``(T, F)`` bool: which of the F rows ahead of each state an image of T rows has."""
    return torch.arange(length)[:, None] + torch.arange(ahead) < length


def share_of_a_row(form: ImageForm, ahead: int) -> float:
    """What the summed costs of one image are multiplied by for the mean of a pixel, times T."""
    pairs = int(inside(form.height, ahead).sum())
    return form.height / (pairs * form.width * form.channels)


def row_costs(output: RowOutput, said: Tensor, rows: Tensor) -> Tensor:
    """What the true rows cost at each state: ``(T, B, F)``, zero for those past the last one.

    Args:
        output: what the numbers mean.
        said: ``(T, B, F, P)``, of the rows t … t+F-1.
        rows: ``(T, B, I)`` in 0 to 1.
    """
    ahead = said.shape[2]
    beyond = rows.new_zeros(ahead - 1, *rows.shape[1:])
    following = torch.cat([rows, beyond]).unfold(0, ahead, 1)  # (T, B, I, F)
    costs = output.loss(said.float(), following.transpose(2, 3))
    return costs.masked_fill(~inside(len(rows), ahead).to(costs.device)[:, None], 0)


@dataclass(frozen=True)
class Judgement:
    """What a network makes of images, each number a mean over pixels.

    Attributes:
        loss: as in training.
        next_row: what the very next row costs, over all rows: for a likelihood nats a pixel.
        completion_mse: squared error of the rows completed from those given.
        repeat_last_row_mse: that of the last row given, repeated.
        errors: ``(N,)``, the completion's squared error of each image.
    """

    loss: float
    next_row: float
    completion_mse: float
    repeat_last_row_mse: float
    errors: npt.NDArray[np.float64]


def judged(model: nn.Module, data: ImageRows, given: int) -> Judgement:
    """What a network makes of images; no gradients, the model left in its mode.

    Args:
        model: the network.
        data: the images.
        given: rows of each that are shown before it is completed.
    """
    network = getattr(model, "module", model)
    assert isinstance(network, RowNetwork)
    form = data.images.form
    share = share_of_a_row(form, network.ahead)
    pixels, below = form.width * form.channels, form.height - given
    device = next(network.parameters()).device
    loss = next_row = repeated = 0.0
    errors: list[Tensor] = []
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            for block in in_order(data, AT_ONCE):
                rows = block.to(device)  # (T, B, I)
                costs = row_costs(network.output, network(rows), rows)
                loss += costs.double().sum().item() * share / form.height
                next_row += costs[..., 0].double().sum().item()
                seen = rows[:given]
                whole = network.completed(seen, form.height, network.output.mean)
                errors.append((whole - rows)[given:].double().square().mean(dim=(0, 2)).cpu())
                repeated += (seen[-1:] - rows[given:]).double().square().sum().item()
    finally:
        network.train(was_training)
    each = torch.cat(errors).numpy()
    return Judgement(
        loss / len(data),
        next_row / (len(data) * form.height * pixels),
        float(each.mean()),
        repeated / (len(data) * below * pixels),
        each,
    )
