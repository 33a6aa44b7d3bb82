"""Option classes and their users' mistakes: one clear line for each, naming the accepted range.

Option classes are pydantic models with flat fields, such as
:class:`~suimon.training.config.TrainingConfig`. No torch is imported here.
"""

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from suimon.errors import ConfigError

Options = TypeVar("Options", bound=BaseModel)

_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def parse_options(options: type[Options], values: Mapping[str, Any]) -> Options:
    """Check a user's values and build the option class from them.

    Args:
        options: the option class.
        values: option name to value; text is converted where the option is a number.

    Raises:
        ConfigError: one line for the first mistake: the option, its value, the accepted range.

    Example:
        >>> from suimon.training.config import TrainingConfig
        >>> parse_options(TrainingConfig, {"steps": "20"}).steps
        20
        >>> parse_options(TrainingConfig, {"learning_rate": -1})
        Traceback (most recent call last):
        suimon.errors.ConfigError: learning_rate = -1: give a number above 0, at most 100
    """
    try:
        return options(**values)
    except ValidationError as error:
        raise ConfigError(_first_mistake(options, error)) from None


def near(name: str, known: Iterable[str]) -> str:
    """The end of a message on a name that is none: the known one that it may be, if any."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {found[0]}?" if found else ""


def accepted_range(field: FieldInfo) -> str:
    """The values that a field takes, in words, e.g. ``a number above 0, at most 100``."""
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [each for each in get_args(kind) if each is not type(None)]
        return " or ".join(_alternative(each) for each in kinds)
    return _limited(kind, field.metadata)


def _alternative(kind: Any) -> str:
    """One of several kinds of values that a field takes, in words."""
    if get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        return _limited(base, [item for note in notes for item in note.metadata])
    return _limited(kind, [])


def _limited(kind: Any, limits: Iterable[Any]) -> str:
    """A kind of value and its bounds in words."""
    words = _KINDS.get(kind, getattr(kind, "__name__", str(kind)))
    found = [text for item in limits if (text := _limit(item))]
    return f"{words} {', '.join(found)}" if found else words


def _limit(item: Any) -> str | None:
    """One bound of a field in words; ``item`` is an ``annotated_types`` marker."""
    for attribute, words in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "at most")):
        bound = getattr(item, attribute, None)
        if bound is not None:
            return f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
    return None


def _without_none(annotation: Any) -> Any:
    """``X`` for ``X | None``, anything else unchanged."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation


def _first_mistake(options: type[BaseModel], error: ValidationError) -> str:
    """The first of pydantic's complaints as one line."""
    mistake = error.errors(include_url=False)[0]
    name = str(mistake["loc"][0]) if mistake["loc"] else ""
    if mistake["type"] == "extra_forbidden":
        return f"unknown option {name}{near(name, options.model_fields)}"
    field = options.model_fields.get(name)
    if field is None or mistake["type"] == "value_error":
        return mistake["msg"].removeprefix("Value error, ")
    return f"{name} = {_shown(mistake['input'])}: give {accepted_range(field)}"


def _shown(value: Any) -> str:
    """A user's value for a message, kept to one short line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
