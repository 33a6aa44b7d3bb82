import numpy as np
import pytest
import sacrebleu

from suimon.data.pairs import SentencePairs
from suimon.data.text.overlap import fingerprints
from suimon.errors import ConfigError, DataError
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.infer import TrainedTranslator
from suimon.tasks.translation.scores import scored
from suimon.tasks.translation.train import make_plan
from suimon.training.config import TrainingConfig
from suimon.training.loop import train
from tests.tasks.translation.conftest import NUMBERS, WORDS, counting

OPTIONS = {"hidden": 32, "layers": 1, "embedding": 16, "dropout": 0.0, "input_dropout": 0.0}
OPTIONS |= {"source_units": "words", "target_units": "words", "label_smoothing": 0.0}


def lines(*texts: str) -> SentencePairs:
    return SentencePairs(texts, None, lambda n: f"line {n + 1}")


@pytest.fixture(scope="module")
def translator() -> TrainedTranslator:
    """One that counts in two languages, word by word."""
    training = TrainingConfig(steps=400, batch_size=16, learning_rate=0.02, evaluate_every=200)
    plan = make_plan(counting(300), None, TranslationConfig(**OPTIONS), training)
    return TrainedTranslator(
        train(plan.task, training).model,
        plan.task.preprocessing,
        plan.task.config,  # pyright: ignore
    )


def test_each_source_becomes_its_target_in_order_and_an_empty_one_nothing(translator):
    said = list(translator.translate(lines("Drei eins vier.", "", "neun  neun .", "Null fünf.")))
    assert [found.text for found in said] == [
        "Three one four.",
        "",
        "Nine nine.",
        "Zero five.",
    ]
    assert said[1].alignment is None
    assert all(found.log_probability < 0 for found in said if found.text)


def test_alone_and_among_others_the_same(translator):
    texts = counting(40, seed=9).sources
    together = [found.text for found in translator.translate(lines(*texts), beam=3)]
    alone = [next(translator.translate(lines(text), beam=3)).text for text in texts]
    assert together == alone


def test_the_alignment_has_a_row_a_unit_and_finds_the_words(translator):
    (found,) = translator.translate(lines("Drei eins vier sieben."))
    assert found.source_units == ("drei", "eins", "vier", "sieben", ".")
    assert found.target_units == ("Three", "one", "four", "seven", ".")
    assert found.alignment is not None
    assert found.alignment.shape == (5, 5)
    np.testing.assert_allclose(found.alignment.sum(axis=1), 1, rtol=1e-5)


def test_an_unknown_word_is_taken_from_where_attention_looks(translator, monkeypatch):
    target = translator.preprocessing.target.units
    real = translator._searched

    def with_an_unknown(rows, *options):
        (found,) = real(rows, *options)
        tokens = (found.tokens[0], target.unknown_id, *found.tokens[2:])
        weights = found.weights.clone()
        weights[1] = 0.0
        weights[1, 1] = 1.0
        return [type(found)(tokens, found.log_probability, found.score, weights)]

    monkeypatch.setattr(translator, "_searched", with_an_unknown)
    (found,) = translator.translate(lines("Drei Tokio vier."))
    assert found.text.split()[1] == "Tokio"
    assert found.target_units[1] == "Tokio"


def test_no_unknown_word_is_written_where_none_is_replaced(translator):
    bias = translator.network.decoder.head.bias
    before = bias.detach().clone()
    try:
        bias.data[translator.preprocessing.target.units.unknown_id] = 50.0
        (found,) = translator.translate(lines("Drei eins."), replace_unknown=False)
        assert "<unk>" not in found.target_units
        (found,) = translator.translate(lines("Drei eins."))
        assert set(found.target_units) <= {"Drei", "eins", "."}
    finally:
        bias.data.copy_(before)


def test_what_predict_says_of_a_file(translator, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("Drei eins.\n\n")
    plain = list(translator.predictions([path]))
    assert [translator.line(said) for said in plain] == ["Three one.", ""]
    assert plain[0]["place"] == f"{path}, line 1"
    assert len(plain[0]["alignment"]) == 3
    linked = list(translator.predictions([path], alignment=True, beam=2))
    text, _, links = translator.line(linked[0]).partition("\t")
    matrix = np.array(linked[0]["alignment"])
    assert text == "Three one."
    assert links == " ".join(f"{row.argmax()}-{n}" for n, row in enumerate(matrix))
    with pytest.raises(DataError, match="2 paths are given: name one file of sources"):
        list(translator.predictions([path, path]))


def test_evaluation_is_sacrebleu_s(translator, tmp_path):
    pairs = counting(30, seed=5)
    assert pairs.targets is not None
    targets = [target if n % 3 else "Seven of nine." for n, target in enumerate(pairs.targets)]
    de, en = tmp_path / "a.de", tmp_path / "a.en"
    de.write_text("\n".join(pairs.sources) + "\n")
    en.write_text("\n".join(targets) + "\n")
    translator.learnt = fingerprints(counting(300).sources, marks=True)
    measured = translator.evaluate([de, en], beam=2)
    written = [found.text for found in translator.translate(pairs, beam=2)]
    assert measured["bleu"] == pytest.approx(sacrebleu.corpus_bleu(written, [targets]).score)
    lower = sacrebleu.corpus_bleu(written, [targets], lowercase=True).score
    assert measured["bleu_lowercase"] == pytest.approx(lower)
    assert measured["chrf"] == pytest.approx(sacrebleu.corpus_chrf(written, [targets]).score)
    assert "tok:13a" in measured["bleu_signature"]
    assert "case:lc" in measured["bleu_lowercase_signature"]
    assert measured["sentences"] == 30
    assert measured["exact"] == sum(map(str.__eq__, written, targets)) / 30 > 0.5
    learnt = {" ".join(text.lower().split()) for text in counting(300).sources}
    seen = sum(text.lower() in learnt for text in pairs.sources)
    assert measured["overlap"] == {"count": seen, "share": seen / 30}


def test_scores_of_what_is_right_are_whole():
    text = [" ".join(NUMBERS), " ".join(WORDS)]
    found = scored(text, text)
    assert found["bleu"] == found["bleu_lowercase"] == pytest.approx(100)
    assert found["chrf"] == pytest.approx(100)
    found = scored([line.upper() for line in text], text)
    assert found["bleu"] == 0.0
    assert found["bleu_lowercase"] == pytest.approx(100)
    found = scored(["yes"], ["yes"])  # one word: BLEU counts fours
    assert (found["bleu"], found["bleu_lowercase"]) == (None, None)
    assert found["chrf"] == pytest.approx(100)


@pytest.mark.parametrize("options", [{"beam": 0}, {"length_penalty": float("nan")}])
def test_a_search_out_of_range_is_refused(translator, options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is"):
        list(translator.translate(lines("Drei."), **options))
