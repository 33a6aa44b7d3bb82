"""Starting a tagger from the layers of a language model."""

import pytest
import torch

from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.infer import load as load_language_model
from suimon.tasks.language_model.train import train as train_language_model
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.infer import load
from suimon.tasks.tagging.train import resume, train
from suimon.training import TrainingConfig, TrainingInterrupted
from tests.tasks.tagging.conftest import conll, sentences
from tests.tasks.test_contract import InterruptAt

ONE_STEP = TrainingConfig(steps=1, learning_rate=1e-12, weight_decay=0.0, averaging=0.0)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """``people.conll``, and ``people.txt``, whose lines are its sentences and others."""
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    data = sentences(60)
    (tmp_path / "people.conll").write_text(conll(data))
    lines = [" ".join(words) for words in data.sequences]
    (tmp_path / "people.txt").write_text("\n".join([*lines, "Dora stays at home"] * 3) + "\n")
    return tmp_path


def language_model(folder, **options):
    config = LanguageModelConfig(
        **{"units": "words", "words": "marks", "embedding": 6, "hidden": 5, "layers": 1} | options
    )
    training = TrainingConfig(steps=2, batch_size=2, tbptt_steps=8)
    train_language_model([folder / "people.txt"], folder / "lm", config, training)
    return folder / "lm"


def tagger(folder, name="run", training=ONE_STEP, **options):
    train([folder / "people.conll"], folder / name, TaggingConfig(**options), training)
    return load(folder / name)


@pytest.mark.parametrize(("layers", "characters"), [(1, True), (2, False), (2, True)])
def test_it_begins_with_the_very_weights(places, layers, characters):
    run = language_model(places, layers=layers)
    found = tagger(places, from_=str(run), characters=characters)
    source = load_language_model(run)
    assert found.preprocessing.words is not None
    assert found.preprocessing.words.symbols == source.units.symbols
    assert not found.preprocessing.lowercase  # the text has capitals
    torch.testing.assert_close(
        found.network.embedding.weight, source.network.embedding.weight, atol=1e-6, rtol=0
    )
    tokens = torch.arange(1, 7)[:, None]
    with torch.no_grad():
        vectors = source.network.embedding(tokens)
        beside = torch.randn(6, 1, found.network.recurrent.input_size - 6)  # of the letters
        ours, _ = found.network.recurrent(torch.cat([vectors, beside], dim=-1))
        theirs, _ = source.network.recurrent(vectors)
        theirs_back, _ = source.network.recurrent(vectors.flip(0))
    torch.testing.assert_close(ours[..., :5], theirs, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours[..., 5:], theirs_back.flip(0), atol=1e-5, rtol=0)


def test_it_resumes_exactly_and_without_the_language_model(places):
    run = language_model(places)
    long = TrainingConfig(steps=6, batch_size=8)
    whole = tagger(places, "whole", long, from_=str(run))
    data, config = [places / "people.conll"], TaggingConfig(from_=str(run))
    with pytest.raises(TrainingInterrupted):
        train(data, places / "cut", config, long, observers=[InterruptAt(3)])
    run.rename(places / "gone")
    (places / "people.txt").unlink()
    resume(places / "cut")
    found = load(places / "cut")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, found.network.state_dict()[name]), name


def test_its_lines_and_the_training_sentences_count_as_overlap(places):
    run = language_model(places)
    found = tagger(places, from_=str(run))
    (places / "test.conll").write_text(
        "Dora O\nstays O\nat O\nhome O\n\nAnna B-PER\nstays O\nat O\nhome O\n\n"
        "Anna B-PER\nSmith I-PER\nwent O\nto O\nOslo B-LOC\n"
    )
    assert found.evaluate([places / "test.conll"])["overlap"] == {"count": 2, "share": 2 / 3}
    alone = tagger(places, "alone")
    assert alone.evaluate([places / "test.conll"])["overlap"]["count"] == 1


@pytest.mark.parametrize(
    ("of_the_run", "options", "message"),
    [
        ({}, {"hidden": 9}, r"hidden = 9, but the language model in .*lm has 5: leave it out"),
        ({}, {"vocabulary": 50}, r"vocabulary = 50, but that of .*lm is taken over"),
        ({"units": "chars"}, {}, r"has units chars, and here they are words: start from another"),
    ],
)
def test_what_does_not_fit_is_refused(places, of_the_run, options, message):
    run = language_model(places, **of_the_run)
    with pytest.raises(ConfigError, match=message):
        tagger(places, from_=str(run), **options)
    assert not (places / "run").exists()


def test_numbers_have_no_words(places):
    (places / "walk.csv").write_text("x,label\n" + "1,a\n2,b\n" * 20)
    config = TaggingConfig(values=("x",), from_="lm")
    with pytest.raises(ConfigError, match=r"from .*lm is for words, and the data is series"):
        train([places / "walk.csv"], places / "run", config, ONE_STEP)
