"""What the commands share that use a trained model of whatever task: its options as flags."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suimon.errors import ConfigError

if TYPE_CHECKING:
    from suimon.tasks import TaskDescription

Use = Literal["predicting", "evaluating"]


def with_options_of_tasks(command: Callable[..., None], use: Use) -> Callable[..., None]:
    """A command with, beside its own parameters, the flags that the tasks have for a use of models.

    It receives them as keywords, ``None`` for what was left out; :func:`chosen_options` takes
    those of the task at hand.
    """

    def with_flags(**values: Any) -> None:
        command(**values)

    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [*own, *_flags_of_tasks(use)]
    with_flags.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
    )
    with_flags.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_flags


def of_each_task(says: Literal["predicts", "measures"]) -> str:
    """For help pages a line a task that says something, kept as they are."""
    from suimon.tasks import discover

    lines = sorted(
        f"{description.command}: {text}"
        for description in discover().values()
        if (text := getattr(description, says))
    )
    return "\b\n" + "\n".join(lines)


def chosen_options(run: Path, use: Use, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given for a run's model, checked.

    Raises:
        CheckpointError: there is no run.
        ConfigError: its task does not take one of them, or not with this value.
    """
    from suimon.cli.options import flag_name
    from suimon.tasks import by_name
    from suimon.training.options import parse_options
    from suimon.training.run_directory import RunDirectory

    description = by_name(RunDirectory.open(run).task)[0]
    taken = getattr(description, use)
    given = {name: value for name, value in values.items() if value is not None and value != []}
    for name in given:
        if name not in taken.model_fields:
            flags = ", ".join(flag_name(known) for known in taken.model_fields) or "none"
            raise ConfigError(
                f"{flag_name(name)} means nothing to {run}, a run of suimon train "
                f"{description.command}: leave it out (its options here: {flags})"
            )
    return parse_options(taken, given).model_dump(exclude_none=True)


def _flags_of_tasks(use: Use) -> Iterator[inspect.Parameter]:
    """The flags of every task, a name that several have once, under the tasks' headings."""
    from suimon.cli.options import flags
    from suimon.tasks import discover

    takers: dict[str, list[TaskDescription]] = {}
    for description in discover().values():
        for name in getattr(description, use).model_fields:
            takers.setdefault(name, []).append(description)
    for name, those in takers.items():
        options = getattr(those[0], use)
        others = set(options.model_fields) - {name}
        yield from flags(options, _heading(those), unused=others)


def _heading(those: "list[TaskDescription]") -> str:
    return "For a run of " + ", ".join(description.command for description in those)
