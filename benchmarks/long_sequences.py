"""What one very long sequence costs: memory and time of back-propagation over a million steps.

``python benchmarks/long_sequences.py [--steps 1000 10000 100000 1000000] [--cells LSTM GRU]`` runs
forward, loss and backward over one sequence (B = 1, I = 1, H = 64) with ``checkpoint_time``, each
length in a process of its own, and watches the process's anonymous memory (``RssAnon``). The loss
is the squared error of a linear readout at every step. Targets: at most 1 GB above what stands
after import at a million steps, and a cost that grows linearly (the exponent of the line fitted to
the logarithms). Up to ``STORED_UP_TO`` steps the form that keeps every step is measured beside it.
Linux only.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import threading
from time import perf_counter

H = 64
STORED_UP_TO = 100_000
# The same for all lengths, and less than the least: a sequence of one chunk has no second forward
# pass, and its steps cost two thirds of the others'.
CHECKPOINT_TIME = 500
LEAST_SECONDS = 0.5  # a length that takes less is run again, and the median counts
LIMIT_MB = 1000


def watched(cell: str, steps: int, checkpoint_time: int | None) -> dict[str, float]:
    """Seconds of forward, loss and backward, and the most memory they took beyond the import's."""
    import torch
    from memory_growth import anonymous_mb

    from suimon import layers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    at_start = peak = anonymous_mb()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    layer = getattr(layers, cell)(1, H, checkpoint_time=checkpoint_time)
    readout = torch.nn.Linear(H, 1)

    def learn(steps: int) -> None:
        x, target = torch.randn(steps, 1, 1), torch.randn(steps, 1, 1)
        output, _ = layer(x)
        torch.nn.functional.mse_loss(readout(output), target).backward()

    learn(2 * (checkpoint_time or 1))  # the first backward pass imports more of torch
    taken: list[float] = []
    while sum(taken) < LEAST_SECONDS:
        started = perf_counter()
        learn(steps)
        taken.append(perf_counter() - started)
    done.set()
    watcher.join()
    assert all(weight.grad is not None for weight in layer.parameters())
    return {
        "seconds": float(f"{statistics.median(taken):.4g}"),
        "above_import_mb": round(peak - at_start, 1),
    }


def exponent(steps: list[int], seconds: list[float]) -> float:
    """The slope of the least-squares line through (log steps, log seconds)."""
    xs, ys = [math.log(n) for n in steps], [math.log(s) for s in seconds]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)


def in_a_process(cell: str, steps: int, checkpoint_time: int) -> dict[str, float]:
    """What :func:`watched` finds in a process of its own; 0 for no checkpoints."""
    command = [sys.executable, __file__, "--child", cell, str(steps), str(checkpoint_time)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--cells", nargs="+", default=["LSTM", "GRU"])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        cell, steps, checkpoint_time = options.child
        print(json.dumps(watched(cell, int(steps), int(checkpoint_time) or None)))
        return
    from report import rounded, write_report

    results = {}
    for cell in options.cells:
        found = results[cell] = {}
        for steps in options.steps:
            checkpoint_time = CHECKPOINT_TIME
            found[str(steps)] = {"checkpoint_time": checkpoint_time}
            found[str(steps)] |= in_a_process(cell, steps, checkpoint_time)
            if steps <= STORED_UP_TO:
                found[str(steps)]["stored"] = in_a_process(cell, steps, 0)
            print(f"{cell} {steps:>9,} steps: {found[str(steps)]}", flush=True)
        seconds = [found[str(steps)]["seconds"] for steps in options.steps]
        found["exponent"] = rounded(exponent(options.steps, seconds))
        print(f"{cell} cost grows as T^{found['exponent']}; limit {LIMIT_MB} MB above import")
    write_report("long_sequences", results, settings={"B": 1, "I": 1, "H": H, "limit_mb": LIMIT_MB})


if __name__ == "__main__":
    main()
