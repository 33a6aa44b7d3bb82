"""Two processes training one model over gloo; a program of its own, started by a test.

One import of torch serves all processes: they are forks, started as ``torchrun`` starts its own.
"""

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # which joining imports: once here rather than in every fork
from torch import Tensor

from suimon.errors import SuimonError
from suimon.training import checkpoint, config, loop, run_directory, tensor_file
from tests.training.observing import Silent
from tests.training.toy import ToyTask

OPTIONS: dict[str, Any] = {
    "steps": 30,
    "batch_size": 6,
    "tbptt_steps": 6,
    "evaluate_every": 5,
    "learning_rate": 0.02,
    "seed": 3,
}


class Crash(Silent):
    """Ends a process without a word after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, report: Any) -> None:
        if report.step == self.step:
            os._exit(7)


def session(path: Path, dropout: float, changes: dict[str, Any], crash_at: int = 0) -> None:
    """Train in this process, go on where there is a run."""
    torch.set_num_threads(1)
    checkpoint.WRITE_SHARE = 1e9
    options = config.TrainingConfig(**{**OPTIONS, **changes})
    task = ToyTask(options, dropout=dropout, length=600)
    if (path / run_directory.MANIFEST).exists():
        run = run_directory.RunDirectory.open(path)
    else:
        run = run_directory.RunDirectory.create(
            path, task="toy", config={}, preprocess=task.preprocess()
        )
    loop.train(task, options, run, observers=[Crash(crash_at)])


def together(count: int, work: Callable[[], None]) -> list[int]:
    """Run in ``count`` processes as one job; their exit codes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = [in_fork(rank, count, port, work) for rank in range(count)]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def in_fork(rank: int, count: int, port: int, work: Callable[[], None]) -> int:
    """Start one process of a job."""
    child = os.fork()
    if child:
        return child
    job = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", **{name: str(n) for name, n in job.items()}}
    code = 1
    try:
        work()
        code = 0
    except SuimonError as error:
        if rank == 0:
            print(error, file=sys.stderr)
        code = 2
    except RuntimeError as error:
        # What the others see when one of them is gone.
        code = 8 if "Connection" in str(error) or "gloo" in str(error).lower() else 1
        if code == 1:
            traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor that a run left."""
    model, _ = tensor_file.read_tensors(path / run_directory.MODEL)
    last, _ = tensor_file.read_tensors(path / run_directory.CHECKPOINT)
    return {**{f"best.{name}": tensor for name, tensor in model.items()}, **last}


def difference(one: dict[str, Tensor], other: dict[str, Tensor], beginning: str) -> float:
    """The largest difference between tensors whose names begin so."""
    names = [name for name in one if name.startswith(beginning)]
    assert names
    return max((one[n].double() - other[n].double()).abs().nan_to_num().max().item() for n in names)


def main(folder: Path) -> None:
    """Everything that the tests look at, as JSON."""
    codes = {
        "alone": together(1, lambda: session(folder / "alone", 0.0, {})),
        "two": together(2, lambda: session(folder / "two", 0.0, {})),
        "whole": together(2, lambda: session(folder / "whole", 0.3, {})),
        "crash": together(2, lambda: session(folder / "broken", 0.3, {}, crash_at=17)),
        "resumed": together(2, lambda: session(folder / "broken", 0.3, {})),
        "another number": together(1, lambda: session(folder / "two", 0.0, {})),
        "time": together(
            2, lambda: session(folder / "time", 0.0, {"steps": None, "minutes": 0.015})
        ),
    }
    alone, two = tensors(folder / "alone"), tensors(folder / "two")
    whole, broken = tensors(folder / "whole"), tensors(folder / "broken")
    rows = (folder / "two" / "metrics.jsonl").read_text().splitlines()
    torch_states = [whole[f"rank.{rank}.random.torch"] for rank in (0, 1)]
    print(
        json.dumps(
            {
                "codes": codes,
                "weights": difference(alone, two, "best."),
                "optimizer": difference(alone, two, "optimizer."),
                "resumed": [n for n in whole if difference(whole, broken, n) != 0],
                "same names": whole.keys() == broken.keys(),
                "own randomness": not torch.equal(*torch_states),
                "carried": [list(two[f"rank.{rank}.carried.0"].shape) for rank in (0, 1)],
                "rows": [json.loads(row)["step"] for row in rows],
                "tokens": [
                    json.loads((folder / name / "metrics.jsonl").read_text().splitlines()[-1])[
                        "tokens"
                    ]
                    for name in ("alone", "two")
                ],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
