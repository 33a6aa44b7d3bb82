"""What each task's training spends outside its network and the reading of its data.

    python benchmarks/task_overhead.py [--tasks classify text …] [--steps 200]

Writes ``benchmarks/results/task_overhead.json``. For every task the example of its help page runs
on its example data, for so many steps, as a user would run it: run directory, progress and all.
Clocks stand around the making of batches, the network's forward and backward pass, the optimiser
and the evaluations; what is left between the first step and the last is overhead. The target is a
tenth at most.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch
from report import rounded, write_row

from suimon.cli.main import main as suimon
from suimon.tasks import discover
from suimon.training import loop
from suimon.training.config import BUDGETS
from suimon.training.learner import Learner

PHASES = ("data", "forward", "backward", "optimizer", "evaluation")


class TimedLearner(Learner):
    """A learner with clocks around the parts of a step."""

    spent: dict[str, float]
    began = ended = 0.0
    steps = tokens = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        TimedLearner.spent = dict.fromkeys(PHASES, 0.0)
        TimedLearner.steps = TimedLearner.tokens = 0
        self.stream.next_batch = self._timed("data", self.stream.next_batch)
        self.task.loss = self._timed("forward", self.task.loss)
        self.task.evaluate = self._timed("evaluation", self.task.evaluate)
        self.optimizer.step = self._timed("optimizer", self.optimizer.step)

    def step(self, learning_rate: float) -> Any:
        if not self.steps:
            TimedLearner.began = perf_counter()
            self.spent.update(dict.fromkeys(PHASES, 0.0))
        outcome = super().step(learning_rate)
        TimedLearner.steps += 1
        TimedLearner.tokens += outcome.loss_count
        TimedLearner.ended = perf_counter()
        return outcome

    def _timed(self, phase: str, call: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            began = perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.spent[phase] += perf_counter() - began

        return run


def timed_backward(tensor: torch.Tensor, *arguments: Any, **named: Any) -> None:
    """``Tensor.backward``, its time noted."""
    began = perf_counter()
    backward(tensor, *arguments, **named)
    TimedLearner.spent["backward"] += perf_counter() - began


backward = torch.Tensor.backward


def measure(task: str, steps: int) -> dict[str, Any]:
    """One run of a task's example."""
    description = next(d for d in discover().values() if d.command == task)
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "example", Path(folder) / "run"
        command = [sys.executable, "-m", "suimon", "example-data", task, "--out", str(data)]
        subprocess.run(command, check=True, capture_output=True)
        words = shlex.split(description.example.replace("example/", f"{data}/"))[1:]
        words[words.index("--out") + 1] = str(out)
        for budget in BUDGETS:
            if f"--{budget}" in words:
                del words[words.index(f"--{budget}") : words.index(f"--{budget}") + 2]
        with (
            patch.object(loop, "Learner", TimedLearner),
            patch.object(torch.Tensor, "backward", timed_backward),
        ):
            code = suimon([*words, "--steps", str(steps)])
    if code:
        sys.exit(f"suimon {' '.join(words)} ended with {code}")
    took = TimedLearner.ended - TimedLearner.began
    spent = dict(TimedLearner.spent)
    overhead = took - sum(spent.values())
    return {
        "command": shlex.join(words[:2]),
        "steps": TimedLearner.steps,
        "tokens_per_s": rounded(TimedLearner.tokens / took),
        "seconds": rounded(took),
        **{f"{phase}_share": rounded(seconds / took) for phase, seconds in spent.items()},
        "overhead_share": rounded(overhead / took),
    }


def main() -> None:
    known = sorted(description.command for description in discover().values())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=known, default=known)
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    for task in arguments.tasks:
        row = measure(task, arguments.steps)
        print(task, row, flush=True)
        write_row("task_overhead", task, {"target": 0.1, **row})


if __name__ == "__main__":
    main()
