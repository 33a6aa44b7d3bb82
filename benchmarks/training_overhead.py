"""What a training step costs beside the network: data, carried state, clipping, log, progress.

    python benchmarks/training_overhead.py

Writes ``benchmarks/results/training_overhead.json``. The network's forward, its backward and the
optimiser are timed from outside, by clocks around them; everything else that happens between the
end of one step and the end of the next is overhead, the progress bar included.
"""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch
from report import rounded, write_report
from rich.console import Console
from torch import nn

from suimon.data.text import corpus_of_text, split_corpus
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.data import units_options
from suimon.tasks.language_model.objective import LanguageModelling
from suimon.training import TrainingConfig, learner, progress_observer, train
from suimon.training.observers import StepReport
from suimon.training.optimizers import build_optimizer
from suimon.training.run_directory import RunDirectory

SETTINGS = {"layers": 2, "hidden": 256, "embedding": 128, "batch_size": 32, "tbptt_steps": 100}
STEPS = 40
WARM_UP = 10


class Phases:
    """Clocks around the network and the optimiser, and the time of every step."""

    def __init__(self) -> None:
        self.spent = {"forward": 0.0, "backward": 0.0, "optimizer": 0.0}
        self.steps: list[dict[str, float]] = []
        self._ended = perf_counter()

    def timed(self, phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, its time added to a phase."""

        def run(*arguments: Any, **named: Any) -> Any:
            began = perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.spent[phase] += perf_counter() - began

        return run

    def end_of_step(self) -> None:
        """One step is done, its reports included."""
        now = perf_counter()
        self.steps.append({**self.spent, "step": now - self._ended})
        self.spent = dict.fromkeys(self.spent, 0.0)
        self._ended = perf_counter()


class LastObserver:
    """Called after all others: the end of a step."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases

    def on_start(self, report: object) -> None:
        pass

    def on_step(self, report: StepReport) -> None:
        self._phases.end_of_step()

    def on_evaluation(self, row: object) -> None:
        pass

    def on_stop(self, report: object) -> None:
        pass


class TimedTask(LanguageModelling):
    """The language model, with clocks around its forward pass."""

    phases: Phases

    def loss(self, model: nn.Module, batch: Any, carried: Any) -> Any:
        return self.phases.timed("forward", super().loss)(model, batch, carried)


def measure(cell: str, threads: int) -> dict[str, float]:
    """One short run in full: run directory, terminal progress and all."""
    config = LanguageModelConfig(
        cell=cell,
        layers=SETTINGS["layers"],
        hidden=SETTINGS["hidden"],
        embedding=SETTINGS["embedding"],
    )
    training = TrainingConfig(
        steps=STEPS,
        batch_size=SETTINGS["batch_size"],
        tbptt_steps=SETTINGS["tbptt_steps"],
        evaluate_every=STEPS,
        threads=threads,
    )
    generator = torch.Generator().manual_seed(0)
    letters = torch.randint(32, 97, (400_000,), generator=generator).tolist()
    text = "".join(map(chr, letters))
    split = split_corpus(corpus_of_text(text, units=units_options(config)), 0.05)
    task = TimedTask(config, training, split)
    task.phases = phases = Phases()
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    backward = phases.timed("backward", torch.Tensor.backward)

    def build_timed(*arguments: Any) -> torch.optim.Optimizer:
        optimizer = build_optimizer(*arguments)
        optimizer.step = phases.timed("optimizer", optimizer.step)
        return optimizer

    with (
        patch.object(torch.Tensor, "backward", lambda *arguments: backward(*arguments)),
        patch.object(learner, "build_optimizer", build_timed),
        tempfile.TemporaryDirectory() as folder,
    ):
        run = RunDirectory.create(
            Path(folder) / "run", task=task.name, config={}, preprocess=task.preprocess()
        )
        train(task, training, run, observers=[progress_observer(terminal), LastObserver(phases)])
    return shares(phases.steps[WARM_UP:])


def shares(steps: list[dict[str, float]]) -> dict[str, float]:
    """Means over steps, and the overhead's share of a step."""
    mean = {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}
    overhead = mean["step"] - mean["forward"] - mean["backward"] - mean["optimizer"]
    return {
        **{f"{name}_s": rounded(value) for name, value in mean.items()},
        "overhead_s": rounded(overhead),
        "overhead_share": rounded(overhead / mean["step"]),
    }


def main() -> None:
    results = {}
    for cell in ("lstm", "gru", "mingru"):
        for threads in sorted({1, torch.get_num_threads()}):
            results[f"{cell}, threads={threads}"] = row = measure(cell, threads)
            print(
                f"{cell:8} threads={threads} step {1e3 * row['step_s']:.1f} ms, "
                f"overhead {1e3 * row['overhead_s']:.2f} ms = {row['overhead_share']:.1%}"
            )
    write_report(
        "training_overhead", results, settings={**SETTINGS, "steps": STEPS, "target": 0.05}
    )


if __name__ == "__main__":
    main()
