"""Options from a TOML file, as ``--config`` takes them."""

import tomllib
from pathlib import Path
from typing import Any

from suimon.errors import ConfigError


def read_options(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by name.

    Options stand at the top level or in tables of any name, so that the ``config.toml`` of an
    earlier run can be used as it is. A hyphen in a name is read as an underscore.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or names an option twice.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read --config {path}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise ConfigError(f"--config {path} is not a TOML file: {error}") from error
    options: dict[str, Any] = {}
    for name, value in tables.items():
        for option, setting in value.items() if isinstance(value, dict) else [(name, value)]:
            option = option.replace("-", "_")
            if option in options:
                raise ConfigError(f"--config {path} gives {option} twice: keep one of them")
            options[option] = setting
    return options
