"""Budgets: when a run ends and when it is evaluated."""

import pytest

from suimon.training.budget import EXIT_SECONDS, StepBudget, TimeBudget, make_budget
from suimon.training.config import TrainingConfig
from suimon.training.counters import Counters


def test_the_options_choose_the_budget() -> None:
    assert make_budget(TrainingConfig(steps=7), 100) == StepBudget(7)
    assert make_budget(TrainingConfig(epochs=3), 100) == StepBudget(300)
    assert make_budget(TrainingConfig(minutes=2), 100) == TimeBudget(120)
    assert make_budget(TrainingConfig(), 100) == TimeBudget(600)


def test_steps() -> None:
    budget = StepBudget(200)
    assert budget.progress(Counters(step=50)) == 0.25
    assert not budget.is_spent(Counters(step=199))
    assert budget.is_spent(Counters(step=200))
    assert budget.progress(Counters(step=300)) == 1.0


def test_steps_are_evaluated_twenty_times() -> None:
    budget = StepBudget(200)
    due = [step for step in range(200) if budget.evaluation_interval_passed(Counters(step=step))]
    assert due[0] == 10
    assert not budget.evaluation_interval_passed(Counters(step=19, evaluated_step=10))
    assert budget.evaluation_interval_passed(Counters(step=20, evaluated_step=10))


def test_a_long_evaluation_spaces_the_others() -> None:
    # 900 tokens evaluated cost as much as 300 learnt from: 3 steps, 3 % of 100 steps
    counters = Counters(
        step=50, tokens=5000, evaluations=1, evaluated_step=40, evaluation_tokens=900
    )
    assert not StepBudget(200).evaluation_interval_passed(counters)
    counters.evaluated_step, counters.step, counters.tokens = 0, 100, 10_000
    assert StepBudget(200).evaluation_interval_passed(counters)
    counters.evaluated_step = 1
    assert not StepBudget(200).evaluation_interval_passed(counters)


def test_time_counts_from_the_first_step_and_ends_early_enough() -> None:
    budget = TimeBudget(60)
    counters = Counters(
        step=10, began=10.0, seconds=30.0, evaluation_seconds=5.0, write_seconds=1.0
    )
    ends = 60 - 1.1 * 5 - 2 * 1 - EXIT_SECONDS - 20 / 10  # and one more step of two seconds
    assert budget.progress(counters) == pytest.approx(20 / (ends - 10))
    assert not budget.is_spent(counters)
    counters.step, counters.seconds = 20, 50.0
    assert budget.is_spent(counters)
    assert budget.progress(counters) == pytest.approx(1.0)


def test_the_first_evaluation_s_time_is_foreseen_from_the_steps() -> None:
    # a step a second and 1,000 tokens a step; 12,000 tokens then take 4 s to evaluate
    counters = Counters(step=44, tokens=44_000, began=10.0, seconds=54.0, evaluation_tokens=12_000)
    ends = 60 - 1.1 * 4 - EXIT_SECONDS - 1
    assert TimeBudget(60).progress(counters) == pytest.approx(44 / (ends - 10))
    assert not TimeBudget(60).is_spent(counters)
    counters.seconds = 54.2
    assert TimeBudget(60).is_spent(counters)
    counters.evaluations, counters.evaluation_seconds = 1, 2.0  # now it is known
    assert not TimeBudget(60).is_spent(counters)


def test_a_slow_first_step_does_not_end_a_run() -> None:
    counters = Counters(step=1, tokens=10, began=10.0, seconds=12.0, evaluation_tokens=12_000)
    assert not TimeBudget(60).is_spent(counters)
    assert TimeBudget(60).progress(counters) < 0.2


def test_an_evaluation_that_leaves_no_time_to_train_is_the_last() -> None:
    counters = Counters(step=10, tokens=1000, began=3.0, seconds=4.0, evaluation_tokens=1500)
    assert TimeBudget(12).evaluation_interval_passed(counters)  # half a second
    counters.evaluation_tokens = 15_000  # five seconds, and another five at the end
    assert not TimeBudget(12).evaluation_interval_passed(counters)


def test_at_least_one_step() -> None:
    assert not TimeBudget(1).is_spent(Counters(step=0, began=5.0, seconds=5.0))
    assert TimeBudget(1).is_spent(Counters(step=1, began=5.0, seconds=5.1))
    assert TimeBudget(1).progress(Counters(step=0, began=5.0, seconds=5.0)) == 1.0


def test_time_is_evaluated_within_its_share() -> None:
    budget = TimeBudget(600)
    counters = Counters(step=9, began=10.0, seconds=39.0)
    assert not budget.evaluation_interval_passed(counters)
    counters.seconds = 40.0  # a twentieth after the start
    assert budget.evaluation_interval_passed(counters)
    counters.evaluated_second, counters.evaluation_seconds = 40.0, 3.0
    counters.seconds = 139.0
    assert not budget.evaluation_interval_passed(counters)
    counters.seconds = 140.0  # 3 s are 3 % of 100 s
    assert budget.evaluation_interval_passed(counters)
    counters.seconds = 590.0  # the last evaluation is near
    assert not budget.evaluation_interval_passed(counters)


def test_words() -> None:
    assert StepBudget(2000).describe() == "2,000 steps"
    assert TimeBudget(90).describe() == "1.5 minutes"
