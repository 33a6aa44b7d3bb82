"""How the cost of a training step grows with the number of rows.

``python benchmarks/batch_growth.py [--rounds 15] [--rows 16 32 ... 1024]`` writes
``benchmarks/results/batch_growth.json``: forward and backward at T = 64 and I = H = 64, the
microseconds of each row, and the exponent of the line fitted to the logarithms. The sizes take
turns, so that a drift of the machine meets all of them.
"""

import argparse

import torch
from long_sequences import exponent
from report import interleaved, rounded, write_report

from layers import training_step
from suimon import layers

T, I, H = 64, 64, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each size takes")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512, 1024])
    parser.add_argument("--cells", nargs="+", default=["LSTM", "GRU"])
    given = parser.parse_args()
    torch.manual_seed(0)
    results = {}
    for cell in given.cells:
        layer = getattr(layers, cell)(I, H)
        steps = {str(B): training_step(layer, torch.randn(T, B, I), False) for B in given.rows}
        times = interleaved(steps, rounds=given.rounds)
        seconds = [times.median(str(B)) for B in given.rows]
        found = results[cell] = {
            **times.summary(),
            "microseconds_a_row": {
                str(B): rounded(1e6 * s / B) for B, s in zip(given.rows, seconds, strict=True)
            },
            "exponent": rounded(exponent(given.rows, seconds)),
        }
        print(f"{cell} cost grows as B^{found['exponent']}; a row: {found['microseconds_a_row']}")
    settings = {"T": T, "I": I, "H": H, "rounds": given.rounds}
    write_report("batch_growth", results, settings=settings)


if __name__ == "__main__":
    main()
