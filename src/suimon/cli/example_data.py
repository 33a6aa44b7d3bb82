"""``suimon example-data``: a small data set of each kind, made on the spot."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from suimon.cli.printing import notice, result, result_json
from suimon.errors import ConfigError

EXAMPLE = "suimon example-data classify --out example"


def command(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="The word after suimon train, such as classify."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")],
    seed: Annotated[
        int, typer.Option("--seed", metavar="INT", help="The same data for the same seed.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: the files, and what to do next.")
    ] = False,
) -> None:
    """Write a small data set for a task, so that it can be tried at once.

    Prints the names of files and folders; then the example of suimon train TASK --help runs as it
    is written.
    """
    from suimon.tasks import example_data

    description, made = example_data(task)
    written = made(seed)
    for name in written:
        if (out / name).exists():
            raise ConfigError(f"{out / name} exists already: remove it, or name another --out")
    for name, content in written.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    example = description.example.replace("example/", f"{out}/")
    files = [str(out / name) for name in written]
    if as_json:
        result_json({"files": files, "example": example})
        return
    counts = Counter(out / Path(name).parts[0] for name in written)
    for path, count in counts.items():
        result(f"{path}/ ({count:,} files)" if path.is_dir() else str(path))
    notice(f"made by rule, seed {seed}; to learn from it:\n  {example}")
