"""The learning rate over a run, against values worked out by hand."""

import math

import pytest

from suimon.training.config import TrainingConfig
from suimon.training.schedule import Schedule


def schedule(**options: object) -> Schedule:
    return Schedule(TrainingConfig(learning_rate=0.5, **options))


def test_cosine_with_warm_up() -> None:
    cosine = schedule(warmup_fraction=0.2, final_learning_rate_fraction=0.1)
    assert cosine.learning_rate(0.05) == pytest.approx(0.125)
    assert cosine.learning_rate(0.1) == pytest.approx(0.25)
    assert cosine.learning_rate(0.2) == pytest.approx(0.5)
    assert cosine.learning_rate(0.6) == pytest.approx(0.5 * 0.55)  # half way down
    assert cosine.learning_rate(0.4) == pytest.approx(
        0.5 * (0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    )
    assert cosine.learning_rate(1.0) == pytest.approx(0.05)


def test_the_first_step_moves_a_little() -> None:
    assert 0 < schedule(warmup_fraction=0.02).learning_rate(0.0) < 0.001


@pytest.mark.parametrize("name", ["cosine", "constant", "plateau"])
def test_without_warm_up_it_starts_high(name: str) -> None:
    assert schedule(schedule=name, warmup_fraction=0.0).learning_rate(0.0) == 0.5


def test_only_a_warm_up() -> None:
    assert schedule(warmup_fraction=1.0).learning_rate(0.5) == pytest.approx(0.25)
    assert math.isfinite(schedule(warmup_fraction=1.0).learning_rate(1.0))


def test_constant() -> None:
    constant = schedule(schedule="constant", warmup_fraction=0.1)
    constant.observe(3.0)
    constant.observe(3.0)
    assert {constant.learning_rate(p / 10) for p in range(1, 11)} == {0.5}


def test_plateau_steps_down_to_its_floor() -> None:
    plateau = schedule(
        schedule="plateau",
        warmup_fraction=0.0,
        plateau_patience=2,
        plateau_factor=0.5,
        final_learning_rate_fraction=0.2,
    )
    rates = []
    for loss in [3.0, 2.0, 2.0, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0]:
        plateau.observe(loss)
        rates.append(plateau.learning_rate(0.5))
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.1])


def test_plateau_goes_on_from_its_state() -> None:
    options = {"schedule": "plateau", "warmup_fraction": 0.0, "plateau_patience": 2}
    whole, before, after = schedule(**options), schedule(**options), schedule(**options)
    losses = [3.0, 3.0, 3.0, 2.0, 2.5, 2.5, 2.5]
    for loss in losses:
        whole.observe(loss)
    for loss in losses[:2]:
        before.observe(loss)
    after.load_state_dict(before.state_dict())
    for loss in losses[2:]:
        after.observe(loss)
    assert after.state_dict() == whole.state_dict()
    assert whole.factor == 0.25
