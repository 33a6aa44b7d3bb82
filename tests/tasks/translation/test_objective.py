import math

import pytest
import torch

from suimon.data.batch import IGNORED_TARGET
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.objective import surprise
from suimon.tasks.translation.train import make_plan
from suimon.training.config import TrainingConfig
from suimon.training.loop import train
from tests.tasks.translation.conftest import reversals

SMALL = {"hidden": 8, "layers": 1, "embedding": 6, "dropout": 0.0, "input_dropout": 0.0}


def planned(**options):
    config = TranslationConfig(**{**SMALL, **options})
    return make_plan(reversals(80), None, config, TrainingConfig(steps=3, batch_size=8)).task


def test_the_loss_is_the_surprise_at_each_unit_by_hand():
    task = planned()
    network = task.build_model()
    batch = task.batches(0, 1).next_batch()
    terms = task.loss(network, batch, None)
    logits = network(batch.inputs, batch.lengths, batch.targets)
    assert batch.targets is not None
    expected = batch.targets[batch.targets != IGNORED_TARGET].tolist()
    by_hand = sum(
        math.log(sum(math.exp(x) for x in row)) - row[unit]
        for row, unit in zip(logits.tolist(), expected, strict=True)
    )
    assert terms.count == len(expected)
    assert terms.total.item() == pytest.approx(by_hand, rel=1e-5)


def test_smoothing_spreads_a_share_over_all_units():
    plain, smooth = planned(), planned(label_smoothing=0.3)
    network = plain.build_model()
    batch = plain.batches(0, 1).next_batch()
    rows = network(batch.inputs, batch.lengths, batch.targets).log_softmax(dim=-1)
    expected = 0.7 * plain.loss(network, batch, None).total - 0.3 * rows.mean(dim=-1).sum()
    smooth.batches(0, 1)
    assert smooth.loss(network, batch, None).total.item() == pytest.approx(
        expected.item(), rel=1e-5
    )


def test_validation_adds_up_over_pairs_and_leaves_the_mode():
    task = planned(dropout=0.5)
    network = task.build_model().train()
    whole = surprise(network, task.valid)
    assert network.training
    parts = []
    for n in range(len(task.valid)):
        batch = task.valid.batch(torch.tensor([n]).numpy())
        assert batch.targets is not None
        with torch.no_grad():
            logits = network.eval()(batch.inputs, batch.lengths, batch.targets)
        targets = batch.targets.flatten()
        parts.append(torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item())
    assert whole.nats == pytest.approx(sum(parts), rel=1e-5)
    assert whole.units == task.evaluation_tokens == sum(task.valid.targets.lengths)
    assert whole.perplexity == pytest.approx(math.exp(whole.nats / whole.units))
    assert task.evaluate(network).loss == pytest.approx(whole.loss)


def test_teacher_forcing_falls_in_a_straight_line():
    task = planned(teacher_forcing_ratio=0.25, teacher_forcing_epochs=2)
    assert task.teacher_forcing() == 1.0
    stream = task.batches(0, 1)
    shares = []
    for _ in range(3 * stream.batches_per_epoch):
        stream.next_batch()
        shares.append(task.teacher_forcing())
    half = stream.batches_per_epoch - 1
    assert shares[half] == pytest.approx(0.625)
    assert shares[2 * half + 1] == shares[-1] == pytest.approx(0.25)
    assert planned(teacher_forcing_ratio=0.5, teacher_forcing_epochs=0).teacher_forcing() == 0.5


@pytest.mark.parametrize(
    "options",
    [{"teacher_forcing_ratio": 0.5, "teacher_forcing_epochs": 0}, {"input_feeding": True}],
)
def test_training_step_by_step_learns(options):
    config = TranslationConfig(**{**SMALL, **options})
    training = TrainingConfig(steps=80, batch_size=8, learning_rate=0.02)
    plan = make_plan(reversals(80), None, config, training)
    before = surprise(plan.task.build_model(), plan.task.valid).loss
    result = train(plan.task, plan.training)
    assert result.evaluation is not None
    assert result.evaluation.loss < 0.8 * before
    assert result.tokens == sum(
        stream.next_batch().targets.ne(IGNORED_TARGET).sum().item()  # pyright: ignore
        for stream in [plan.task.batches(0, 1)]
        for _ in range(80)
    )
