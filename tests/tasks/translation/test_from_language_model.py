"""Starting encoder and decoder from the layers of language models of their languages."""

import pytest
import torch

from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.infer import load as load_language_model
from suimon.tasks.language_model.train import train as train_language_model
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.infer import load
from suimon.tasks.translation.train import resume, train
from suimon.training import TrainingConfig, TrainingInterrupted
from tests.tasks.test_contract import InterruptAt
from tests.tasks.translation.conftest import counting

ONE_STEP = TrainingConfig(steps=1, learning_rate=1e-12, weight_decay=0.0, averaging=0.0)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """``a.de`` and ``a.en``, parallel, and ``more.de``, ``more.en`` for language models."""
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    pairs = counting(60)
    (tmp_path / "a.de").write_text("\n".join(pairs.sources) + "\n")
    (tmp_path / "a.en").write_text("\n".join(pairs.targets or ()) + "\n")
    (tmp_path / "more.de").write_text("\n".join(["Zehn elf zwölf.", *pairs.sources] * 3) + "\n")
    more = ["Ten eleven twelve.", *(pairs.targets or ())] * 3
    (tmp_path / "more.en").write_text("\n".join(more) + "\n")
    return tmp_path


def language_model(folder, language="de", **options):
    config = LanguageModelConfig(
        **{"units": "words", "words": "marks", "embedding": 6, "hidden": 5, "layers": 1} | options
    )
    training = TrainingConfig(steps=2, batch_size=2, tbptt_steps=8)
    run = folder / f"{language}-lm"
    train_language_model([folder / f"more.{language}"], run, config, training)
    return run


def translator(folder, name="run", training=ONE_STEP, **options):
    config = TranslationConfig(**options)
    train([folder / "a.de", folder / "a.en"], folder / name, config, training)
    return load(folder / name)


@pytest.mark.parametrize("units", ["words", "chars"])
def test_the_encoder_begins_with_the_very_weights(places, units):
    run = language_model(places, units=units)
    found, source = translator(places, from_=str(run)), load_language_model(run)
    assert found.preprocessing.source.units.symbols == source.units.symbols
    assert not found.preprocessing.source.lowercase  # the text has capitals
    tokens = torch.arange(1, 7)[:, None]
    with torch.no_grad():
        ours, _ = found.network.encoder(found.network.embedding(tokens))
        theirs, _ = source.network.recurrent(source.network.embedding(tokens))
    torch.testing.assert_close(ours[..., :5], theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("feeding", [False, True])
def test_the_decoder_begins_with_the_very_weights(places, feeding):
    run = language_model(places, "en")
    found = translator(places, from_target=str(run), input_feeding=feeding, bidirectional=False)
    decoder, source = found.network.decoder, load_language_model(run)
    assert found.preprocessing.target.units.symbols == source.units.symbols
    assert found.preprocessing.source.units.kind == "bpe"  # as the rule has it
    tokens = torch.arange(1, 7)[:, None]
    with torch.no_grad():
        theirs, _ = source.network.recurrent(source.network.embedding(tokens))
        vectors = decoder.embedding(tokens)
        # What attention gave the step before counts nothing at first.
        fed = torch.randn(6, 1, decoder.recurrent.input_size - 6)
        ours, _ = decoder.recurrent(torch.cat([vectors, fed], dim=-1))
    assert (fed.numel() > 0) == feeding
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_it_resumes_exactly_and_without_the_language_models(places):
    runs = [language_model(places, language) for language in ("de", "en")]
    begun = {"from_": str(runs[0]), "from_target": str(runs[1])}
    long = TrainingConfig(steps=6, batch_size=8)
    whole = translator(places, "whole", long, **begun)
    data, config = [places / "a.de", places / "a.en"], TranslationConfig(**begun)
    with pytest.raises(TrainingInterrupted):
        train(data, places / "cut", config, long, observers=[InterruptAt(3)])
    for run in runs:
        run.rename(places / f"gone-{run.name}")
    resume(places / "cut")
    found = load(places / "cut")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, found.network.state_dict()[name]), name
    (places / "b.de").write_text("zehn elf zwölf.\nZehn zehn.\n")
    (places / "b.en").write_text("Ten.\nten  eleven twelve.\n")
    measured = found.evaluate([places / "b.de", places / "b.en"], beam=1)
    assert measured["overlap"] == measured["target_overlap"] == {"count": 1, "share": 0.5}
    assert measured["notices"] == [
        "1 of 2 sources were learnt from",
        "1 of 2 targets were learnt from",
    ]


@pytest.mark.parametrize(
    ("of_the_run", "options", "message"),
    [
        ({}, {"hidden": 9}, r"hidden = 9, but the language model in .*lm has 5: leave it out"),
        ({}, {"source_units": "bpe"}, r"source_units = bpe, but the language model in .*lm has w"),
        ({}, {"source_vocabulary": 9}, r"source_vocabulary = 9, but that of .*lm is taken over"),
        ({}, {"joint_units": True}, r"joint_units finds units anew, and those of .*lm are taken"),
        ({"units": "bytes"}, {}, r"has units bytes, and here they are words or chars or bpe"),
    ],
)
def test_what_does_not_fit_is_refused(places, of_the_run, options, message):
    run = language_model(places, **of_the_run)
    with pytest.raises(ConfigError, match=message):
        translator(places, from_=str(run), **options)
    assert not (places / "run").exists()


def test_layers_that_differ_from_each_other_are_refused(places):
    runs = language_model(places), language_model(places, "en", hidden=7)
    with pytest.raises(ConfigError, match=r"hidden = 5, but the language model in .*en-lm has 7"):
        translator(places, from_=str(runs[0]), from_target=str(runs[1]))
    with pytest.raises(ConfigError, match=r"joint_units finds units anew, and those of .*en-lm"):
        translator(places, from_target=str(runs[1]), joint_units=True)
