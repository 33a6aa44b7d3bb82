"""Every ``suimon`` command line on the pages is one that the program takes."""

import shlex

import pytest
import typer

from suimon.cli.main import app
from tests.docs.pages import GUIDES, READMES, blocks


def command_lines(page):
    for block in blocks(page, "bash", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.split("  #")[0]
            if "suimon " in line and "pip install" not in line:
                yield "suimon " + line.split("suimon ", 1)[1].split(" > ")[0]


CASES = sorted({line for page in (*GUIDES, *READMES) for line in command_lines(page)})


def parse(words):
    """Have each command read its part of the words, down to the last one, and run nothing."""
    command, context = typer.main.get_command(app()), None
    while True:
        context = command.make_context(words[0], words[1:], parent=context)
        if not hasattr(command, "get_command") or not context._protected_args + context.args:
            return command
        words = [*context._protected_args, *context.args]
        command = command.get_command(context, words[0])
        assert command is not None, f"there is no command {words[0]!r}"


def test_there_are_commands_on_the_pages():
    assert len(CASES) > 10


@pytest.mark.parametrize("line", CASES)
def test_the_program_takes_the_command(line):
    words = shlex.split(line)
    if words[1:] not in (["--help"], ["--version"]):
        parse(words)


def test_a_wrong_option_would_be_noticed():
    with pytest.raises(Exception, match=r"(?i)no such option"):
        parse(shlex.split("suimon train text a.txt --out runs/a --hiden 3"))
