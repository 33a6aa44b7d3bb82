"""The ``suimon`` command: its commands by name, and the way in and out."""

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from suimon.cli import (
    chat,
    evaluate,
    example_data,
    generate,
    info,
    plot,
    predict,
    runs,
    train,
)
from suimon.cli.failures import reported
from suimon.cli.help_page import SETTINGS, example, single_command
from suimon.cli.printing import result
from suimon.cli.using import with_options_of_tasks

_SUMMARY = """Recurrent neural networks you can train, look inside and ship.

Every command has --help with an example, and --json for programs.
"""

_EXAMPLES = (
    "suimon train text shakespeare.txt --out runs/shakespeare --minutes 3",
    'suimon generate runs/shakespeare --prompt "ROMEO:" --length 200',
)


_MODULES = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module
    for module in (generate, chat, predict, evaluate, example_data, runs, info, plot)
}


class Commands(TyperGroup):
    """The commands in the order in which a user meets them, each made when it is asked for.

    Those that use a trained model of whatever task have the options of all tasks, which take as
    long to read as all else that a short command does.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """``train`` first."""
        return ["train", *_MODULES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, or ``None`` where there is no such one."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command, text = module.command, None
        if module in (predict, evaluate):
            command, text = with_options_of_tasks(command, module.USE), module.help_text()
        return single_command(cmd_name, command, text, example(module.EXAMPLE))


def app() -> typer.Typer:
    """The commands, ready to be run or looked at."""
    commands = typer.Typer(
        name="suimon",
        cls=Commands,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )
    commands.callback(invoke_without_command=True, help=_SUMMARY, epilog=example(*_EXAMPLES))(
        _no_command
    )
    commands.add_typer(train.group(), name="train")
    return commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after ``suimon``; ``None``: this process's own.

    Returns:
        The exit code: 0; 2 for anything the user can put right; 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Text that the terminal cannot show must not stop a command half way.
        sys.stdout.reconfigure(errors="replace")
    return reported(lambda: _run(words))


def _run(words: list[str]) -> None:
    """Parse and run, without typer's own handling of errors, which knows no resumable training."""
    command = typer.main.get_command(app())
    with command.make_context("suimon", words) as context:
        command.invoke(context)


def _show_version(wanted: bool) -> None:
    if wanted:
        from suimon import __version__

        result(__version__)
        raise typer.Exit


def _no_command(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        result(context.get_help())
