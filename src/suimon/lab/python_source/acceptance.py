"""How many of a model's functions Python's parser accepts: the measure, and nothing of the models.

Whoever writes the functions is a :class:`Sampler`; a trained network, an untrained one and an
n-gram model are counted by the same code.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

PROMPT = "def "
"""What every sample starts from."""

LONGEST = 1500
"""A function longer than this counts as refused."""

ACCEPTED = "accepted"
TOO_LONG = f"no end within {LONGEST:,} characters"
NOT_PYTHON = "refused by the parser"
SHORT_BODY = "empty or one-line body"
VERBATIM = "stands in the training text"
REPEATED = "written before"

_TRAILING = 100
"""Blank lines may stand between a function and the line that ends it: sample this much further."""

_NEXT_LINE_IN_COLUMN_0 = re.compile(r"\n(?=\S)")


class Sampler(Protocol):
    """Writes texts."""

    def __call__(
        self, prompt: str, *, count: int, limit: int, done: Callable[[str], bool]
    ) -> list[str]:
        """Return ``count`` texts that start with ``prompt``.

        Each goes on until ``done(text)`` holds or it has ``limit`` characters. ``done`` is asked
        after every character, with the whole text so far.
        """
        ...


@dataclass(frozen=True)
class ParsedShare:
    """What became of each sample.

    Attributes:
        count: how many were sampled; the denominator, whatever became of them.
        accepted: the functions that count, in the order written.
        outcomes: outcome to how many samples had it, adding up to ``count``.
        samples: every text as sampled, up to where its function ends.
    """

    count: int
    accepted: tuple[str, ...]
    outcomes: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Accepted among all, 0 to 1."""
        return len(self.accepted) / self.count


def parsed_share(sampler: Sampler, training_text: str, *, count: int = 100) -> ParsedShare:
    """Sample ``count`` functions from ``"def "`` and count those that Python's parser accepts.

    Each of the ``count`` samples is one of the denominator; none is drawn again for any reason.
    A sample starts with ``"def "`` in column 0 and its function reaches to the next line that has a
    character in column 0 (blank and indented lines do not end it), trailing white space removed.
    It counts as accepted if it passes, in this order:

    1. it ends so, and its text is at most 1,500 characters long;
    2. ``ast.parse`` takes it, as exactly one function definition. That is the parser alone: names
       need not exist, and what only the compiler refuses (``break`` outside a loop) passes;
    3. its body has statements on two lines or more. Lines are counted where a statement starts,
       the ``def`` line aside; blank lines, the further lines of a long string, and statements
       that do nothing (``pass``, ``...``, a string) are none;
    4. it does not stand verbatim in ``training_text``, neither as a whole function nor as a part;
    5. no earlier sample among those that passed is the same text: duplicates count once.

    Args:
        sampler: what writes the functions.
        training_text: all that the model has learned from.
        count: how many to sample, 1 or more.
    """
    texts = sampler(PROMPT, count=count, limit=LONGEST + _TRAILING, done=is_complete)
    if len(texts) != count:
        raise ValueError(f"the sampler wrote {len(texts)} texts, not the {count} it was asked for")
    accepted: dict[str, None] = {}  # a set that keeps its order
    outcomes: Counter[str] = Counter()
    samples = []
    for text in texts:
        function = first_function(text)
        samples.append(text.rstrip() if function is None else function)
        outcome = _outcome(function, training_text, accepted)
        outcomes[outcome] += 1
        if outcome == ACCEPTED and function is not None:
            accepted[function] = None
    return ParsedShare(count, tuple(accepted), dict(outcomes), tuple(samples))


def is_complete(text: str) -> bool:
    """Whether the last character of ``text`` starts a line in column 0, so a function has ended."""
    return len(text) > 1 and text[-2] == "\n" and not text[-1].isspace()


def first_function(text: str) -> str | None:
    """The text up to the next line that starts in column 0, or ``None`` where there is none."""
    end = _NEXT_LINE_IN_COLUMN_0.search(text)
    return None if end is None else text[: end.start()].rstrip()


def _outcome(function: str | None, training_text: str, accepted: Mapping[str, None]) -> str:
    if function is None or len(function) > LONGEST:
        return TOO_LONG
    definition = _parsed(function)
    if definition is None:
        return NOT_PYTHON
    if body_lines(definition) < 2:
        return SHORT_BODY
    if function in training_text:
        return VERBATIM
    if function in accepted:
        return REPEATED
    return ACCEPTED


def _parsed(function: str) -> ast.FunctionDef | None:
    """The one function definition that the text is, or ``None``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SyntaxWarning: odd, but accepted
        try:
            statements = ast.parse(function).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # ValueError: a null character; MemoryError: brackets nested too deep
    if len(statements) == 1 and isinstance(statements[0], ast.FunctionDef):
        return statements[0]
    return None


def body_lines(definition: ast.FunctionDef) -> int:
    """On how many lines of the body a statement starts that does something."""
    statements = (
        node
        for node in ast.walk(definition)
        if isinstance(node, ast.stmt) and node is not definition and not _does_nothing(node)
    )
    return len({node.lineno for node in statements} - {definition.lineno})


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)
