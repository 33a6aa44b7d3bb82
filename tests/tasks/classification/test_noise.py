"""The class "none of these": how noise is made, learnt and rejected."""

import numpy as np
import pytest
import torch

from suimon import SequenceClassifier
from suimon.data.labelled import LabelledSequences
from suimon.data.labelled.noise import NumberNoise, UnitNoise, WithNoise
from suimon.errors import ConfigError, DataError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.infer import load
from suimon.tasks.classification.train import make_plan, resume, train
from suimon.training import TrainingConfig, TrainingInterrupted
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory
from tests.tasks.classification.conftest import opinions, waves
from tests.tasks.test_contract import InterruptAt

SHORT = {"steps": 120, "batch_size": 8, "learning_rate": 0.02, "device": "cpu"}


def chance(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def test_units_are_drawn_as_often_as_texts_have_them():
    noise = UnitNoise([np.array([1, 1, 1], np.uint16), np.array([3], np.uint16)], vocabulary=5)
    drawn = noise.drawn(20_000, chance())
    assert drawn.dtype == np.uint16
    shares = np.bincount(drawn, minlength=5) / len(drawn)
    np.testing.assert_allclose(shares, [0, 0.75, 0, 0.25, 0], atol=0.01)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.02  # in no order


def test_numbers_have_each_channels_mean_and_deviation_and_all_speeds():
    rng = np.random.default_rng(0)
    data = [(rng.normal([3, -50], [0.5, 7], (40, 2))).astype(np.float32) for _ in range(50)]
    noise = NumberNoise(data)
    drawn = [noise.drawn(100, chance(seed)) for seed in range(400)]
    assert drawn[0].dtype == np.float32
    together = np.concatenate(drawn)
    np.testing.assert_allclose((together.mean(axis=0) - [3, -50]) / [0.5, 7], 0, atol=0.12)
    np.testing.assert_allclose(together.std(axis=0), [0.5, 7], rtol=0.05)
    # A mean over k steps has a correlation of 1 - 1/k from one to the next.
    steps = [np.corrcoef(row[1:, 0], row[:-1, 0])[0, 1] for row in drawn]
    assert np.quantile(steps, 0.1) < 0.2
    assert np.quantile(steps, 0.9) > 0.9


def test_pixels_stay_bytes():
    drawn = NumberNoise([np.array([[0, 255], [255, 255]], np.uint8)]).drawn(50, chance())
    assert drawn.dtype == np.uint8
    assert (drawn[:, 1] == 255).all()
    assert {0, 255} < set(drawn[:, 0].tolist())


def test_noise_is_another_in_each_epoch_and_the_same_when_asked_again():
    own = [np.zeros((length, 1), np.float32) + length for length in (3, 5, 7)]
    sequences = WithNoise(own, NumberNoise(own), 40, seed=7)
    assert len(sequences) == 43
    assert set(sequences.lengths[3:]) == {3, 5, 7}
    assert [len(row) for row in sequences] == sequences.lengths.tolist()
    first, second, again = (sequences.of_epoch(n) for n in (0, 1, 0))
    for n in range(3, 43):
        assert (first[n] == again[n]).all()
        assert not (first[n] == second[n]).any()
    assert (first[1] == second[1]).all()
    assert not (sequences[3] == WithNoise(own, NumberNoise(own), 40, seed=8)[3][:1]).all()


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "waves.ts"
    path.write_text(waves(80))
    return path


def trained(path, run, loop=SHORT, observers=(), **options):
    config = parse_options(ClassificationConfig, {"hidden": 12, "dropout": 0.1} | options)
    lines: list[str] = []
    loop = parse_options(TrainingConfig, loop)
    result = train([path], run, config, loop, notify=lines.append, observers=observers)
    return result, load(run), lines


def some_noise(count: int) -> LabelledSequences:
    """White noise of two channels, as large as the waves."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(0, 0.7, (8 + n % 8, 2)).astype(np.float32) for n in range(count)]
    return LabelledSequences("series", rows, None, str)


def test_held_out_noise_is_none_of_these_for_a_network_that_learnt_noise(archive, tmp_path):
    loop = SHORT | {"steps": 300, "learning_rate": 0.01}
    result, model, lines = trained(archive, tmp_path / "with", loop, hidden=24, noise=1.0)
    assert "classes: fast 36, slow 36, none of these 72" in "\n".join(lines)
    assert result.evaluation is not None
    assert result.evaluation.metrics["noise_rejected"] >= 0.75
    noise = some_noise(60)
    assert [found.label for found in model.predict(noise)].count("none of these") >= 50
    facts = model.evaluate([archive])
    assert facts["accuracy"] >= 0.95
    assert facts["coverage"] >= 0.9
    assert (facts["labels"], np.shape(facts["confusion"])) == (["fast", "slow"], (2, 2))
    shares = model.predict_proba(noise)
    assert shares.shape == (60, 2)
    assert np.median(shares.sum(axis=1)) < 0.5

    _, without, _ = trained(archive, tmp_path / "without")
    said = {found.label for found in without.predict(noise)}
    assert said <= {"fast", "slow"}
    np.testing.assert_allclose(without.predict_proba(noise).sum(axis=1), 1)


def test_a_run_stopped_and_gone_on_with_ends_in_the_very_same_weights(archive, tmp_path):
    loop = SHORT | {"steps": 40}  # three epochs and more, each with noise of its own
    trained(archive, tmp_path / "whole", loop, noise=0.5)
    with pytest.raises(TrainingInterrupted):
        trained(archive, tmp_path / "halves", loop, [InterruptAt(25)], noise=0.5)
    resume(tmp_path / "halves")
    whole, halves = (RunDirectory.open(tmp_path / n).weights() for n in ("whole", "halves"))
    assert whole.loss == halves.loss
    for name, tensor in whole.tensors.items():
        assert torch.equal(halves.tensors[name], tensor), name


def texts_and_junk(count: int) -> LabelledSequences:
    data = opinions(count)
    assert data.labels is not None
    junk = [f"zzz qqq {'xxx ' * (2 + n % 4)}" for n in range(count // 4)]
    labels = (*data.labels, *["junk"] * len(junk))
    return LabelledSequences("text", [*data.sequences, *junk], labels, lambda n: f"row {n + 1}")


def test_noise_of_ones_own_is_none_of_the_classes(tmp_path):
    data = texts_and_junk(80)
    assert data.labels is not None
    rows = [f'{label},"{text}"' for label, text in zip(data.labels, data.sequences, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    options = {"label": "label", "text": "text", "noise_label": "junk", "embedding": 8}
    result, model, lines = trained(path, tmp_path / "run", **options)
    assert "classes: neg 36, pos 36, none of these 18" in "\n".join(lines)
    facts = model.evaluate([path])
    assert (facts["sequences"], facts["noise"], facts["noise_rejected"]) == (80, 20, 1.0)
    assert facts["labels"] == ["neg", "pos"]
    assert facts["accuracy"] == result.beside["bag_of_words"]["accuracy"] == 1.0
    junk = [found["label"] for found in model.predictions([path])][80:]
    assert set(junk) == {"none of these"}
    path.write_text("label,text\njunk,zzz\n")
    with pytest.raises(DataError, match=r"has noise alone: give sequences of the classes too"):
        model.evaluate([path])


@pytest.mark.parametrize(
    ("options", "labels", "message"),
    [
        ({"noise": 0.1}, "none of these", "a class is called 'none of these', .* rename it, or"),
        ({"reject_below": 0.5}, "none of these", "a class is called 'none of these'"),
        ({"noise_label": "y"}, "y", "all 20 sequences have the label 'y', which noise_label names"),
        ({"noise_label": "junk"}, "x", "no sequence has the label 'junk' .* there are: x, y"),
    ],
)
def test_names_that_cannot_be_are_refused(options, labels, message):
    data = LabelledSequences("text", ["a b", "c d"] * 10, (labels, "y") * 10, str)
    with pytest.raises((ConfigError, DataError), match=message):
        make_plan(data, None, ClassificationConfig(**options), TrainingConfig(steps=1))


def test_noise_counts_in_class_weights_and_in_the_branch():
    data = opinions(40)
    options = {"noise": 0.5, "class_weights": "balanced", "branch": "bag-of-words"}
    config = ClassificationConfig(**options)
    task = make_plan(data, None, config, TrainingConfig(steps=1)).task
    assert task.weights is not None
    np.testing.assert_allclose(task.weights, [54 / 3 / 18] * 3)
    assert task.build_model().branch.ratios.shape[1] == 3


def rising(count: int, labels=("down", "up")) -> tuple[list[np.ndarray], np.ndarray]:
    """Lines of 10 to 14 steps that fall or rise."""
    lines = [np.linspace(0, (-1.0, 1.0)[n % 2], 10 + n % 5) for n in range(count)]
    return lines, np.array([labels[n % 2] for n in range(count)])


def quick(**options) -> SequenceClassifier:
    return SequenceClassifier(hidden_size=8, epochs=12, learning_rate=0.02, **options)


def test_the_estimator_rejects_by_noise():
    X, y = rising(40)
    model = quick(noise=1.0).fit(X, y)
    rng = np.random.default_rng(0)
    white = rng.normal(0, 0.6, (20, 12))
    said = model.predict(white).tolist()
    assert said.count("none of these") >= 15
    assert model.classes_.tolist() == ["down", "up"]
    assert model.score(X, y) >= 0.9
    assert model.predict_proba(white).shape == (20, 2)


@pytest.mark.parametrize(("labels", "none"), [((0, 1), -1), (("a", "b"), "none of these")])
def test_the_estimator_rejects_below_a_threshold(labels, none, tmp_path):
    X, y = rising(40, labels)
    model = quick(reject_below=0.999999).fit(X, y)
    assert set(model.predict(X).tolist()) == {none}
    assert model.predict(X).dtype.kind == y.dtype.kind
    again = SequenceClassifier.load(model.save(tmp_path / "run") and tmp_path / "run")
    assert (again.reject_below, set(again.predict(X).tolist())) == (0.999999, {"none of these"})


def test_the_estimator_finds_a_threshold():
    y = np.arange(120) % 2
    X = np.random.default_rng(0).normal(y[:, None] - 0.5, 1.5, (120, 3))  # not all can be right
    model = quick(reject_below="auto", options={"valid_fraction": 0.4}).fit(X, y)
    threshold = model.model_.reject_below
    assert threshold > 0.5
    sure = model.predict_proba(X).max(axis=1) >= threshold
    assert (model.predict(X) == -1).tolist() == (~sure).tolist()


def test_the_estimator_takes_noise_of_ones_own(tmp_path):
    X, y = rising(40, (3, 4))
    X = [*X, *(np.full(10, 5.0) for _ in range(12))]
    y = np.concatenate([y, np.full(12, -1)])
    model = quick(options={"noise_label": "-1"}).fit(X, y)
    assert model.classes_.tolist() == [3, 4]
    assert (model.predict(X) == y).mean() >= 0.95
    assert model.score(X[-12:], y[-12:]) == 1.0
    assert model.config_.noise_label == "-1"
    again = SequenceClassifier.load(model.save(tmp_path / "run") and tmp_path / "run")
    assert again.predict(X[-12:]).tolist() == ["-1"] * 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": 0.5}, "y has the label -1, which predict gives where no class fits"),
        ({"reject_below": 0.5, "reject_label": 1}, "y has the label 1, which predict gives"),
        ({"options": {"noise_label": "7"}}, "no label of y is '7', .* there are: -1, 1"),
    ],
)
def test_labels_that_would_mean_two_things_are_refused(options, message):
    X, y = rising(20, (-1, 1))
    with pytest.raises((ConfigError, DataError), match=message):
        quick(**options).fit(X, y)
    model = quick(reject_below=0.999999, reject_label=0).fit(X, y)
    assert set(model.predict(X).tolist()) == {0}
