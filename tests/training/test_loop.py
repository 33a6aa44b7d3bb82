"""The loop: the same weights as one written by hand, and every reason to stop."""

import errno
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from suimon.errors import CheckpointError, ConfigError
from suimon.training import checkpoint, clock, loop
from suimon.training.budget import EXIT_SECONDS
from suimon.training.checkpoint import Checkpoint
from suimon.training.config import TrainingConfig
from suimon.training.interrupt import TrainingInterrupted
from suimon.training.loop import TrainingDivergedError, train
from suimon.training.metrics import read_metrics
from suimon.training.observers import StepReport
from suimon.training.protocol import Evaluation, LossTerms
from suimon.training.run_directory import RunDirectory
from tests.training.observing import Recorder, Silent
from tests.training.toy import IGNORED, VOCABULARY, ToyNetwork, ToyTask


def options(**changes: Any) -> TrainingConfig:
    usual = {"steps": 30, "batch_size": 4, "tbptt_steps": 8, "evaluate_every": 10, "seed": 4}
    return TrainingConfig(**{**usual, "learning_rate": 0.02, **changes})


def new_run(path: Path, task: ToyTask) -> RunDirectory:
    return RunDirectory.create(path, task=task.name, config={}, preprocess=task.preprocess())


def by_hand(config: TrainingConfig, task: ToyTask) -> tuple[ToyNetwork, list[float], list[float]]:
    """Truncated backpropagation with nothing of the loop's own; model, losses and norms."""
    torch.manual_seed(config.seed)
    model = ToyNetwork(task.hidden, task.dropout, task.dtype)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        config.learning_rate,
        betas=(0.9, 0.99),
        fused=True,
    )
    stream = task.batches(0, 1)
    state, losses, norms = None, [], []
    for step in range(30):
        batch = stream.next_batch()
        if step % stream.batches_per_epoch == 0:
            state = None
        logits, state = model(batch.inputs, state)
        assert batch.targets is not None
        loss = F.cross_entropy(
            logits.reshape(-1, VOCABULARY), batch.targets.reshape(-1), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.2).item())
        optimizer.step()
        losses.append(loss.item())
        state = tuple(tensor.detach() for tensor in state)
    return model, losses, norms


def test_equal_to_a_loop_by_hand() -> None:
    config = options(schedule="constant", warmup_fraction=0.0, clip_grad_norm=0.2)
    task = ToyTask(config, dtype=torch.float64, length=400)  # twice round the data in 30 steps
    seen = Recorder()
    trained = train(task, config, observers=[seen])
    model, losses, norms = by_hand(config, task)
    assert task.batches(0, 1).batches_per_epoch < 15
    assert max(norms) > 0.2 > min(norms), "some gradients have to be clipped and some not"
    assert [step.loss for step in seen.steps] == pytest.approx(losses, rel=1e-9)
    assert [step.gradient_norm for step in seen.steps] == pytest.approx(norms, rel=1e-9)
    assert trained.best_step == 30
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(trained.model.state_dict()[name], tensor, rtol=1e-9, atol=1e-9)


def test_it_learns_and_reports(tmp_path: Path) -> None:
    config = options(steps=200)
    task = ToyTask(config, dropout=0.0)
    run, seen = new_run(tmp_path / "run", task), Recorder()
    result = train(task, config, run, observers=[seen])
    assert result.evaluation is not None
    assert result.evaluation.loss < 1.2 < result.history[0]["valid_loss"]
    assert result.evaluation.metrics == {"accuracy": 0.5}
    assert not result.model.training
    assert result.stopped_by == "budget"
    assert seen.rows == result.history == read_metrics(run.path)
    assert [row["step"] for row in seen.rows] == list(range(10, 201, 10))
    assert [step.step for step in seen.steps] == list(range(1, 201))
    assert [(stop.reason, stop.step) for stop in seen.stops] == [("budget", 200)]
    (start,) = seen.starts
    assert (start.task, start.unit, start.budget, start.step) == ("toy", "char", "200 steps", 0)
    assert start.parameters == sum(p.numel() for p in result.model.parameters())
    assert result.tokens == seen.steps[-1].tokens == seen.rows[-1]["tokens"]


def test_a_row_says_what_its_steps_did() -> None:
    config, seen = options(), Recorder()
    rows = train(ToyTask(config), config, observers=[seen]).history
    for row, first in zip(rows, (0, 10, 20), strict=True):
        steps = seen.steps[first : first + 10]
        before = [0, *(step.tokens for step in seen.steps)]
        counts = [step.tokens - before[step.step - 1] for step in steps]
        assert len(set(before)) == 31
        total = sum(step.loss * n for step, n in zip(steps, counts, strict=True))
        assert row["train_loss"] == pytest.approx(total / sum(counts))
        assert row["grad_norm"] == pytest.approx(sum(s.gradient_norm for s in steps) / 10)
        assert row["learning_rate"] == steps[-1].learning_rate
        assert row["tokens"] == steps[-1].tokens
        assert row["valid_accuracy"] == 0.5
    assert rows[-1]["epoch"] == pytest.approx(30 / 31, abs=1e-4)


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    class Worsening(ToyTask):
        """Best at its second evaluation."""

        losses = iter([3.0, 1.0, 2.0])

        def evaluate(self, model: torch.nn.Module) -> Evaluation:
            self.at_best = self.at_best if hasattr(self, "at_best") else {}
            loss = next(self.losses)
            if loss == 1.0:
                self.at_best = {k: v.clone() for k, v in model.state_dict().items()}
            return Evaluation(loss)

    config = options()
    task = Worsening(config)
    run = new_run(tmp_path / "run", task)
    result = train(task, config, run)
    assert (result.best_step, result.step) == (20, 30)
    last = Checkpoint.read(run).tensors
    for name, tensor in task.at_best.items():
        assert torch.equal(run.weights().tensors[name], tensor)
        assert torch.equal(result.model.state_dict()[name], tensor)
    assert not torch.equal(last["model.head.weight"], task.at_best["head.weight"])
    assert (run.weights().step, run.weights().loss) == (20, 1.0)


def test_patience_ends_a_run() -> None:
    class Stuck(ToyTask):
        def evaluate(self, model: torch.nn.Module) -> Evaluation:
            return Evaluation(2.0)

    config = options(patience=2, steps=1000)
    result = train(Stuck(config), config)
    assert (result.stopped_by, result.step, result.best_step) == ("patience", 30, 10)


def test_evaluation_does_not_touch_training() -> None:
    often, seldom = options(evaluate_every=1), options(evaluate_every=30)
    one, other = train(ToyTask(often), often), train(ToyTask(seldom), seldom)
    assert [row["step"] for row in other.history] == [30]
    assert one.history[-1]["valid_loss"] == other.history[-1]["valid_loss"]


def test_a_last_evaluation_is_always_made() -> None:
    config = options(steps=17)
    assert [row["step"] for row in train(ToyTask(config), config).history] == [10, 17]


class SlowTask(ToyTask):
    """A step takes half a second and an evaluation so many, by a clock that only it moves."""

    def __init__(self, config: TrainingConfig, evaluation: float = 1.0) -> None:
        super().__init__(config)
        self.now = 1000.0
        self.evaluation = evaluation

    def monotonic(self) -> float:
        return self.now

    def loss(self, *arguments: Any) -> LossTerms:
        self.now += 0.5
        return super().loss(*arguments)

    def evaluate(self, model: torch.nn.Module) -> Evaluation:
        self.now += self.evaluation
        return super().evaluate(model)


def test_minutes_include_start_up_and_the_last_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, seen = options(steps=None, minutes=2, evaluate_every=None), Recorder()
    task = SlowTask(config)
    monkeypatch.setattr(clock, "time", task)
    monkeypatch.setattr(loop, "time", task)
    result = train(task, config, observers=[seen], started=task.now - 5)
    assert result.stopped_by == "budget"
    assert result.seconds == pytest.approx(task.now - 1000 + 5)
    assert 117.5 < result.seconds <= 120 - EXIT_SECONDS
    assert seen.steps[-1].progress == 1.0
    assert seen.steps[-1].learning_rate == pytest.approx(
        config.learning_rate * config.final_learning_rate_fraction, rel=0.01
    )
    assert max(step.learning_rate for step in seen.steps) == pytest.approx(0.02, rel=0.01)
    # The first after a twentieth of the time, then one second in 34 at most, then the last one.
    assert [round(row["seconds"]) for row in seen.rows] == [12, 46, 81, 119]


@pytest.mark.parametrize("evaluation", [0.3, 2.0, 4.0])
@pytest.mark.parametrize("every", [None, 1_000_000])
def test_seconds_are_kept_though_no_evaluation_was_timed_yet(
    evaluation: float, every: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = options(steps=None, minutes=0.2, evaluate_every=every)
    task = SlowTask(config, evaluation)
    task.evaluation_tokens = round(evaluation * 3 * 31 / 0.5)  # a step learns from 31
    monkeypatch.setattr(clock, "time", task)
    monkeypatch.setattr(loop, "time", task)
    result = train(task, config, started=task.now - 3)
    assert 10 < result.seconds <= 12 - EXIT_SECONDS
    assert result.history[-1]["step"] == result.step > 6


def test_minutes_spent_before_training_leave_one_step() -> None:
    config = options(steps=None, minutes=1)
    result = train(ToyTask(config), config, started=time.monotonic() - 3600)
    assert result.step == 1
    assert result.seconds > 3600


@pytest.mark.parametrize("break_at", [1, 15])
def test_nan_stops_and_keeps_the_last_good_state(
    tmp_path: Path, break_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "WRITE_SHARE", 1e9)
    config = options()
    run, seen = new_run(tmp_path / "run", ToyTask(config)), Recorder()
    good = 0 if break_at == 1 else 10
    message = (
        rf"diverged at step {break_at}: loss nan, gradient norm nan; try a lower learning_rate "
        rf"\(now 0\.02\), .*run keeps the good state of step {good}$"
    )
    with pytest.raises(TrainingDivergedError, match=message):
        train(ToyTask(config, break_at=break_at), config, run, observers=[seen])
    assert [stop.reason for stop in seen.stops] == ["error"]
    kept = Checkpoint.read(run)
    assert kept.counters.step == good
    assert all(tensor.isfinite().all() for k, tensor in kept.tensors.items() if "gauss" not in k)
    assert train(ToyTask(config), config, run).step == 30


def test_a_validation_loss_of_nan_stops_too() -> None:
    class Broken(ToyTask):
        def evaluate(self, model: torch.nn.Module) -> Evaluation:
            return Evaluation(float("nan"))

    config = options()
    with pytest.raises(TrainingDivergedError, match="diverged at step 10: validation loss nan"):
        train(Broken(config), config)


class SignalAt(Silent):
    """Sends this process a signal after a step."""

    def __init__(self, step: int, number: signal.Signals) -> None:
        self.step = step
        self.number = number

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_saves_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    config = options()
    run, seen = new_run(tmp_path / "run", ToyTask(config)), Recorder()
    before = signal.getsignal(number)
    with pytest.raises(TrainingInterrupted, match=r"stopped at step 13, saved in .*--resume") as e:
        train(ToyTask(config), config, run, observers=[SignalAt(12, number), seen])
    assert e.value.exit_code == code
    assert e.value.result.stopped_by == "interrupt"
    assert e.value.result.evaluation.loss == seen.rows[0]["valid_loss"]
    assert signal.getsignal(number) is before
    assert Checkpoint.read(run).counters.step == 13
    assert [stop.reason for stop in seen.stops] == ["interrupt"]
    resumed = train(ToyTask(config), config, run)
    assert resumed.history == read_metrics(run.path)
    whole = train(ToyTask(config), config)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor)


def test_a_run_stopped_before_its_first_evaluation_can_be_used(tmp_path: Path) -> None:
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    with pytest.raises(TrainingInterrupted) as caught:
        train(ToyTask(config), config, run, observers=[SignalAt(3, signal.SIGINT)])
    assert caught.value.result.evaluation is None
    assert not run.has_model()
    weights = run.weights()
    assert (weights.step, weights.loss) == (4, None)
    for name, tensor in caught.value.result.model.state_dict().items():
        assert torch.equal(weights.tensors[name], tensor)


def test_training_outside_the_main_thread() -> None:
    config, results = options(steps=3), []
    thread = threading.Thread(target=lambda: results.append(train(ToyTask(config), config)))
    thread.start()
    thread.join()
    assert results[0].step == 3


def test_a_full_disk_in_mid_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "WRITE_SHARE", 1e9)
    config = options()
    run = new_run(tmp_path / "run", ToyTask(config))
    real_fsync, full_after = os.fsync, iter(range(12))

    def fsync(descriptor: int) -> None:
        if next(full_after, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_fsync(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(CheckpointError, match=r"cannot write .*: No space left on device"):
            train(ToyTask(config), config, run)
    kept = Checkpoint.read(run).counters.step
    assert 0 < kept < 30
    resumed = train(ToyTask(config), config, run)
    whole = train(ToyTask(config), config)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor)


def test_a_small_file_system(tmp_path: Path) -> None:
    """A disk of 256 kB really is full; needs the right to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "suimon-test", str(disk)]
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let a small disk be mounted")
    try:
        config = options()
        task = ToyTask(config)
        run = new_run(disk / "run", task)
        train(ToyTask(config), config, run)
        longer = config.overridden({"steps": 60})
        (disk / "filler").write_bytes(bytes(1024))
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(bytes(max(free - 4096, 0)))
        before = Checkpoint.read(run)
        with pytest.raises(CheckpointError, match=r"cannot write .*: No space left on device"):
            train(ToyTask(longer), longer, run)
        assert Checkpoint.read(run).counters == before.counters
        (disk / "filler").unlink()
        assert train(ToyTask(longer), longer, run).step == 60
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_batch_that_cannot_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    from suimon.training.learner import Learner
    from suimon.training.processes import Processes

    config = options(batch_size=3)
    with pytest.raises(ConfigError, match="batch_size = 3 cannot be shared by 2 processes"):
        Learner(ToyTask(config), config, Processes(0, 2, torch.device("cpu")))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there() -> None:
    config = options(device="cuda")
    with pytest.raises(ConfigError, match="device = 'cuda': torch finds no CUDA device here"):
        train(ToyTask(config), config)
