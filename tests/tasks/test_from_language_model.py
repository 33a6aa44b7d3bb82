"""Starting a classifier from the layers of a language model."""

import pytest
import torch

from suimon import SequenceClassifier
from suimon.errors import CheckpointError, ConfigError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.infer import load
from suimon.tasks.classification.train import RUNS as CLASSIFIERS
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.infer import load as load_language_model
from suimon.tasks.language_model.train import train as train_language_model
from suimon.tasks.learnt_texts import read_learnt
from suimon.training import TrainingConfig
from suimon.training.interrupt import TrainingInterrupted
from tests.tasks.classification.conftest import opinions
from tests.tasks.test_contract import InterruptAt

ONE_STEP = TrainingConfig(steps=1, learning_rate=1e-12, weight_decay=0.0, averaging=0.0)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """``opinions.csv`` with labels, and ``opinions.txt``, whose lines are half of its texts."""
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    data = opinions(60)
    assert data.labels is not None
    rows = [f'{label},"{text}"' for label, text in zip(data.labels, data.sequences, strict=True)]
    (tmp_path / "opinions.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    texts = [str(text) for text in data.sequences[:30]]
    (tmp_path / "opinions.txt").write_text("\n".join(texts * 4) + "\n")
    return tmp_path


def language_model(folder, **options):
    config = LanguageModelConfig(
        **{"units": "words", "words": "marks", "embedding": 6, "hidden": 5, "layers": 1} | options
    )
    training = TrainingConfig(steps=2, batch_size=2, tbptt_steps=8)
    train_language_model([folder / "opinions.txt"], folder / "lm", config, training)
    return folder / "lm"


def classifier(folder, **options):
    config = ClassificationConfig(label="label", text="text", **options)
    CLASSIFIERS.train([folder / "opinions.csv"], folder / "run", config, ONE_STEP)
    return load(folder / "run")


def test_the_estimator_begins_with_it(places):
    run = language_model(places)
    still = {"weight_decay": 0.0, "averaging": 0.0, "from_": str(run), "branch": "bag-of-words"}
    data = opinions(60)
    model = SequenceClassifier(epochs=1, learning_rate=1e-12, options=still)
    model.fit(data.sequences, data.labels)
    network, source = model.model_.network, load_language_model(run).network
    assert model.config_.hidden == 5
    assert network.branch is not None
    torch.testing.assert_close(network.embedding.weight, source.embedding.weight)
    mine, theirs = (part.recurrent.state_dict()["weight_hh_l0"] for part in (network, source))
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("units", ["words", "chars", "bpe"])
def test_forwards_it_computes_what_the_language_model_computes(places, layers, units):
    run = language_model(places, units=units, layers=layers)
    found = classifier(places, from_=str(run), units=units)
    source = load_language_model(run)
    assert found.preprocessing.units.symbols == source.units.symbols
    assert not found.preprocessing.lowercase  # the sentences have capitals
    tokens = torch.arange(1, 7)[:, None]
    with torch.no_grad():
        vectors = found.network.embedding(tokens)
        theirs, _ = source.network.recurrent(source.network.embedding(tokens))
        ours, _ = found.network.recurrent(vectors)
        theirs_back, _ = source.network.recurrent(source.network.embedding(tokens.flip(0)))
    torch.testing.assert_close(ours[..., :5], theirs, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours[..., 5:], theirs_back.flip(0), atol=1e-5, rtol=0)


def test_it_resumes_exactly_and_without_what_it_began_with(places):
    run = language_model(places)
    vectors = places / "vectors.txt"
    vectors.write_text("lovely 1 2 3\nfilm 4 5 6\n")
    long = TrainingConfig(steps=6, batch_size=8)
    for beginning in ({"from_": str(run)}, {"vectors": str(vectors)}):
        config = ClassificationConfig(label="label", text="text", **beginning)
        whole, cut = (places / f"{name}-{next(iter(beginning))}" for name in ("whole", "cut"))
        CLASSIFIERS.train([places / "opinions.csv"], whole, config, long)
        with pytest.raises(TrainingInterrupted):
            CLASSIFIERS.train(
                [places / "opinions.csv"], cut, config, long, observers=[InterruptAt(3)]
            )
        run.rename(places / "gone") if run.exists() else vectors.unlink()
        CLASSIFIERS.resume(cut)
        expected, found = (load(each).network.state_dict() for each in (whole, cut))
        assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_texts_of_the_language_model_count_as_overlap(places):
    run = language_model(places)
    (places / "few.csv").write_text("label,text\npos,a lovely story\nneg,so dull\n")
    config = ClassificationConfig(label="label", text="text", from_=str(run), longest=50)
    CLASSIFIERS.train(
        [places / "few.csv"],
        places / "run",
        config.model_copy(update={"valid_files": (str(places / "few.csv"),)}),
        ONE_STEP,
    )
    learnt = read_learnt(places / "run")
    assert learnt is not None
    distinct = {text.rstrip(".").lower() for text in opinions(60).sequences[:30]}
    assert len(learnt) == len(distinct) + 2
    facts = load(places / "run").evaluate([places / "opinions.csv"])
    assert facts["overlap"]["count"] == sum(
        text.rstrip(".").lower() in distinct for text in opinions(60).sequences
    )


def test_where_the_text_is_gone_a_notice_says_so(places):
    run = language_model(places)
    (places / "opinions.txt").unlink()
    found, notices = LanguageModelStart.read(run).fingerprints()
    assert len(found) == 0
    assert len(notices) == 1
    assert "is not counted as overlap" in notices[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 9}, r"hidden = 9, but the language model in .*lm has 5: leave it out"),
        ({"units": "chars"}, r"units = chars, but the language model"),
        ({"cell": "gru"}, r"cell = gru, but the language model"),
        ({"vocabulary": 50}, r"vocabulary = 50, but that of .*lm is taken over"),
        ({"vectors": "vectors.txt"}, "begins in one way only"),
    ],
)
def test_options_that_its_layers_do_not_have_are_refused(places, options, message):
    run = language_model(places)
    with pytest.raises(ConfigError, match=message):
        classifier(places, from_=str(run), **options)
    assert not (places / "run").exists()


def test_a_run_of_another_task_is_refused(places):
    classifier(places)
    config = ClassificationConfig(label="label", text="text", from_=str(places / "run"))
    with pytest.raises(CheckpointError, match="is a run of the task 'classification'"):
        CLASSIFIERS.train([places / "opinions.csv"], places / "second", config, ONE_STEP)
