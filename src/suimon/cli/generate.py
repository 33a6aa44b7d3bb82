"""``suimon generate``: let a trained model write."""

import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from suimon.cli.printing import notice, result_json
from suimon.cli.writing import (
    Precision,
    Run,
    Seed,
    Temperature,
    TopK,
    TopP,
    load_writer,
    quantisation_noticed,
)

EXAMPLE = 'suimon generate runs/shakespeare --prompt "ROMEO:" --length 200'

BETWEEN = "\n-----\n"
"""Stands between several texts."""


def command(
    run: Run,
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What to go on from; printed first.")
    ] = "",
    length: Annotated[
        int,
        typer.Option(
            "--length", metavar="INT", help="Units to write at most: characters, bytes, words …"
        ),
    ] = 500,
    count: Annotated[
        int,
        typer.Option(
            "--count", metavar="INT", help="Texts to write, with a line of ----- between them."
        ),
    ] = 1,
    temperature: Temperature = 0.8,
    top_k: TopK = None,
    top_p: TopP = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TEXT", help="Stop once this was written.")
    ] = None,
    seed: Seed = None,
    precision: Precision = "fp32",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object when all is written.")
    ] = False,
) -> None:
    """Write like the text that the run has learned.

    Standard output is the text alone, as it comes. The first time that a run writes in int8, what
    that changes is measured on its validation text, reported, and kept in the run's directory.
    """
    model = load_writer(run)
    pieces = model.stream(
        prompt,
        length=length,
        count=count,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        until=until,
        seed=seed,
        precision=precision,
    )
    extra = quantisation_noticed(model, run, precision)
    unknown = model.unknown_notice(prompt)
    if unknown:
        notice(unknown)
    if as_json:
        texts = _collected(pieces, count)
        result_json({"prompt": prompt, "texts": texts, "unknown": model.unknown(prompt)} | extra)
    else:
        _stream(prompt, pieces, count)


def _stream(prompt: str, pieces: Iterable[tuple[int, str]], count: int) -> None:
    """Print the first text as it comes; the others, written beside it, after it."""
    texts = [""] * count
    _write(prompt)
    last = prompt
    for row, text in pieces:
        if row == 0:
            _write(text)
            last = text or last
        else:
            texts[row] += text
    for text in texts[1:]:
        _write(("" if last.endswith("\n") else "\n") + BETWEEN.lstrip("\n") + prompt + text)
        last = text or prompt
    if not last.endswith("\n"):
        _write("\n")


def _collected(pieces: Iterable[tuple[int, str]], count: int) -> list[str]:
    texts = [""] * count
    for row, text in pieces:
        texts[row] += text
    return texts


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
