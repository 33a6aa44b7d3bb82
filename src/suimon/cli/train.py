"""``suimon train TASK``: one command for every task folder, its flags made from its options."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from suimon.cli.config_file import read_options
from suimon.cli.help_page import SETTINGS, example, single_command
from suimon.cli.printing import notice, result, result_json
from suimon.errors import ConfigError

if TYPE_CHECKING:
    from suimon.tasks import TaskDescription
    from suimon.training import TrainingResult

_CHOSEN = (
    'Options with the default "by rule" are chosen from the data and the budget where they are '
    "left out; what was chosen is printed at the start and kept in RUN/config.toml."
)


class TaskCommands(TyperGroup):
    """The tasks of the registry as commands, each made when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The tasks' command words, in alphabetical order."""
        from suimon.tasks import discover

        return sorted(description.command for description in discover().values())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of one task, or ``None`` where there is no such task."""
        from suimon.tasks import discover

        for description in discover().values():
            if description.command == cmd_name:
                return _task_command(description)
        return None


def group() -> typer.Typer:
    """The ``train`` command."""
    commands = typer.Typer(
        cls=TaskCommands,
        help="Train a network on your data.",
        rich_markup_mode=None,
        context_settings=SETTINGS,
    )

    @commands.callback(invoke_without_command=True)
    def no_task(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            result(context.get_help())

    return commands


def _task_command(description: "TaskDescription") -> Any:
    """One task's command: where to read and write, then the task's options and the loop's."""
    from suimon.cli.options import flags
    from suimon.training.config import TrainingConfig

    def command(**values: Any) -> None:
        _train(description, values)

    signature = inspect.Signature(
        [
            *_own_parameters(description),
            *flags(TrainingConfig, "Training", description.chosen, description.unused),
            *flags(description.config, "Data and network", description.chosen),
        ]
    )
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    text = f"{description.summary}\n\n{_CHOSEN}" if description.chosen else description.summary
    return single_command(description.command, command, text, example(description.example))


def _own_parameters(description: "TaskDescription") -> list[inspect.Parameter]:
    """What every task's command takes, whatever its options."""
    annotations: dict[str, Any] = {
        "paths": Annotated[
            list[str] | None, typer.Argument(metavar="PATH...", help=description.data)
        ],
        "out": Annotated[
            Path | None, typer.Option("--out", metavar="RUN", help="The run directory to make.")
        ],
        "resume": Annotated[
            bool,
            typer.Option("--resume", help="Go on with RUN; PATH may then be left out."),
        ],
        "config_file": Annotated[
            Path | None,
            typer.Option(
                "--config", metavar="FILE.toml", help="Read options from a file; flags override it."
            ),
        ],
        "as_json": Annotated[
            bool, typer.Option("--json", help="Print the result as one JSON object.")
        ],
    }
    defaults = {"resume": False, "as_json": False}
    return [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name), annotation=annotation
        )
        for name, annotation in annotations.items()
    ]


def _train(description: "TaskDescription", values: dict[str, Any]) -> None:
    from suimon.training.clock import process_start

    started = process_start()
    out = values["out"]
    if out is None:
        raise ConfigError("where to? name the run directory to make, e.g. --out runs/first")
    options, paths = _merged(description, values)
    if values["resume"] and not out.exists():
        raise ConfigError(f"there is no run at {out} to go on with: leave out --resume")
    trained = _run(description, out, paths, options, resume=values["resume"], started=started)
    if values["as_json"]:
        result_json({"run": str(out), **_facts(trained)})
    else:
        result(_words(out, trained))


def _run(
    description: "TaskDescription",
    out: Path,
    paths: list[str],
    options: dict[str, Any],
    *,
    resume: bool,
    started: float,
) -> "TrainingResult":
    from suimon.tasks import by_command
    from suimon.training.config import TrainingConfig
    from suimon.training.options import parse_options
    from suimon.training.progress import progress_observer

    for_task = {n: v for n, v in options.items() if n in description.config.model_fields}
    for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
    # Checked before torch is imported: a slip of the pen is answered at once.
    config = parse_options(description.config, for_task)
    training = parse_options(TrainingConfig, for_loop)
    _, task = by_command(description.command)
    watching = {"observers": [progress_observer()], "started": started, "notify": notice}
    if resume:
        return task.resume(out, paths, options, **watching)
    return task.train(paths, out, config, training, **watching)


def _merged(
    description: "TaskDescription", values: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The options by precedence, flags before the file; and the paths.

    Raises:
        ConfigError: the file names an option that does not exist.
    """
    from suimon.cli.options import given
    from suimon.training.config import BUDGETS, TrainingConfig
    from suimon.training.options import near

    flagged = given(description.config, values) | given(TrainingConfig, values)
    paths = list(values["paths"] or [])
    file: Path | None = values["config_file"]
    if file is None:
        return flagged, paths
    filed = read_options(file)
    filed_paths = [str(path) for path in filed.pop("paths", [])]
    known = [*description.config.model_fields, *TrainingConfig.model_fields]
    for name in filed:
        if name not in known:
            hint = near(name, known)
            raise ConfigError(f"--config {file} has an unknown option {name}{hint}")
    if any(budget in flagged for budget in BUDGETS):  # one budget takes the place of another
        filed = {name: value for name, value in filed.items() if name not in BUDGETS}
    taken = {name: value for name, value in filed.items() if name not in flagged}
    if taken:
        listed = ", ".join(f"{name} {value}" for name, value in taken.items())
        notice(f"from {file}: {listed}")
    return taken | flagged, paths or filed_paths


def _facts(trained: "TrainingResult") -> dict[str, Any]:
    evaluation = trained.evaluation
    return {
        "loss": evaluation.loss if evaluation else None,
        **(evaluation.metrics if evaluation else {}),
        **trained.beside,
        "best_step": trained.best_step,
        "step": trained.step,
        "tokens": trained.tokens,
        "seconds": round(trained.seconds, 3),
        "stopped_by": trained.stopped_by,
    }


def _words(out: Path, trained: "TrainingResult") -> str:
    """One line on what was reached."""
    parts = [str(out)]
    if trained.evaluation is not None:
        parts.append(f"loss {trained.evaluation.loss:.4f}")
        parts += _named(trained.evaluation.metrics)
    for name, reached in trained.beside.items():
        parts.append(f"{name.replace('_', ' ')}: {', '.join(_named(reached))}")
    parts.append(f"best at step {trained.best_step:,} of {trained.step:,}")
    parts.append(f"{trained.seconds:.0f} s")
    return " · ".join(parts)


def _named(metrics: Mapping[str, float]) -> list[str]:
    return [f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items()]
