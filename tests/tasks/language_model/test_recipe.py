"""The rule for options left out: what is given stays, what is chosen follows the tables."""

import pytest
import torch

from suimon.cells import cell_classes
from suimon.errors import ConfigError
from suimon.kernels import explain
from suimon.layers import LSTM
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.recipe import (
    ANY_CELL,
    BATCH_SIZE,
    CELLS,
    DROPOUTS,
    LEAST_WINDOWS,
    SIZES,
    TBPTT_STEPS,
    CorpusFacts,
    choose,
)
from suimon.training.config import TrainingConfig

LONG = CorpusFacts(units=1_000_000, vocabulary=65)
FIRST_OPTIONS = ("layers", "hidden", "embedding", "dropout", "input_dropout")


def chosen(config=None, training=None, corpus=LONG):
    return choose(config or LanguageModelConfig(), training or TrainingConfig(), corpus)


def test_three_minutes_of_a_million_characters():
    choice = chosen(training=TrainingConfig(minutes=3))
    config, training = choice.config, choice.training
    assert (config.layers, config.hidden, config.embedding, config.forget_bias) == (1, 512, 128, 1)
    assert (config.dropout, config.input_dropout) == (0.2, 0.0)
    assert (training.batch_size, training.tbptt_steps, training.learning_rate) == (32, 32, 1e-2)
    assert training.optimizer == "muon"


def test_everything_left_open_is_complete_and_listed():
    choice = chosen()
    for name in FIRST_OPTIONS:
        assert getattr(choice.config, name) is not None
        assert choice.chosen[name] == getattr(choice.config, name)
    for name in ("batch_size", "tbptt_steps", "optimizer", "learning_rate", "precision"):
        assert choice.chosen[name] == getattr(choice.training, name)


def test_the_help_page_says_of_the_same_options_that_they_are_chosen():
    assert set(DESCRIPTION.chosen) == set(chosen().chosen)


def test_what_was_given_is_kept_and_not_listed():
    config = LanguageModelConfig(hidden=96, dropout=0.0, forget_bias=0.5, tie_weights=True)
    training = TrainingConfig(steps=7, learning_rate=0.1, batch_size=5, optimizer="sgd")
    choice = chosen(config, training)
    assert choice.config.hidden == 96
    assert choice.config.forget_bias == 0.5
    assert choice.config.tie_weights
    assert (choice.training.learning_rate, choice.training.batch_size) == (0.1, 5)
    assert (choice.training.steps, choice.training.optimizer) == (7, "sgd")
    assert not {"hidden", "dropout", "forget_bias", "learning_rate", "batch_size"} & set(
        choice.chosen
    )


def test_choosing_again_chooses_the_same_and_nothing_new():
    once = chosen()
    again = chosen(once.config, once.training)
    assert again.chosen == {}
    assert (again.config, again.training) == (once.config, once.training)


def test_short_texts_and_short_budgets_get_small_networks():
    widths = [
        chosen(corpus=CorpusFacts(units, 65)).config.hidden for units in (2_000, 50_000, 10**6)
    ]
    assert widths == sorted(set(widths))
    widths = [
        chosen(training=TrainingConfig(minutes=minutes)).config.hidden for minutes in (0.02, 0.2, 3)
    ]
    assert widths == sorted(set(widths))


def test_more_passes_over_the_text_mean_more_dropout():
    narrow = LanguageModelConfig(hidden=128)
    for passes, dropout, input_dropout in DROPOUTS:
        config = chosen(narrow, TrainingConfig(epochs=max(1, int(passes)))).config
        assert (config.dropout, config.input_dropout) == (dropout, input_dropout)
    assert [row[1] for row in DROPOUTS] == sorted((row[1] for row in DROPOUTS), reverse=True)


def test_a_wide_network_needs_dropout_after_fewer_passes():
    training = TrainingConfig(epochs=5)
    assert chosen(LanguageModelConfig(hidden=128), training).config.dropout == 0.0
    assert chosen(LanguageModelConfig(hidden=512), training).config.dropout == 0.2
    assert chosen(LanguageModelConfig(hidden=2048), training).config.dropout == 0.4


def test_an_optimizer_that_was_asked_for_has_a_rate_of_its_own():
    rates = [
        chosen(training=TrainingConfig(minutes=3, optimizer=name)).training.learning_rate
        for name in ("muon", "adamw", "sgd")
    ]
    assert rates == pytest.approx([1e-2, 5e-3, 5e-3])


def test_a_budget_of_steps_counts_the_units_of_its_windows():
    steps = 4 * LONG.units // (64 * 100)
    training = TrainingConfig(steps=steps, batch_size=64, tbptt_steps=100)
    assert chosen(training=training).config.dropout == 0.2
    shorter = TrainingConfig(steps=steps // 2, batch_size=64, tbptt_steps=100)
    assert chosen(training=shorter).config.dropout == 0.0


def test_a_larger_network_than_chosen_passes_over_the_text_less_often():
    training = TrainingConfig(minutes=3)  # some 4 passes at the chosen size
    assert chosen(training=training).config.dropout == 0.2
    assert chosen(LanguageModelConfig(hidden=1024), training).config.dropout == 0.0


def test_a_large_vocabulary_slows_training_down():
    training = TrainingConfig(minutes=3)
    words = CorpusFacts(units=1_000_000, vocabulary=30_000)
    assert chosen(training=training, corpus=words).config.dropout == 0.0


def test_a_short_budget_is_not_spent_on_measuring():
    training = TrainingConfig(minutes=0.2)  # trains on some half a million
    assert 100_000 < chosen(training=training).config.valid_limit < 200_000
    wide = LanguageModelConfig(hidden=1024)
    assert chosen(wide, training).config.valid_limit < 20_000
    assert chosen(training=TrainingConfig(minutes=1e-6)).config.valid_limit >= 2


@pytest.mark.parametrize("training", [{"minutes": 3}, {"steps": 10}, {"epochs": 1}])
def test_otherwise_the_limit_of_what_is_measured_is_the_option_s_own(training):
    choice = chosen(training=TrainingConfig(**training))
    assert choice.config.valid_limit == LanguageModelConfig().valid_limit
    assert "valid_limit" not in choice.chosen


def test_a_limit_of_what_is_measured_that_was_given_is_kept():
    config = LanguageModelConfig(valid_limit=1_000_000)
    assert chosen(config, TrainingConfig(minutes=0.2)).config.valid_limit == 1_000_000


@pytest.mark.parametrize("units", [2, 3, 10, 100, 1_000, 10_000, 10**6])
def test_windows_fit_the_text(units):
    training = chosen(corpus=CorpusFacts(units, 65)).training
    rows, steps = training.batch_size, training.tbptt_steps
    assert units >= rows * steps + 1
    assert 1 <= rows <= BATCH_SIZE
    assert 1 <= steps <= TBPTT_STEPS
    if units > LEAST_WINDOWS:
        assert (units - 1) // (rows * steps) >= LEAST_WINDOWS


@pytest.mark.parametrize("given", [{"batch_size": 32}, {"tbptt_steps": 20}])
def test_windows_fit_the_text_with_one_of_the_two_given(given):
    training = chosen(training=TrainingConfig(**given), corpus=CorpusFacts(400, 65)).training
    assert training.batch_size * training.tbptt_steps + 1 <= 400
    for name, value in given.items():
        assert getattr(training, name) == value


@pytest.mark.parametrize("cell", cell_classes())
def test_every_cell_has_a_rule(cell):
    choice = chosen(LanguageModelConfig(cell=cell))
    assert choice.config.layers >= CELLS.get(cell, ANY_CELL).least_layers
    assert (choice.config.forget_bias is not None) == (cell == "lstm")


def test_what_is_special_of_some_cells_is_said_of_cells_that_there_are():
    assert set(CELLS) <= set(cell_classes())


def test_the_last_rows_of_the_tables_take_everything():
    assert SIZES[-1].least_text == SIZES[-1].least_training == 0
    assert DROPOUTS[-1][0] == 0.0


@pytest.fixture
def amx(monkeypatch):
    """A machine with AMX, as far as the rule asks torch."""
    ask = "suimon.tasks.precision.get_capabilities"
    monkeypatch.setattr(ask, lambda: {"amx_bf16": True})


def precision(training=None, **config):
    return chosen(LanguageModelConfig(**config), training).training.precision


def native_lstm() -> str:
    """The precision that suits an LSTM here, if the processor had AMX."""
    with torch.autocast("cpu", torch.bfloat16):
        (place,) = explain(LSTM(2, 2)).scans
    return "bf16" if place.backend == "cpu" else "fp32"


def test_amx_trains_in_bf16_what_a_native_kernel_takes_in_it(amx):
    assert precision() == native_lstm()
    assert precision(weight_dropout=0.2, norm_between=True, layers=2) == native_lstm()
    for too in ({"layer_norm": True}, {"recurrent_dropout": 0.2}, {"cell": "gru"}):
        assert precision(**too) == native_lstm()
    assert precision(cell="jordan") == "fp32"


@pytest.mark.parametrize("cell", ["mingru", "minlstm"])
def test_gates_that_multiply_over_the_whole_sequence_are_not_rounded(amx, cell):
    assert precision(cell=cell) == "fp32"


def test_without_amx_it_is_fp32(monkeypatch):
    ask = "suimon.tasks.precision.get_capabilities"
    monkeypatch.setattr(ask, lambda: {"avx512_f": True})
    assert precision() == "fp32"


def test_a_precision_that_was_given_is_kept(amx):
    for given in ("fp32", "bf16"):
        choice = chosen(training=TrainingConfig(precision=given))
        assert choice.training.precision == given
        assert "precision" not in choice.chosen


def test_asking_for_the_precision_uses_no_random_number(amx):
    before = torch.get_rng_state()
    precision()
    assert torch.equal(torch.get_rng_state(), before)


def test_options_that_contradict_each_other_are_refused_by_the_rule_too(amx):
    with pytest.raises(ConfigError, match="layer_norm is True, but cell jordan does not take it"):
        chosen(LanguageModelConfig(cell="jordan", layer_norm=True))
