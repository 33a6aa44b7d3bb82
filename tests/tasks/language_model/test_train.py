"""From paths to a run directory: what is chosen, told and kept, and what a resume may change."""

import pytest
import torch

from suimon.errors import CheckpointError, ConfigError, DataError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.train import make_plan, resume, train
from suimon.training.config import TrainingConfig
from suimon.training.run_directory import RunDirectory
from tests.tasks.language_model.conftest import RAIN, split_of

CONFIG = LanguageModelConfig(hidden=8, embedding=4, layers=1)
TWO_STEPS = TrainingConfig(steps=2, batch_size=4, tbptt_steps=8)


@pytest.fixture
def run(rain_file, tmp_path) -> RunDirectory:
    train([rain_file], tmp_path / "run", CONFIG, TWO_STEPS)
    return RunDirectory.open(tmp_path / "run")


def test_what_the_rule_chose_is_told_and_kept(rain_file, tmp_path, monkeypatch):
    rule = "suimon.tasks.language_model.recipe.fastest_precision"  # as on a machine without AMX
    monkeypatch.setattr(rule, lambda config, training: "fp32")
    told: list[str] = []
    config = LanguageModelConfig(hidden=8, units="bytes")
    train([rain_file], tmp_path / "run", config, TrainingConfig(steps=1), notify=told.append)
    assert told == [
        "chosen for 1,188 bytes and 1 steps: layers 1, embedding 64, dropout 0, input_dropout 0, "
        "forget_bias 1, tbptt_steps 32, batch_size 8, optimizer muon, learning_rate 0.02, "
        "precision fp32"
    ]
    tables = RunDirectory.open(tmp_path / "run").config()
    assert tables["language_model"]["embedding"] == 64
    assert tables["training"]["batch_size"] == 8
    assert tables["data"] == {"paths": [str(rain_file)]}


def test_a_precision_that_was_chosen_is_kept_where_another_would_be(
    rain_file, tmp_path, monkeypatch
):
    rule = "suimon.tasks.language_model.recipe.fastest_precision"
    monkeypatch.setattr(rule, lambda config, training: "bf16")
    train([rain_file], tmp_path / "run", CONFIG, TWO_STEPS)
    monkeypatch.setattr(rule, lambda config, training: "fp32")
    assert resume(tmp_path / "run", options={"steps": 3}).step == 3
    assert RunDirectory.open(tmp_path / "run").config()["training"]["precision"] == "bf16"


def test_notices_on_the_sources_and_on_unknown_characters_are_passed_on(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text(RAIN)
    (folder / ".hidden").write_text("secret")
    (tmp_path / "valid.txt").write_text("the é in spain")
    told: list[str] = []
    config = CONFIG.model_copy(update={"valid_files": (str(tmp_path / "valid.txt"),)})
    train([folder], tmp_path / "run", config, TWO_STEPS, notify=told.append)
    assert any("1 hidden" in line for line in told)
    assert any("1 units of the validation text (7.1%) are outside" in line for line in told)


def test_only_so_much_is_measured_as_the_rule_chose():
    plan = make_plan(split_of(RAIN), LanguageModelConfig(), TrainingConfig(minutes=1e-5))
    assert 2 <= plan.task.config.valid_limit == len(plan.task.split.valid) < len(RAIN) // 10


def test_nothing_left_to_choose_is_said():
    plan = make_plan(split_of(RAIN), CONFIG, TWO_STEPS)
    again = make_plan(plan.task.split, plan.task.config, plan.training)
    assert again.notice() == "nothing left to choose for 1,188 chars and 2 steps"


def test_a_place_that_is_taken_is_refused_before_the_text_is_read(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="exists and is not a run"):
        train([tmp_path / "missing.txt"], tmp_path / "run")


def test_a_missing_text_makes_no_run(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        train([tmp_path / "missing.txt"], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_relative_validation_file_is_found_again_from_elsewhere(rain_file, tmp_path, monkeypatch):
    (tmp_path / "valid.txt").write_text("the rain in spain")
    monkeypatch.chdir(tmp_path)
    config = CONFIG.model_copy(update={"valid_files": ("valid.txt",)})
    train(["rain.txt"], "run", config, TWO_STEPS)
    monkeypatch.chdir("/")
    assert resume(tmp_path / "run", options={"steps": 3}).step == 3


def test_a_validation_file_that_was_moved_is_read_where_it_is_now(rain_file, tmp_path):
    (tmp_path / "valid.txt").write_text("the rain in spain")
    config = CONFIG.model_copy(update={"valid_files": (str(tmp_path / "valid.txt"),)})
    train([rain_file], tmp_path / "run", config, TWO_STEPS)
    moved = (tmp_path / "valid.txt").rename(tmp_path / "moved.txt")
    resume(tmp_path / "run", options={"steps": 3, "valid_files": [str(moved)]})
    kept = RunDirectory.open(tmp_path / "run").config()["language_model"]
    assert kept["valid_files"] == [str(moved)]


def test_a_resumed_run_may_have_another_budget_and_keeps_it(run):
    assert resume(run.path, options={"steps": 5, "evaluate_every": 2}).step == 5
    assert run.config()["training"]["steps"] == 5
    assert run.config()["training"]["evaluate_every"] == 2


def test_options_repeated_unchanged_are_accepted(run, rain_file):
    repeated = {"steps": "2", "hidden": "8", "batch_size": 4, "cell": "LSTM", "units": "chars"}
    assert resume(run.path, [rain_file], repeated).step == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 9}, "hidden = 9 cannot be changed in a run that was begun with 8"),
        ({"cell": "gru"}, "cell = gru cannot be changed in a run that was begun with lstm"),
        ({"batch_size": 8}, "batch_size = 8 cannot be changed in a run that was begun with 4"),
        ({"seed": 3}, "seed = 3 cannot be changed in a run that was begun with 0"),
        ({"steps": 0}, "steps = 0: give a whole number from 1"),
        ({"stepps": 4}, "unknown option stepps: did you mean steps"),
    ],
)
def test_what_a_run_hangs_on_cannot_change(run, options, message):
    before = run.config()
    with pytest.raises(ConfigError, match=message):
        resume(run.path, options=options)
    assert run.config() == before


def test_another_text_is_refused(run, tmp_path):
    (tmp_path / "other.txt").write_text("quite another text! " * 80)
    with pytest.raises(
        CheckpointError, match=r"the data is not what .* was trained on: its units differ"
    ):
        resume(run.path, [tmp_path / "other.txt"])


def test_a_longer_text_of_the_same_characters_is_refused(run, rain_file):
    rain_file.write_text(RAIN * 2)
    with pytest.raises(CheckpointError, match="the checkpoint was made with tokens"):
        resume(run.path)


def test_going_on_where_there_is_no_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="there is no run at"):
        resume(tmp_path / "nothing")


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "gru"},
        {"cell": "rnn"},
        {"cell": "mingru", "layers": 2, "residual": True, "norm_between": True},
        {"cell": "minlstm"},
        {"tie_weights": True},
        {"zoneout": 0.1, "layer_norm": True},
        {"recurrent_dropout": 0.2, "weight_dropout": 0.2},
    ],
)
def test_every_kind_of_network_learns(rain_file, tmp_path, options):
    config = LanguageModelConfig(**{"hidden": 16, "embedding": 8, "layers": 1, **options})
    training = TrainingConfig(
        steps=12, batch_size=8, tbptt_steps=16, learning_rate=0.01, evaluate_every=6
    )
    result = train([rain_file], tmp_path / "run", config, training)
    losses = [row["valid_loss"] for row in result.history]
    assert losses[-1] < losses[0]
    assert torch.isfinite(torch.tensor(losses)).all()
