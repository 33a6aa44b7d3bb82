"""The task's options: ranges, names, and what a user's slip is answered with."""

import pytest

from suimon.cells import cell_classes
from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.training.options import parse_options


def test_nothing_given_means_characters_an_lstm_and_sizes_left_to_the_rule():
    config = LanguageModelConfig()
    assert (config.units, config.cell, config.valid_fraction) == ("chars", "lstm", 0.1)
    assert config.layers is config.hidden is config.embedding is config.dropout is None


@pytest.mark.parametrize("name", ["elman", "Elman", "rnn", "RNN"])
def test_rnn_is_another_name_of_the_elman_network(name):
    assert LanguageModelConfig(cell=name).cell == "elman"


def test_every_cell_is_offered():
    for kind in cell_classes():
        assert LanguageModelConfig(cell=kind.upper()).cell == kind


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstn"}, "cell = 'lstn': give one of elman, gru, jordan, lstm, mingru"),
        ({"hidden": 0}, "hidden = 0: give a whole number from 1, at most 65536"),
        ({"dropout": 1.0}, r"dropout = 1\.0: give a number from 0, below 1"),
        ({"units": "letters"}, "units = 'letters': give one of chars, bytes, words, bpe"),
        ({"hiden": 3}, "unknown option hiden: did you mean hidden"),
    ],
)
def test_slips_are_one_line_that_names_the_range(options, message):
    with pytest.raises(ConfigError, match=message) as raised:
        parse_options(LanguageModelConfig, options)
    assert "\n" not in str(raised.value)
