"""A trained model: all kinds of units from text to text, judging files, what it cannot load."""

import math

import pytest

from suimon.errors import CheckpointError, ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.infer import TrainedLanguageModel, load
from suimon.tasks.language_model.model import build_network
from suimon.tasks.language_model.train import train
from suimon.training.config import TrainingConfig
from suimon.training.run_directory import RunDirectory
from tests.tasks.language_model.conftest import RAIN, split_of

TRAINING = TrainingConfig(steps=4, batch_size=4, tbptt_steps=8)


def untrained(text: str = RAIN, **options) -> TrainedLanguageModel:
    config = LanguageModelConfig(hidden=8, embedding=4, layers=1, **options)
    units = split_of(text, **options).train.corpus.units
    return TrainedLanguageModel(build_network(config, units.size, units.unknown_id), units, config)


@pytest.mark.parametrize(
    "options",
    [
        {"units": "chars"},
        {"units": "bytes"},
        {"units": "words"},
        {"units": "words", "words": "janome"},
        {"units": "words", "words": "sudachi"},
        {"units": "bpe", "vocabulary": 300},
    ],
    ids=lambda options: options.get("words", options["units"]),
)
def test_every_kind_of_units_from_file_to_written_text(tmp_path, options):
    if options.get("words") == "janome":
        pytest.importorskip("janome", reason="the extra text-ja is not installed")
    if options.get("words") == "sudachi":
        pytest.importorskip("sudachipy", reason="the extra text-ja is not installed")
    text = "吾輩は 猫である。名前は まだ無い。\n" * 40
    (tmp_path / "neko.txt").write_text(text)
    config = LanguageModelConfig(hidden=8, embedding=4, layers=1, **options)
    result = train([tmp_path / "neko.txt"], tmp_path / "run", config, TRAINING)
    model = load(tmp_path / "run")
    once = model.generate("吾輩は", length=20, seed=3)
    assert once == load(tmp_path / "run").generate("吾輩は", length=20, seed=3)
    assert once
    assert model.unknown("吾輩は") == {}
    measured = model.evaluate([tmp_path / "neko.txt"])
    assert measured["characters"] <= len(text)
    assert measured["tokens"] == len(split_of(text, **options).train.corpus) - 1
    assert measured["loss"] == pytest.approx(math.log(measured["perplexity"]))
    bits = measured["loss"] * measured["tokens"] / math.log(2) / measured["characters"]
    assert measured["bits_per_char"] == pytest.approx(bits)
    assert result.evaluation is not None


def test_a_file_and_its_text_are_judged_alike(rain_file):
    model = untrained()
    from_file, from_text = model.evaluate([rain_file]), model.surprise(RAIN)
    assert from_file["loss"] == pytest.approx(from_text.loss)
    assert from_file["bits_per_char"] == pytest.approx(model.bits_per_char(RAIN))
    assert model.score(RAIN) == -from_text.loss


def test_unknown_characters_are_counted_and_named(tmp_path):
    model = untrained()
    (tmp_path / "new.txt").write_text("the rain in tōkyō")
    measured = model.evaluate([tmp_path / "new.txt"])
    assert measured["unknown"] == 3
    assert measured["notices"] == ["3 units are outside the vocabulary, such as 'ō', 'k'"]
    assert model.unknown("tōkyō") == {"ō": 2, "k": 1}
    assert model.unknown_notice("the rain") is None
    assert model.unknown_notice("tōkyō") == (
        "the model never saw 'ō', 'k' in training (3 in this text): each is read as the one "
        "unknown unit"
    )


def test_many_unknown_characters_are_named_in_part():
    notice = untrained().unknown_notice("".join(map(chr, range(0x4E00, 0x4E00 + 30))))
    assert notice is not None
    assert "and 20 more in training (30 in this text)" in notice


def test_a_training_encoding_is_used_again_and_can_be_overridden(tmp_path):
    text = "水が流れる。" * 50
    (tmp_path / "sjis.txt").write_bytes(text.encode("cp932"))
    (tmp_path / "utf8.txt").write_text(text)
    config = LanguageModelConfig(hidden=8, embedding=4, layers=1, encoding="cp932")
    train([tmp_path / "sjis.txt"], tmp_path / "run", config, TRAINING)
    model = load(tmp_path / "run")
    first = model.evaluate([tmp_path / "sjis.txt"])
    assert first["unknown"] == 0
    assert model.evaluate([tmp_path / "utf8.txt"], encoding="utf-8") == first


def test_marks_that_were_stripped_for_training_are_stripped_for_judging(tmp_path):
    marked, plain = "吾輩《わがはい》は猫［＃「猫」に傍点］である。\n", "吾輩は猫である。\n"
    (tmp_path / "marked.txt").write_text(marked * 50)
    (tmp_path / "plain.txt").write_text(plain * 50)
    config = LanguageModelConfig(hidden=8, embedding=4, layers=1, aozora=True)
    train([tmp_path / "marked.txt"], tmp_path / "run", config, TRAINING)
    model = load(tmp_path / "run")
    assert model.unknown("《わ［＃") == {"《": 1, "わ": 1, "［": 1, "＃": 1}
    measured = model.evaluate([tmp_path / "marked.txt"])
    assert measured["tokens"] == 50 * len(plain) - 1
    assert measured == model.evaluate([tmp_path / "plain.txt"])


def test_many_texts_are_the_single_ones_side_by_side():
    model = untrained()
    many = model.generate_many("the ", count=3, length=20, seed=4)
    assert many[0] == model.generate("the ", length=20, seed=4)
    assert len(set(many)) == 3
    assert [len(text) for text in many] == [20, 20, 20]


def test_a_run_from_when_the_elman_network_was_called_rnn(rain_file, tmp_path):
    config = LanguageModelConfig(cell="elman", hidden=8, embedding=4, layers=1)
    train([rain_file], tmp_path / "run", config, TRAINING)
    text = load(tmp_path / "run").generate("the", length=20, seed=1)
    file = tmp_path / "run" / "config.toml"
    file.write_text(file.read_text().replace('cell = "elman"', 'cell = "rnn"'))
    assert RunDirectory.open(tmp_path / "run").config()["language_model"]["cell"] == "rnn"
    assert load(tmp_path / "run").generate("the", length=20, seed=1) == text


def test_wrong_options_are_refused_before_the_first_piece():
    with pytest.raises(ConfigError, match="top_k is 0"):
        untrained().stream("the", top_k=0)


def test_another_task_s_run_is_refused(tmp_path):
    RunDirectory.create(tmp_path / "run", task="painting", config={}, preprocess={})
    with pytest.raises(CheckpointError, match="is a run of the task 'painting'"):
        load(tmp_path / "run")


def test_a_run_without_weights_yet_is_refused(tmp_path):
    config = LanguageModelConfig(hidden=8, embedding=4, layers=1)
    RunDirectory.create(
        tmp_path / "run",
        task="language_model",
        config={"language_model": config.model_dump()},
        preprocess={"units": split_of(RAIN).train.corpus.units.state()},
    )
    with pytest.raises(CheckpointError):
        load(tmp_path / "run")
