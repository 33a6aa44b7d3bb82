"""Flags made from option classes, so that an option is described once: in its config class."""

import inspect
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from suimon.training.options import accepted_range

BY_RULE = "by rule"
"""What the help page has for the default of an option that a task's rule chooses."""

_METAVARS = {int: "INT", float: "FLOAT", str: "TEXT"}


def flags(
    options: type[BaseModel],
    panel: str,
    chosen: Collection[str] = (),
    unused: Collection[str] = (),
) -> Iterator[inspect.Parameter]:
    """One keyword parameter for every field of an option class, as typer reads them.

    All values but switches and lists arrive as text and all default to ``None``: it is the option
    class that converts and checks them, with one message for flags, files and Python alike, and
    ``None`` tells what was left out.

    Args:
        options: the option class.
        panel: the heading that the flags stand under on the help page.
        chosen: the options that a rule chooses where they are left out.
        unused: options that are left out.
    """
    fields = options.model_fields
    own = vars(options).get("__annotations__", {})
    offered = [name for name in fields if name not in unused]
    for name in sorted(offered, key=lambda name: name not in own):  # its own before its base's
        field = fields[name]
        default = BY_RULE if name in chosen else field.default
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_flag(name, field, panel, _help(field, default)),
        )


def given(options: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one class that were given on the command line."""
    return {
        name: value
        for name, value in values.items()
        if name in options.model_fields and value is not None and value != []
    }


def flag_name(option: str) -> str:
    """An option as a flag; ``from_``, since Python keeps ``from`` for itself, is ``--from``."""
    return "--" + option.rstrip("_").replace("_", "-")


def _flag(name: str, field: FieldInfo, panel: str, text: str) -> Any:
    kind = _without_none(field.annotation)
    flag = flag_name(name)
    if kind is bool:
        declaration = f"{flag}/--no-{flag.removeprefix('--')}"
        return Annotated[bool | None, typer.Option(declaration, help=text, rich_help_panel=panel)]
    several = get_origin(kind) in (tuple, list)
    item = get_args(kind)[0] if several else kind
    information = typer.Option(
        flag,
        help=text + (" May be given several times." if several else ""),
        metavar=_metavar(item),
        rich_help_panel=panel,
        show_default=False,
    )
    return (
        Annotated[list[str] | None, information] if several else Annotated[str | None, information]
    )


def _help(field: FieldInfo, default: Any) -> str:
    """The field's description, its range and its default, ``None`` and ``()`` for none."""
    notes = []
    kind = _without_none(field.annotation)
    if kind in (int, float) and field.metadata:
        notes.append(accepted_range(field))
    if default is not None and default != ():
        notes.append(f"default: {_shown(default)}")
    description = field.description or ""
    return f"{description}  [{'; '.join(notes)}]" if notes else description


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(str(choice) for choice in get_args(kind))
    return _METAVARS.get(kind, "TEXT")


def _without_none(annotation: Any) -> Any:
    """``X`` for ``X | None``, anything else unchanged."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation
