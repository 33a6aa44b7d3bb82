"""A run that is killed over and over and resumed; a program of its own, started by a test.

One import of torch serves all sessions: each is a fork, made before any tensor was computed here.
Moments of death are counted in Python's and C's function calls, so they are random but the same
every time, and fall on any line: in a step, in an evaluation, between a rename and an fsync.
"""

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from suimon.training import checkpoint, config, loop, run_directory, tensor_file
from tests.training.toy import ToyTask

KILLS = 10
WRITING = 4
"""How many of the kills come at a system call of a file being written."""
SYSTEM_CALLS = ("fsync", "replace", "rename", "write")
OPTIONS = {"steps": 60, "batch_size": 4, "tbptt_steps": 6, "evaluate_every": 4, "seed": 3}


def session(path: Path, die_at: int | None, counted: tuple[str, ...]) -> int:
    """Train in this process until the end or until the given call; returns the calls counted."""
    torch.set_num_threads(1)
    checkpoint.WRITE_SHARE = 1e9  # a checkpoint after every evaluation, however long it takes
    options = config.TrainingConfig(**OPTIONS)
    task = ToyTask(options, length=300)
    calls = 0

    def count(frame: object, event: str, function: object) -> None:
        nonlocal calls
        if counted and getattr(function, "__name__", "") not in counted:
            return
        calls += 1
        if calls == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    if path.exists():
        run = run_directory.RunDirectory.open(path)
    else:
        run = run_directory.RunDirectory.create(
            path, task=task.name, config={"training": OPTIONS}, preprocess=task.preprocess()
        )
    loop.train(task, options, run)
    sys.setprofile(None)
    return calls


def in_child(work: Callable[[], int]) -> tuple[bool, int]:
    """Run in a fork: whether it was killed, and what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(work()).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError("a session failed; its traceback is above")
    return killed, int(text or 0)


def step_reached(path: Path) -> int:
    """The step of the last checkpoint, 0 before the first."""
    file = path / run_directory.CHECKPOINT
    return tensor_file.read_tensors(file)[1]["counters"]["step"] if file.exists() else 0


def outcome(path: Path) -> dict[str, Tensor]:
    """Every tensor that a run left, and what its files say apart from times."""
    timed = ("seconds", "write_seconds", "evaluated_second", "evaluation_seconds", "began")
    tensors = {}
    for name in (run_directory.MODEL, run_directory.CHECKPOINT):
        found, header = tensor_file.read_tensors(path / name)
        tensors |= {f"{name}/{key}": tensor for key, tensor in found.items()}
        facts = {k: v for k, v in header.get("counters", header).items() if k not in timed}
        tensors[f"{name}/{json.dumps(facts, sort_keys=True)}"] = torch.zeros(0)
    for line in (path / "metrics.jsonl").read_text().splitlines():
        row = {k: v for k, v in json.loads(line).items() if k not in timed}
        tensors[json.dumps(row)] = torch.zeros(0)
    return tensors


def main(folder: Path, seed: int) -> None:
    """Train once through and once killed ten times; print what happened as JSON."""
    chance = random.Random(seed)
    whole, broken = folder / "whole", folder / "broken"
    _, calls = in_child(lambda: session(whole, None, ()))
    _, system_calls = in_child(lambda: session(folder / "counted", None, SYSTEM_CALLS))
    kills = [False] * (KILLS - WRITING) + [True] * WRITING
    chance.shuffle(kills)
    reached, partial = [0], []
    for writing in kills:
        total, counted = (system_calls, SYSTEM_CALLS) if writing else (calls, ())
        left = 1 - reached[-1] / OPTIONS["steps"]
        die_at = chance.randint(1, max(int(0.4 * left * total), 1))  # always before the end
        killed, _ = in_child(lambda at=die_at, only=counted: session(broken, at, only))
        assert killed
        reached.append(step_reached(broken))
        partial += [file.name for file in folder.rglob("*.partial")]
    in_child(lambda: session(broken, None, ()))
    expected, found = outcome(whole), outcome(broken)
    different = [
        name for name in expected if name not in found or not same_bits(expected, found, name)
    ]
    print(
        json.dumps(
            {
                "reached": reached,
                "partial": partial,
                "compared": len(expected),
                "different": different + sorted(found.keys() - expected.keys()),
                "files": sorted(file.name for file in broken.iterdir()),
            }
        )
    )


def same_bits(expected: dict[str, Tensor], found: dict[str, Tensor], name: str) -> bool:
    """Whether a tensor is the same in both, a NaN being the same as itself."""
    one, other = expected[name], found[name]
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
