"""The estimator: scikit-learn's conventions, and a saved model that the rest of suimon reads."""

import signal
from pathlib import Path

import pytest

from suimon import LanguageModel, load
from suimon.errors import CheckpointError, ConfigError, DataError, NotFittedError
from suimon.tasks.language_model.train import train
from suimon.training import TrainingInterrupted
from tests.tasks.language_model.conftest import RAIN

SMALL = {"hidden_size": 16, "num_layers": 1, "learning_rate": 0.02}
WINDOW = {"batch_size": 8, "tbptt_steps": 16, "embedding": 8}


@pytest.fixture(scope="module")
def fitted() -> LanguageModel:
    return LanguageModel(**SMALL, options=WINDOW).fit(RAIN, steps=40)


def test_fit_returns_the_estimator_with_what_it_learnt(fitted):
    assert isinstance(fitted, LanguageModel)
    assert fitted.config_.hidden == 16
    assert fitted.training_.batch_size == 8
    assert fitted.loss_ == fitted.history_[-1]["valid_loss"]
    assert fitted.step_ == 40


def test_it_writes_the_same_for_the_same_seed(fitted):
    written = fitted.generate("the ", length=25, seed=1)
    assert len(written) == 25
    assert written == fitted.generate("the ", length=25, seed=1)
    assert written == "".join(text for _, text in fitted.stream("the ", length=25, seed=1))


def test_it_scores_what_it_learnt_above_what_it_did_not(fitted):
    assert fitted.score(RAIN[:200]) > fitted.score(RAIN[:200][::-1])
    assert fitted.bits_per_char(RAIN) == pytest.approx(-fitted.score(RAIN) / 0.6931471805599453)
    assert fitted.unknown("zebra") == {"z": 1, "b": 1}


def test_a_saved_model_comes_back_and_is_a_run(fitted, tmp_path):
    assert fitted.save(tmp_path / "run") is fitted
    again = LanguageModel.load(tmp_path / "run")
    assert again.generate("the ", length=30, seed=2) == fitted.generate("the ", length=30, seed=2)
    assert load(tmp_path / "run").score(RAIN) == fitted.score(RAIN)
    assert again.loss_ == fitted.loss_
    assert again.step_ == fitted.step_
    assert again.history_ == fitted.history_
    assert again.config_ == fitted.config_
    assert again.training_ == fitted.training_


def test_a_loaded_estimator_saves_again_and_fits_again_alike(fitted, tmp_path):
    again = LanguageModel.load(fitted.save(tmp_path / "one") and tmp_path / "one")
    again.save(tmp_path / "two")
    assert (tmp_path / "two" / "config.toml").read_text() == (
        tmp_path / "one" / "config.toml"
    ).read_text()
    refitted = LanguageModel(**again.get_params()).fit(RAIN, steps=40)
    assert refitted.loss_ == fitted.loss_


def test_a_run_of_the_command_line_is_loaded(tmp_path, rain_file):
    from suimon.tasks.language_model.config import LanguageModelConfig
    from suimon.training import TrainingConfig

    config = LanguageModelConfig(hidden=8, embedding=4, layers=1)
    result = train([rain_file], tmp_path / "run", config, TrainingConfig(steps=2))
    estimator = LanguageModel.load(tmp_path / "run")
    assert (estimator.hidden_size, estimator.num_layers, estimator.cell) == (8, 1, "lstm")
    assert result.evaluation is not None
    assert estimator.loss_ == result.evaluation.loss


def test_saving_over_something_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    with pytest.raises(ConfigError, match="exists already"):
        fitted.save(tmp_path / "run")


def test_loading_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="there is no run at"):
        LanguageModel.load(tmp_path / "nothing")


def test_fitting_again_begins_anew(fitted):
    estimator = LanguageModel(**SMALL, options=WINDOW)
    estimator.fit("something else altogether, " * 40, steps=2)
    assert estimator.fit(RAIN, steps=40).score(RAIN) == fitted.score(RAIN)


def test_a_path_and_its_text_are_learnt_alike(rain_file, fitted):
    for path in (rain_file, str(rain_file)):
        from_file = LanguageModel(**SMALL, options=WINDOW).fit(path, steps=3)
        from_text = LanguageModel(**SMALL, options=WINDOW).fit(RAIN, steps=3)
        assert from_file.loss_ == from_text.loss_


def test_random_state_decides_the_weights():
    losses = [
        LanguageModel(**SMALL, options=WINDOW, random_state=state).fit(RAIN, steps=1).loss_
        for state in (0, 0, 1, None)
    ]
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


def test_arguments_are_only_stored_and_given_back():
    options = {"dropout": 0.1}
    estimator = LanguageModel("nonsense", -5, None, options=options, random_state=None)
    params = estimator.get_params()
    assert params == {
        "cell": "nonsense",
        "hidden_size": -5,
        "num_layers": None,
        "units": "chars",
        "learning_rate": None,
        "options": options,
        "random_state": None,
    }
    assert params["options"] is options
    assert LanguageModel(**params).get_params() == params
    assert not [name for name in vars(estimator) if name.endswith("_")]


def test_set_params_changes_and_returns_the_estimator():
    estimator = LanguageModel()
    assert estimator.set_params(cell="gru", hidden_size=9) is estimator
    assert (estimator.cell, estimator.hidden_size) == ("gru", 9)
    with pytest.raises(ConfigError, match="hiden_size is no parameter; there are: cell, hidden"):
        estimator.set_params(hiden_size=3)


def test_scikit_learn_clones_it():
    base = pytest.importorskip("sklearn.base", reason="scikit-learn is not installed")
    estimator = LanguageModel("gru", 32, options={"dropout": 0.1})
    assert base.clone(estimator).get_params() == estimator.get_params()


def test_its_repr_shows_what_was_given():
    assert repr(LanguageModel("gru", hidden_size=9)) == "LanguageModel(cell='gru', hidden_size=9)"


@pytest.mark.parametrize("name", ["generate", "stream", "score", "bits_per_char", "unknown"])
def test_nothing_works_before_fit(name):
    with pytest.raises(NotFittedError, match="has learnt nothing yet: call fit first"):
        getattr(LanguageModel(), name)("text")


def test_nothing_is_saved_before_fit(tmp_path):
    with pytest.raises(NotFittedError):
        LanguageModel().save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_size": -5}, "hidden = -5: give a whole number from 1"),
        ({"cell": "nonsense"}, "cell = 'nonsense': give one of"),
        ({"options": {"hidden": 3}}, "options has hidden; give it as hidden_size"),
        ({"options": {"seed": 3}}, "options has seed; give it as random_state"),
        ({"options": {"minutes": 3}}, "options has minutes; give it to fit"),
        ({"options": {"droput": 0.1}}, "unknown option droput"),
    ],
)
def test_fit_checks_the_arguments(arguments, message):
    with pytest.raises(ConfigError, match=message):
        LanguageModel(**arguments).fit(RAIN, steps=1)


def test_fit_takes_one_budget_only():
    with pytest.raises(ConfigError, match="give one budget only"):
        LanguageModel().fit(RAIN, steps=1, epochs=1)


def test_a_file_that_is_not_there_is_no_text():
    with pytest.raises(DataError, match="neither an existing file nor much of a text"):
        LanguageModel().fit("shakespear.txt")
    with pytest.raises(DataError, match="does not exist"):
        LanguageModel().fit(Path("shakespear"))


def test_what_was_learnt_before_an_interruption_is_kept():
    class Interrupt:
        def on_start(self, report): ...

        def on_evaluation(self, row): ...

        def on_stop(self, report): ...

        def on_step(self, report):
            if report.step == 3:
                signal.raise_signal(signal.SIGINT)

    estimator = LanguageModel(**SMALL, options=WINDOW)
    with pytest.raises(TrainingInterrupted):
        estimator.fit(RAIN, steps=1000, observers=[Interrupt()])
    assert len(estimator.generate("the", length=5)) == 5
