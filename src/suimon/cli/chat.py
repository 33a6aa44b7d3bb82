"""``suimon chat``: you write a line, the model goes on or answers."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from suimon.cli.printing import notice, result, result_json
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
from suimon.errors import ConfigError

EXAMPLE = "suimon chat runs/shakespeare"


def command(
    context: typer.Context,
    run: Run,
    length: Annotated[
        int, typer.Option("--length", metavar="INT", help="Units of one answer at most.")
    ] = 300,
    temperature: Temperature = 0.8,
    top_k: TopK = None,
    top_p: TopP = None,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="TEXT", help="What ends an answer.", show_default="a blank line"
        ),
    ] = "\n\n",
    seed: Seed = None,
    precision: Precision = "fp32",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a turn.")] = False,
) -> None:
    """Write in turns: you a line, the model what comes next.

    The model's state is carried through all turns, so it remembers what was written. Ends with
    the end of standard input (Ctrl-D). Works with a file or a pipe too, a turn a line. In int8 it
    reports what that changes as `suimon generate` does. A run of `suimon train translate` on
    questions and answers gives each line the likeliest answer, and takes none of the options but
    `--json`.
    """
    model = load_writer(run, may_answer=True)
    if hasattr(model, "answer"):
        _answer(model, run, context, as_json=as_json)
        return
    writer = model.writer(seed=seed, precision=precision)
    quantisation_noticed(model, run, precision)
    for line in _lines():
        unknown = model.unknown_notice(line)
        if unknown:
            notice(unknown)
        writer.read(line)
        pieces = writer.write(
            length, temperature=temperature, top_k=top_k, top_p=top_p, until=until
        )
        if as_json:
            answer = "".join(piece.text for piece in pieces)
            result_json({"line": line.rstrip("\n"), "answer": answer})
            continue
        last = "\n"
        for piece in pieces:
            last = piece.text
            sys.stdout.write(last)
            sys.stdout.flush()
        if not last.endswith("\n"):
            sys.stdout.write("\n")


def _answer(model: Any, run: Path, context: typer.Context, *, as_json: bool) -> None:
    """Answer line after line, each by itself.

    Raises:
        ConfigError: an option about drawing was given: nothing is drawn.
    """
    for name in context.params:
        # By its name, for typer brings a click of its own.
        given = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        if given and name not in ("run", "as_json"):
            raise ConfigError(
                f"--{name.replace('_', '-')} means nothing to {run}, which gives the likeliest "
                "answer: leave it out"
            )
    for line in _lines():
        text = line.rstrip("\n")
        answer = model.answer(text)
        if as_json:
            result_json({"line": text, "answer": answer})
        else:
            result(answer)


def _lines() -> Iterator[str]:
    """What the user writes, line by line, each with its line end; asked for on a terminal."""
    asking = sys.stdin.isatty()
    if asking:
        notice("write a line; Ctrl-D ends the conversation")
    while True:
        if asking:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            return
        yield line.rstrip("\n") + "\n"
