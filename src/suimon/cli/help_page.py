"""Help pages: options under headings, and an example that can be copied."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""What every command is made with."""

OPTIONS = "Options"
"""The heading of options that name no other."""


class HeadedCommand(TyperCommand):
    """A command whose help page lists its options under the headings that they name."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """``[OPTIONS]`` and the arguments, each as its metavar has it."""
        return ["[OPTIONS]", *(argument.metavar for argument in self._arguments(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section a heading, in the order in which headings first appear."""
        arguments = self._arguments(ctx)
        sections: dict[str, list[tuple[str, str]]] = {}
        if arguments:
            sections["Arguments"] = [(each.metavar, each.help or "") for each in arguments]
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if parameter not in arguments and record is not None:
                heading = getattr(parameter, "rich_help_panel", None) or OPTIONS
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def _arguments(self, ctx: Any) -> list[Any]:
        return [each for each in self.get_params(ctx) if each.param_type_name == "argument"]


def example(*commands: str) -> str:
    """The end of a help page: command lines on lines of their own, never wrapped."""
    lines = "\n".join(f"  {command}" for command in commands)
    return f"\b\nExample:\n{lines}"


def single_command(name: str, command: Callable[..., None], text: str | None, end: str) -> Any:
    """A command by itself, as a group gives one that it makes when it is asked for.

    Args:
        name: its word.
        command: what it does; its parameters are the command's.
        text: the beginning of its help page; ``None``: the function's docstring.
        end: the end of its help page.
    """
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, cls=HeadedCommand, help=text, epilog=end, context_settings=SETTINGS)(
        command
    )
    return typer.main.get_command(single)
