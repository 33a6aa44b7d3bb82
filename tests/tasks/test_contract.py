"""What every task must do: overfit a tiny fixture, save, load, predict; stop, and go on exactly."""

import signal
from importlib import import_module

import pytest
import torch

from suimon.errors import CheckpointError, ConfigError
from suimon.tasks import by_name, discover, load
from suimon.training import TrainingConfig, TrainingInterrupted
from suimon.training.options import parse_options
from suimon.training.run_directory import MODEL, RunDirectory

pytestmark = pytest.mark.parametrize("folder", sorted(discover()))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))


class Subject:
    """A task with its fixture, and where its runs go."""

    def __init__(self, folder: str, tmp_path) -> None:
        self.description = discover()[folder]
        self.fixture = import_module(f"tests.tasks.{folder}.contract").contract(tmp_path)
        self.task = import_module(f"suimon.tasks.{folder}.train")
        self.tmp_path = tmp_path

    def train(self, name: str = "run", steps: int | None = None, **keywords):
        options = self.fixture.training | ({"steps": steps} if steps else {})
        return self.task.train(
            self.fixture.paths,
            self.tmp_path / name,
            parse_options(self.description.config, self.fixture.config),
            parse_options(TrainingConfig, options),
            **keywords,
        )


@pytest.fixture
def subject(folder, tmp_path) -> Subject:
    return Subject(folder, tmp_path)


class InterruptAt:
    """An observer that presses Ctrl-C at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_start(self, report) -> None: ...

    def on_evaluation(self, row) -> None: ...

    def on_stop(self, report) -> None: ...

    def on_step(self, report) -> None:
        if report.step == self.step:
            signal.raise_signal(signal.SIGINT)


def test_overfit_save_load_predict(subject):
    result = subject.train()
    assert result.evaluation is not None
    assert result.evaluation.loss <= subject.fixture.overfitted
    run = RunDirectory.open(subject.tmp_path / "run")
    assert run.task == subject.description.name
    loaded, again = load(run.path), by_name(run.task)[1].load(run)
    for model in (loaded, again):
        for name, tensor in result.model.state_dict().items():
            assert torch.equal(model.network.state_dict()[name], tensor), name
        assert not model.network.training
    assert subject.fixture.predict(loaded) == subject.fixture.predict(again)


def test_a_run_stopped_and_gone_on_with_ends_in_the_very_same_weights(subject):
    subject.train("whole", steps=12)
    with pytest.raises(TrainingInterrupted):
        subject.train("halves", steps=12, observers=[InterruptAt(5)])
    subject.task.resume(subject.tmp_path / "halves")
    whole, halves = (
        RunDirectory.open(subject.tmp_path / name).weights() for name in ("whole", "halves")
    )
    assert whole.step == halves.step
    assert whole.loss == halves.loss
    for name, tensor in whole.tensors.items():
        assert torch.equal(halves.tensors[name], tensor), name


def test_the_options_kept_are_complete_and_make_the_same_run(subject):
    first = subject.train("first", steps=3)
    tables = RunDirectory.open(subject.tmp_path / "first").config()
    name = subject.description.name
    second = subject.task.train(
        subject.fixture.paths,
        subject.tmp_path / "second",
        parse_options(subject.description.config, tables[name]),
        parse_options(TrainingConfig, tables["training"]),
    )
    assert RunDirectory.open(subject.tmp_path / "second").config() == tables
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], tensor)


def test_a_run_that_exists_is_not_written_over(subject):
    subject.train(steps=1)
    before = (subject.tmp_path / "run" / MODEL).read_bytes()
    with pytest.raises(ConfigError, match="exists already: go on with it by --resume"):
        subject.train(steps=2)
    assert (subject.tmp_path / "run" / MODEL).read_bytes() == before


def test_a_truncated_or_tampered_weight_file_is_refused(subject):
    subject.train(steps=1)
    file = subject.tmp_path / "run" / MODEL
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-5] + b"\x01" + whole[-4:]):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged"):
            load(subject.tmp_path / "run")


def test_a_network_changed_in_the_options_does_not_take_the_weights(subject):
    subject.train(steps=1)
    run = RunDirectory.open(subject.tmp_path / "run")
    tables = run.config()
    size = next(name for name in ("hidden", "hidden_size") if name in tables[run.task])
    tables[run.task][size] += 1
    run.replace_config(tables)
    with pytest.raises(CheckpointError, match=r"do not fit its config\.toml"):
        load(run.path)
