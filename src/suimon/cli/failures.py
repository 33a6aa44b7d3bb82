"""How a command ends: one line and an exit code for everything that can go wrong on purpose."""

import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import typer

from suimon.cli.printing import is_first_process, notice
from suimon.errors import SuimonError

OK = 0
REFUSED = 2
"""Wrong use, wrong input: whatever the user can put right."""
INTERRUPTED = 130
"""128 + SIGINT, as a shell has it."""
PIPE_CLOSED = 141
"""128 + SIGPIPE: the reader of our output went away, as ``head`` does."""

FIRST_SPEAKS_SECONDS = 5.0
"""How long the other processes of ``torchrun`` leave it to the first one to say what is wrong."""


def reported(command: Callable[[], None]) -> int:
    """Run a command; turn what it raises into a line on standard error and an exit code.

    A mistake in suimon itself is none of these: it goes through, with its traceback.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            command()
            sys.stdout.flush()  # a closed pipe shows here, where it is still caught
        except typer.Exit as end:
            return end.exit_code
        except SuimonError as error:
            return _refused(str(error))
        except typer.TyperException as error:
            return _refused(error.format_message())
        except BrokenPipeError:
            _discard_output()
            return PIPE_CLOSED
        except OSError as error:
            where = f": {error.filename}" if error.filename is not None else ""
            return _refused(f"{error.strerror or error}{where}")
        except KeyboardInterrupt as error:
            notice("\nsuimon: " + (str(error) or "interrupted"))
            return getattr(error, "exit_code", INTERRUPTED)
    return OK


def _refused(message: str) -> int:
    """Say what is wrong, in one process of ``torchrun`` that met with it.

    ``torchrun`` ends all processes as soon as one has ended. So the others wait for the first,
    lest it be ended before it has spoken; one that is still there afterwards speaks for itself.
    """
    if not is_first_process():
        time.sleep(FIRST_SPEAKS_SECONDS)
    print("suimon: error: " + " ".join(message.split()), file=sys.stderr, flush=True)
    return REFUSED


def _show_warning(message: Warning | str, *details: Any, **more: Any) -> None:
    notice("suimon: warning: " + " ".join(str(message).split()))


def _discard_output() -> None:
    """Point standard output at nothing, so that Python's own last flush stays quiet too."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
