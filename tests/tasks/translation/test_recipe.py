import pytest

from suimon.data.pairs import SentencePairs
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.recipe import choose
from suimon.training.config import TrainingConfig
from tests.tasks.translation.conftest import counting, reversals


def chosen(pairs: SentencePairs, **options):
    for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
    for_task = {n: v for n, v in options.items() if n not in for_loop}
    return choose(TranslationConfig(**for_task), TrainingConfig(**for_loop), pairs)


def test_sentences_are_sub_words_and_single_stretches_characters():
    sentences = chosen(counting(200)).config
    assert (sentences.source_units, sentences.target_units) == ("bpe", "bpe")
    assert sentences.source_vocabulary == 512
    stretches = chosen(reversals(200)).config
    assert (stretches.source_units, stretches.target_units) == ("chars", "chars")
    assert stretches.source_vocabulary is None
    dates = SentencePairs(["May 4, 1999"], ["1999-05-04"], str)
    assert chosen(dates).config.source_units == "chars"
    assert chosen(dates, source_units="words").config.target_units == "chars"


def test_words_that_occur_once_are_the_unknown_word():
    pairs = SentencePairs(["a b", "b c", "C d"], ["x y", "x y", "x Z"], str)
    config = chosen(pairs, source_units="words", target_units="words").config
    assert (config.source_vocabulary, config.target_vocabulary) == (2, 2)


def test_what_is_given_is_kept_and_the_rest_is_complete():
    choice = chosen(counting(200), hidden=7, target_vocabulary=300, learning_rate=0.5, steps=9)
    assert (choice.config.hidden, choice.config.target_vocabulary) == (7, 300)
    assert (choice.training.learning_rate, choice.training.steps) == (0.5, 9)
    assert choice.training.epochs is None
    given = {"hidden", "target_vocabulary", "learning_rate", "steps", "epochs"}
    assert not given & set(choice.chosen)
    assert None not in (choice.config.layers, choice.config.dropout, choice.config.label_smoothing)
    assert choice.config.forget_bias == 1.0
    assert chosen(counting(200), cell="gru").config.forget_bias is None


@pytest.mark.parametrize(
    ("pairs", "rows", "epochs"),
    [(reversals(400), 16, 32), (reversals(40_000), 128, 26), (counting(10_000), 64, 32)],
)
def test_batches_and_epochs_follow_the_number_of_pairs(pairs, rows, epochs):
    choice = chosen(pairs)
    assert (choice.training.batch_size, choice.training.epochs) == (rows, epochs)
