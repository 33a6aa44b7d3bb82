"""A run stopped between steps and resumed: every optimiser, schedule and precision."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from suimon.errors import CheckpointError, ConfigError
from suimon.training import checkpoint, loop
from suimon.training.checkpoint import Checkpoint
from suimon.training.config import TrainingConfig
from suimon.training.loop import train
from suimon.training.metrics import read_metrics
from suimon.training.observers import StepReport
from suimon.training.protocol import Evaluation
from suimon.training.run_directory import RunDirectory
from tests.training.observing import Recorder, Silent
from tests.training.toy import ToyTask


class StoppedError(Exception):
    """The tests' own end of a session."""


class StopAt(Silent):
    """Stops a session hard after a step, as a crash in the middle of it would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            raise StoppedError


@pytest.fixture(autouse=True)
def checkpoints_at_each_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "WRITE_SHARE", 1e9)


def new_run(path: Path, task: ToyTask) -> RunDirectory:
    return RunDirectory.create(path, task=task.name, config={}, preprocess=task.preprocess())


def options(**changes: Any) -> TrainingConfig:
    usual = {"steps": 24, "batch_size": 4, "tbptt_steps": 5, "evaluate_every": 4, "seed": 2}
    return TrainingConfig(**{**usual, "learning_rate": 0.02, **changes})


def rows(run: RunDirectory) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in read_metrics(run.path)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamw"},
        {"optimizer": "adam", "schedule": "constant"},
        {"optimizer": "sgd", "schedule": "plateau"},
        {"optimizer": "rmsprop", "clip_grad_norm": 0.0},
        {"precision": "bf16"},
        {"steps": None, "epochs": 2, "tbptt_steps": 20},
        {"patience": 2, "learning_rate": 3.0},
        {"evaluate_every": None},
    ],
    ids=str,
)
def test_ends_where_it_would_have(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = options(**changes)
    whole = new_run(tmp_path / "whole", ToyTask(config))
    expected = train(ToyTask(config), config, whole)
    broken = new_run(tmp_path / "broken", ToyTask(config))
    for step in (3, 10, 11):
        with pytest.raises(StoppedError):
            train(ToyTask(config), config, broken, observers=[StopAt(step)])
    found = train(ToyTask(config), config, broken)
    assert found.step == expected.step
    assert found.stopped_by == expected.stopped_by
    assert found.best_step == expected.best_step
    assert rows(broken) == rows(whole)
    one, other = Checkpoint.read(whole), Checkpoint.read(broken)
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor.nan_to_num(), other.tensors[name].nan_to_num()), name
    assert one.schedule == other.schedule
    for name, tensor in whole.weights().tensors.items():
        assert torch.equal(tensor, broken.weights().tensors[name]), name
        assert torch.equal(tensor, found.model.state_dict()[name]), name


def test_a_lowered_learning_rate_stays_lowered(tmp_path: Path) -> None:
    class Stuck(ToyTask):
        def evaluate(self, model: torch.nn.Module) -> Evaluation:
            return Evaluation(2.0)

    config = options(schedule="plateau", warmup_fraction=0.0)
    run = new_run(tmp_path / "run", Stuck(config))
    with pytest.raises(StoppedError):
        train(Stuck(config), config, run, observers=[StopAt(11)])
    resumed = Recorder()
    train(Stuck(config), config, run, observers=[resumed])
    rates = {step.step: step.learning_rate for step in resumed.steps}
    # The evaluation at step 4 was the best one; each of the others halves the rate.
    assert (min(rates), max(rates)) == (9, 24)
    assert (rates[9], rates[13], rates[24]) == pytest.approx((0.01, 0.005, 0.00125))


def test_a_finished_run_has_nothing_to_do(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    first = train(ToyTask(config), config, run)
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    again = train(ToyTask(config), config, run)
    assert (again.step, again.stopped_by) == (first.step, "budget")
    assert again.evaluation == first.evaluation
    assert again.history == first.history
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    config = options(schedule="constant")
    run = new_run(tmp_path / "run", ToyTask(config))
    train(ToyTask(config), config, run)
    longer = config.overridden({"steps": 40})
    assert train(ToyTask(longer), longer, run).step == 40
    assert [row["step"] for row in read_metrics(run.path)] == list(range(4, 41, 4))
    whole = new_run(tmp_path / "whole", ToyTask(longer))
    train(ToyTask(longer), longer, whole)
    assert rows(run) == rows(whole)


def test_minutes_count_all_sessions(tmp_path: Path) -> None:
    config = options(steps=None, minutes=0.002)
    run = new_run(tmp_path / "run", ToyTask(config))
    first = train(ToyTask(config), config, run)
    assert first.step == 1, "a budget of a tenth of a second allows one step"
    again = train(ToyTask(config), config, run)
    assert again.step == 1
    assert Checkpoint.read(run).counters.seconds == pytest.approx(first.seconds)


def test_rows_after_the_checkpoint_are_cut(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    with pytest.raises(StoppedError):
        train(ToyTask(config), config, run, observers=[StopAt(9)])
    with (run.path / "metrics.jsonl").open("a") as log:
        log.write('{"step": 12, "valid_loss": 0}\n{"step": 16, "va')
    result = train(ToyTask(config), config, run)
    assert [row["step"] for row in result.history] == [4, 8, 12, 16, 20, 24]
    assert rows(run)[2]["valid_loss"] > 0


def test_another_environment_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    with pytest.raises(StoppedError):
        train(ToyTask(config), config, run, observers=[StopAt(9)])
    describe = loop.describe_environment
    monkeypatch.setattr(
        loop, "describe_environment", lambda device: {**describe(device), "threads": 64}
    )
    with pytest.warns(UserWarning, match=r"goes on in another environment.*: threads 1, now 64"):
        train(ToyTask(config), config, run)
    assert run.environment()["threads"] == 64
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(ToyTask(config), config, run)


def test_changes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    with pytest.raises(StoppedError):
        train(ToyTask(config), config, run, observers=[StopAt(9)])
    with pytest.raises(ConfigError, match=r"optimizer = 'sgd': .*run was started with adamw"):
        train(ToyTask(config), config.overridden({"optimizer": "sgd"}), run)
    with pytest.raises(CheckpointError, match="carried state does not fit the model: resume"):
        train(ToyTask(config, hidden=9), config, run)
    wider = config.overridden({"batch_size": 2})
    with pytest.raises(CheckpointError, match="carried state does not fit the model: resume"):
        train(ToyTask(wider), wider, run)


def test_a_model_without_a_checkpoint_is_not_trained_over(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    train(ToyTask(config), config, run)
    (run.path / "checkpoint.safetensors").unlink()
    with pytest.raises(CheckpointError, match="holds a model but no checkpoint to go on from"):
        train(ToyTask(config), config, run)
    assert run.weights().step > 0


def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    with pytest.raises(StoppedError):
        train(ToyTask(config), config, run, observers=[StopAt(9)])
    file = run.path / "checkpoint.safetensors"
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is damaged .* checksum"):
        train(ToyTask(config), config, run)
    assert file.read_bytes() == data
