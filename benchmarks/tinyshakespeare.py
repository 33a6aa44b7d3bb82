"""What three and twenty minutes buy on tinyshakespeare: `suimon train text`, beside a torch loop.

    python benchmarks/tinyshakespeare.py

Writes ``benchmarks/results/tinyshakespeare.json``. Both sides train on the first nine tenths of
the text and are judged on all of the last tenth, one after the other in the same minutes, for
machines drift. suimon gets ``--minutes 3`` and nothing else, start-up and loading included; torch
gets three minutes of training alone, with an LSTM 1x512 by the usual recipe: AdamW 3e-3, 2 %
warm-up, cosine over the time, T = 64, B = 32, embedding 128, forget bias 1. A third run gives
suimon 3,000,000 characters, however long they take, and a fourth 20 minutes.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from report import REPOSITORY, rounded, write_report
from torch import nn
from torch.nn import functional as F

from suimon.data.text import load_corpus, split_corpus

MINUTES, LONG_MINUTES = 3.0, 20.0
CHARACTERS = 3_000_000
ROWS, STEPS, HIDDEN, EMBEDDING, RATE = 32, 64, 512, 128, 3e-3


def text_file() -> Path:
    """Where the text is, by ``SUIMON_DATA``."""
    data = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    path = data / "text" / "tinyshakespeare" / "input.txt"
    if not path.is_file():
        sys.exit(f"{path} is not there; set SUIMON_DATA to the folder that holds text/")
    return path


def by_suimon(path: Path, budget: list[str]) -> dict[str, Any]:
    """One run of the command as a user gives it, and the last row of its log."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        began = perf_counter()
        command = [sys.executable, "-m", "suimon", "train", "text", str(path), "--out", str(run)]
        subprocess.run([*command, *budget], check=True)
        wall = perf_counter() - began
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = min(rows, key=lambda row: row["valid_loss"])
    return {
        "valid_loss": rounded(best["valid_loss"]),
        "characters": rows[-1]["tokens"],
        "wall_s": rounded(wall),
        "budget": " ".join(budget),
    }


class Plain(nn.Module):
    """The anchor: embedding, torch's LSTM, output layer."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN)
        self.head = nn.Linear(HIDDEN, vocabulary)
        with torch.no_grad():
            self.lstm.bias_ih_l0[HIDDEN : 2 * HIDDEN] = 1.0

    def forward(self, tokens: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def by_torch(path: Path) -> dict[str, Any]:
    """Three minutes of the plain loop, then its loss on the whole validation text."""
    split = split_corpus(load_corpus([path]))
    train = torch.from_numpy(split.train.tokens[:].astype("int64"))
    valid = torch.from_numpy(split.valid.tokens[:].astype("int64"))
    torch.manual_seed(0)
    model = Plain(split.train.corpus.units.size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), fused=True)
    length = (len(train) - 1) // ROWS
    inputs = train[: length * ROWS].view(ROWS, length).t().contiguous()
    targets = train[1 : length * ROWS + 1].view(ROWS, length).t().contiguous()
    place, state, seen, began = 0, None, 0, perf_counter()
    while (progress := (perf_counter() - began) / (60 * MINUTES)) < 1:
        if place + STEPS > length:
            place, state = 0, None
        rate = RATE * min(1.0, progress / 0.02) * 0.5 * (1 + math.cos(math.pi * progress))
        optimizer.param_groups[0]["lr"] = rate
        logits, state = model(inputs[place : place + STEPS], state)
        loss = F.cross_entropy(logits.flatten(0, 1), targets[place : place + STEPS].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state = tuple(part.detach() for part in state)
        place, seen = place + STEPS, seen + ROWS * STEPS
    with torch.no_grad():
        logits, _ = model(valid[:-1, None])  # one unbroken reading, (N, 1, V)
        valid_loss = F.cross_entropy(logits.flatten(0, 1), valid[1:]).item()
    return {"valid_loss": rounded(valid_loss), "characters": seen, "minutes": MINUTES}


def main() -> None:
    """Run the four and write the report."""
    path = text_file()
    results: dict[str, Any] = {"threads": torch.get_num_threads()}
    results["suimon, 3 minutes"] = by_suimon(path, ["--minutes", f"{MINUTES:g}"])
    results["torch LSTM 1x512, 3 minutes"] = by_torch(path)
    windows = ROWS * 32  # what the rule chooses for this text
    results["suimon, 3,000,000 characters"] = by_suimon(
        path, ["--steps", str(round(CHARACTERS / windows))]
    )
    results["suimon, 20 minutes"] = by_suimon(path, ["--minutes", f"{LONG_MINUTES:g}"])
    for name, found in results.items():
        print(name, found)
    write_report("tinyshakespeare", results)


if __name__ == "__main__":
    main()
