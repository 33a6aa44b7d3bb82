"""What runs on texts keep and say beside their network."""

import sys

import numpy as np
import pytest
import torch

from suimon.errors import ConfigError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.infer import load
from suimon.tasks.classification.train import resume, train
from suimon.training import TrainingConfig
from tests.tasks.classification.conftest import opinions

SHORT = TrainingConfig(steps=20, batch_size=8, learning_rate=0.02)
FRESH = "label,text\npos,What a lovely thing\nneg,How dull that was\n"


@pytest.fixture
def table(tmp_path):
    data = opinions(60)
    assert data.labels is not None
    rows = [f'{label},"{text}"' for label, text in zip(data.labels, data.sequences, strict=True)]
    path = tmp_path / "opinions.csv"
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    return path


def run(table, **options):
    lines: list[str] = []
    config = ClassificationConfig(label="label", text="text", hidden=8, embedding=8, **options)
    result = train([table], table.parent / "run", config, SHORT, notify=lines.append)
    return result, load(table.parent / "run"), lines


def test_a_bag_of_words_is_trained_and_judged_beside(table):
    result, model, lines = run(table)
    assert result.beside == {"bag_of_words": {"accuracy": 1.0, "macro_f1": 1.0}}
    said = [line for line in lines if "bag of words" in line]
    assert said == [
        "beside the network, a bag of words on the same validation texts: "
        "accuracy 1.0000, macro f1 1.0000"
    ]
    facts = model.evaluate([table])
    assert facts["bag_of_words"] == {"accuracy": 1.0, "macro_f1": 1.0}
    assert facts["branch"] == "none"
    again = resume(table.parent / "run", options={"steps": 21})
    assert again.beside == result.beside


def test_texts_learnt_from_are_counted(table):
    _, model, _ = run(table, valid_files=(str(table),))
    assert model.evaluate([table])["overlap"] == {"count": 60, "share": 1.0}
    fresh = table.with_name("fresh.csv")
    fresh.write_text(FRESH + f'neg,"{opinions(1).sequences[0].upper()}"\n')
    assert model.evaluate([fresh])["overlap"] == {"count": 1, "share": 1 / 3}


def test_without_scikit_learn_a_line_says_what_is_missing(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    result, model, lines = run(table)
    assert result.beside == {}
    assert sum("pip install 'suimon[text]'" in line for line in lines) == 1
    facts = model.evaluate([table])
    assert "bag_of_words" not in facts
    assert "overlap" in facts


def test_results_say_that_there_is_a_branch(table):
    _, model, _ = run(table, branch="bag-of-words")
    assert model.evaluate([table])["branch"] == "bag-of-words"
    assert model.network.branch is not None
    assert model.config.branch_places == 1024


def test_series_have_neither_branch_nor_bag(tmp_path):
    from tests.tasks.classification.conftest import waves

    path = tmp_path / "waves.ts"
    path.write_text(waves(20))
    with pytest.raises(ConfigError, match="branch and weighting are for texts"):
        train([path], tmp_path / "no", ClassificationConfig(branch="bag-of-words"), SHORT)
    assert train([path], tmp_path / "run", ClassificationConfig(hidden=4), SHORT).beside == {}
    assert "branch" not in load(tmp_path / "run").evaluate([path])


def test_a_threshold_given_or_found_rejects(table):
    _, model, _ = run(table, reject_below=0.999999)
    assert {found["label"] for found in model.predictions([table])} == {"none of these"}
    facts = model.evaluate([table])
    assert (facts["coverage"], facts["accuracy_of_the_rest"]) == (0.0, None)
    assert facts["reject_below"] == 0.999999


def test_the_threshold_found_is_kept_with_the_weights_it_is_of(table):
    result, model, _ = run(table, reject_below="auto")
    assert result.evaluation is not None
    assert model.reject_below == result.evaluation.metrics["reject_below"]


def test_vectors_of_words_are_begun_with(table):
    vectors = table.with_name("vectors.txt")
    vectors.write_text("lovely 1 2 3\nfilm 4 5 6\nunheard 7 8 9\n")
    lines: list[str] = []
    config = ClassificationConfig(label="label", text="text", hidden=4, vectors=str(vectors))
    still = TrainingConfig(steps=1, learning_rate=1e-12, weight_decay=0.0, averaging=0.0)
    train([table], table.parent / "run", config, still, notify=lines.append)
    model = load(table.parent / "run")
    place = model.units.symbols.index("lovely")
    assert model.network.embedding.weight[place].tolist() == pytest.approx([1, 2, 3], abs=1e-5)
    known = model.units.size - 1
    share = f"{2 / known:.1%}"
    assert f"vectors of 3 numbers for 2 of {known} words ({share})" in "\n".join(lines)
    with pytest.raises(ConfigError, match=r"embedding = 9, but .* has vectors of 3 numbers"):
        train([table], table.parent / "no", config.model_copy(update={"embedding": 9}), still)


@pytest.mark.parametrize("analyser", ["sudachi", "janome"])
def test_japanese_words(tmp_path, analyser):
    pytest.importorskip({"sudachi": "sudachipy", "janome": "janome"}[analyser])
    good, bad = "この映画は素晴らしいです。", "その音楽は退屈でした。"
    rows = [f"{n % 2},{(bad, good)[n % 2]}" for n in range(20)]
    path = tmp_path / "japanese.csv"
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    config = ClassificationConfig(label="label", text="text", words=analyser, hidden=8, embedding=8)
    result = train([path], tmp_path / "run", config, SHORT)
    model = load(tmp_path / "run")
    assert "素晴らしい" in model.units.symbols
    assert result.beside["bag_of_words"]["accuracy"] == 1.0
    fresh = tmp_path / "fresh.csv"
    fresh.write_text("text\nこの音楽は素晴らしい。\n")
    assert [found["label"] for found in model.predictions([fresh])] == ["1"]


def test_the_confusion_is_drawn(table):
    image = pytest.importorskip("PIL.Image")
    _, model, _ = run(table)
    picture = table.with_name("confusion.png")
    assert model.evaluate([table], picture=str(picture))["picture"] == str(picture)
    pixels = np.asarray(image.open(picture).convert("RGB"))
    assert min(pixels.shape[:2]) > 300
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize(
    ("name", "message"), [("c.jpg", r"ends in \.png"), ("no/c.png", "there is no directory")]
)
def test_a_picture_that_cannot_be_written_is_refused_first(table, name, message):
    _, model, _ = run(table)
    with pytest.raises(ConfigError, match=message):
        model.evaluate([table], picture=str(table.parent / name))


def test_sequences_of_one_length_go_the_quicker_way_to_the_same_end():
    from suimon import layers
    from suimon.tasks.classification.model import ClassificationNetwork

    torch.manual_seed(0)
    network = ClassificationNetwork(layers.LSTM(3, 5, bidirectional=True), 4).eval()
    x = torch.randn(7, 3, 3)
    padded = torch.cat([x, torch.zeros(2, 3, 3)])
    whole = network(x, torch.tensor([7, 7, 7]))
    torch.testing.assert_close(network(padded, torch.tensor([7, 7, 7])), whole)
