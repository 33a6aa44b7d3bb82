"""Options: what they accept, and one clear line for what they do not."""

import subprocess
import sys

import pytest
from pydantic import BaseModel, Field

from suimon.errors import ConfigError
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import accepted_range, parse_options


def test_ten_minutes_are_the_default_budget() -> None:
    config = TrainingConfig()
    assert (config.minutes, config.epochs, config.steps) == (10, None, None)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_given_budget_is_the_only_one(budget: str) -> None:
    config = TrainingConfig(**{budget: 3})
    assert {name: getattr(config, name) for name in BUDGETS} == {
        **dict.fromkeys(BUDGETS),
        budget: 3,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": -1}, "learning_rate = -1: give a number above 0, at most 100"),
        ({"learning_rate": "fast"}, "learning_rate = 'fast': give a number above 0, at most 100"),
        ({"steps": 2.5}, "steps = 2.5: give a whole number from 1, at most 1000000000"),
        ({"minutes": 0}, "minutes = 0: give a number above 0, at most 1000000"),
        ({"minutes": float("nan")}, "minutes = nan: give a number above 0, at most 1000000"),
        ({"beta2": 1}, "beta2 = 1: give a number above 0, below 1"),
        ({"seed": -1}, "seed = -1: give a whole number from 0, at most 4294967295"),
        ({"patience": 0}, "patience = 0: give a whole number from 1, at most 1000000"),
        (
            {"optimizer": "adamm"},
            "optimizer = 'adamm': give one of adamw, muon, adam, sgd, rmsprop",
        ),
        ({"precision": "fp16"}, "precision = 'fp16': give one of fp32, bf16"),
        (
            {"steps": 5, "epochs": 2},
            "epochs = 2 and steps = 5 are both given: give one budget only",
        ),
        ({"lerning_rate": 1}, "unknown option lerning_rate: did you mean learning_rate?"),
        ({"qqq": 1}, "unknown option qqq"),
    ],
)
def test_a_mistake_is_one_line_with_the_range(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_options(TrainingConfig, values)
    assert str(caught.value) == message


def test_every_option_describes_itself() -> None:
    for name, field in TrainingConfig.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert accepted_range(field), name


def test_ranges_of_other_kinds() -> None:
    class Other(BaseModel):
        flag: bool = False
        name: str = Field("x", description="A name.")

    fields = Other.model_fields
    assert accepted_range(fields["flag"]) == "true or false"
    assert accepted_range(fields["name"]) == "text"


def test_a_changed_budget_takes_the_place_of_the_old_one() -> None:
    config = TrainingConfig(steps=5, seed=7).overridden({"minutes": 2, "batch_size": None})
    assert (config.minutes, config.steps, config.seed) == (2, None, 7)
    assert config.model_fields_set == {"minutes", "seed"}


def test_other_changes_keep_the_budget() -> None:
    config = TrainingConfig(epochs=5).overridden({"learning_rate": 0.1})
    assert (config.epochs, config.minutes, config.learning_rate) == (5, None, 0.1)
    with pytest.raises(ConfigError, match="learning_rate = 0"):
        config.overridden({"learning_rate": 0})


def test_options_come_without_torch() -> None:
    code = (
        "import suimon.training, suimon.training.config, suimon.training.options, sys;"
        "suimon.training.TrainingConfig; suimon.training.read_metrics;"
        "suimon.training.process_start;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
