"""Loss and evaluation: against cross-entropies worked out by hand and closed forms."""

import math

import pytest
import torch

from suimon.data.batch import IGNORED_TARGET
from suimon.data.text import corpus_of_text, whole
from suimon.data.text.units import UnitsOptions
from suimon.tasks.language_model import objective
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.model import build_network
from suimon.tasks.language_model.objective import (
    CONTEXT,
    LanguageModelling,
    Surprise,
    cross_entropy_sum,
    measure_surprise,
)
from suimon.training.config import TrainingConfig
from tests.tasks.language_model.conftest import RAIN, Bigram, split_of


def task(text: str = RAIN, **options) -> LanguageModelling:
    config = LanguageModelConfig(layers=1, hidden=8, embedding=4, **options)
    return LanguageModelling(config, TrainingConfig(batch_size=3, tbptt_steps=5), split_of(text))


def test_cross_entropy_of_two_steps_by_hand():
    logits = torch.tensor([[[0.0, math.log(3.0)]], [[math.log(4.0), 0.0]]])  # (2, 1, 2)
    targets = torch.tensor([[1], [1]])
    expected = -math.log(3 / 4) - math.log(1 / 5)
    assert cross_entropy_sum(logits, targets).item() == pytest.approx(expected)


def test_ignored_targets_do_not_count():
    logits = torch.randn(4, 2, 5)
    targets = torch.randint(5, (4, 2))
    kept = cross_entropy_sum(logits[:3], targets[:3])
    targets[3] = IGNORED_TARGET
    torch.testing.assert_close(cross_entropy_sum(logits, targets), kept)


def test_half_precision_logits_are_summed_in_single_precision():
    logits = torch.zeros(4096, 1, 2, dtype=torch.bfloat16)
    total = cross_entropy_sum(logits, torch.zeros(4096, 1, dtype=torch.long))
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(4096 * math.log(2), rel=1e-5)


def test_loss_of_windows_with_carried_state_is_the_loss_of_the_whole():
    ours = task()
    model = ours.build_model().eval()
    stream = ours.batches(0, 1)
    first, second = stream.next_batch(), stream.next_batch()
    one = ours.loss(model, first, None)
    two = ours.loss(model, second, one.carried)
    logits, _ = model(torch.cat([first.inputs, second.inputs]))
    expected = cross_entropy_sum(logits, torch.cat([first.targets, second.targets]))
    torch.testing.assert_close(one.total + two.total, expected)
    assert one.count == two.count == 15


def test_an_even_network_has_the_loss_ln_v_whatever_the_split():
    part = whole(corpus_of_text(RAIN))
    V = part.corpus.units.size
    for rows in (None, 1, 7, 64):
        found = measure_surprise(Bigram(torch.zeros(V, V)), part, rows)
        assert found.units == len(RAIN) - 1
        assert found.loss == pytest.approx(math.log(V), rel=1e-5)
        assert found.perplexity == pytest.approx(V, rel=1e-4)


def test_a_bigram_model_has_its_closed_form_whatever_the_split():
    part = whole(corpus_of_text(RAIN))
    V = part.corpus.units.size
    table = torch.randn(V, V)
    tokens = torch.from_numpy(part.tokens.astype("int64"))
    expected = -table.log_softmax(-1)[tokens[:-1], tokens[1:]].double().sum().item()
    for rows in (None, 1, 5, 50):
        assert measure_surprise(Bigram(table), part, rows).nats == pytest.approx(expected, rel=1e-5)


def test_one_row_is_one_unbroken_reading_and_many_rows_come_close():
    part = whole(corpus_of_text(RAIN))
    model = build_network(LanguageModelConfig(layers=1, hidden=8, embedding=4), 20).eval()
    tokens = torch.from_numpy(part.tokens.astype("int64")).unsqueeze(1)
    with torch.no_grad():
        logits, _ = model(tokens[:-1])
    expected = cross_entropy_sum(logits, tokens[1:]).item()
    assert measure_surprise(model, part, rows=1).nats == pytest.approx(expected, rel=1e-5)
    # Random weights forget within CONTEXT steps, so here the rows lose nothing.
    assert measure_surprise(model, part, rows=9).nats == pytest.approx(expected, rel=1e-4)


def test_a_reading_in_many_windows_is_one_unbroken_reading(monkeypatch):
    part = whole(corpus_of_text(RAIN))
    model = build_network(LanguageModelConfig(layers=1, hidden=8, embedding=4, forget_bias=5.0), 20)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0)  # strong enough for the past to matter
    once = measure_surprise(model, part, rows=1).nats
    monkeypatch.setattr(objective, "LOGITS_A_CALL", 7 * part.corpus.units.size)
    assert measure_surprise(model, part, rows=1).nats == pytest.approx(once, rel=1e-5)


def test_the_seed_and_the_process_decide_what_is_read():
    split = split_of(RAIN)
    config = LanguageModelConfig(layers=1, hidden=8, embedding=4)

    def first(seed: int, rank: int = 0, world_size: int = 1) -> list:
        training = TrainingConfig(batch_size=4, tbptt_steps=5, seed=seed)
        stream = LanguageModelling(config, training, split).batches(rank, world_size)
        return stream.next_batch().inputs.T.tolist()

    assert first(seed=1) == first(seed=1) != first(seed=2)
    assert first(1, rank=0, world_size=2) + first(1, rank=1, world_size=2) == first(seed=1)


def test_a_text_shorter_than_its_context_is_read():
    part = whole(corpus_of_text("abab"))
    found = measure_surprise(Bigram(torch.zeros(3, 3)), part)
    assert (found.units, found.characters) == (3, 3)
    assert len("abab") < CONTEXT


@pytest.mark.parametrize("kind", ["chars", "bytes", "words", "bpe"])
def test_bits_per_char_are_of_the_original_text_for_all_units(kind):
    text = "水が 流れる。 日が 昇る。\n" * 40
    part = whole(corpus_of_text(text, units=UnitsOptions(kind, 300 if kind == "bpe" else None)))
    V = part.corpus.units.size
    found = measure_surprise(Bigram(torch.zeros(V, V)), part)
    targets = len(part.tokens) - 1
    first = len(text) - part.target_characters  # characters of the unit that nothing foretells
    assert 0 < first < 10
    expected = targets * math.log2(V) / (len(text) - first)
    assert found.bits_per_char == pytest.approx(expected, rel=1e-5)


def test_perplexity_of_a_hopeless_model_is_infinite_and_no_error():
    assert Surprise(nats=1e6, units=10, characters=10).perplexity == math.inf


def test_evaluation_reports_loss_metrics_and_count_of_the_validation_text():
    ours = task()
    model = ours.build_model()
    found = ours.evaluate(model)
    expected = measure_surprise(model, ours.split.valid)
    assert found.loss == expected.loss
    assert ours.evaluation_tokens == len(ours.split.valid) - 1
    assert found.metrics["bits_per_char"] == pytest.approx(found.loss / math.log(2))
    assert found.metrics["perplexity"] == pytest.approx(math.exp(found.loss))


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_leaves_the_mode_and_draws_no_dropout(training):
    ours = task(input_dropout=0.5)
    model = ours.build_model().train(training)
    assert ours.evaluate(model) == ours.evaluate(model)
    assert model.training == training
