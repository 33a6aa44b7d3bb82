"""The text of the demo: this interpreter's own standard library, with the prose taken out.

Every machine that runs suimon has it, so nothing is downloaded. Tests are left out, comments and
docstrings are stripped by parsing and unparsing (a short training otherwise spends itself on
English), and the split is by file, so that the validation text is of modules never seen.
"""

import ast
import hashlib
import json
import re
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from suimon.errors import DataError

LEFT_OUT = frozenset(
    {"test", "tests", "idle_test", "turtledemo", "site-packages", "dist-packages", "__pycache__"}
)
"""Folders that are not read: tests, drawing scripts, and what is installed beside the library."""

TABLE_SHARE = 0.25
"""A module with more than this share of its characters in literals is a table, not a program."""

VALID_PER_HUNDRED = 10
"""Of a hundred modules about this many are kept for validation."""

INDENTATION = re.compile(r"^(?: {4})+", re.MULTILINE)
"""At the beginning of a line; ``ast.unparse`` writes a string over several lines in no other case
than an f-string, in which the change does no harm."""

FORMAT = 2
"""Raised when the stripping changes, so that an older cached corpus is not taken for a new one."""


@dataclass(frozen=True)
class CorpusReport:
    """What :func:`write_corpus` wrote.

    Attributes:
        folder: holds ``train/`` and ``valid/``, one file a module, and ``corpus.json``.
        train_files: modules to learn from.
        valid_files: modules kept unseen.
        train_characters: characters of the first.
        valid_characters: characters of the second.
        tables: modules left out because more than :data:`TABLE_SHARE` of them is literals.
        skipped: modules left out because they do not parse.
    """

    folder: str
    train_files: int = 0
    valid_files: int = 0
    train_characters: int = 0
    valid_characters: int = 0
    tables: int = 0
    skipped: int = 0

    @property
    def train(self) -> Path:
        """The folder of the training modules."""
        return Path(self.folder) / "train"

    @property
    def valid(self) -> Path:
        """The folder of the validation modules."""
        return Path(self.folder) / "valid"

    def text(self, part: str) -> str:
        """The modules of ``"train"`` or ``"valid"`` one after another, in order of their paths."""
        files = sorted((Path(self.folder) / part).rglob("*.py"))
        return "".join(file.read_text(encoding="ascii") for file in files)


class _Stripped(ast.NodeTransformer):
    """Takes out every statement that is only a string: docstrings, and notes like them."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        return None if isinstance(value, ast.Constant) and isinstance(value.value, str) else node


def stripped(source: bytes) -> ast.Module:
    """The module without docstrings; a body left empty becomes ``pass``.

    Raises:
        SyntaxError, ValueError: where Python's parser refuses ``source``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escapes in library code are not our user's business
        module = _Stripped().visit(ast.parse(source))
    for node in ast.walk(module):
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return ast.fix_missing_locations(module)


def unparsed(module: ast.Module) -> str:
    """The module as ASCII text in ``ast.unparse``'s own layout, ending with a newline.

    Indented by tabs: a level is one character and not four, so that a network reads a seventh more
    program in the same time, and sees farther back. Characters beyond ASCII occur in string
    literals only, where an escape means the same; without them the alphabet is a third of the size.

    Raises:
        SyntaxError: a name is not ASCII.
    """
    text = INDENTATION.sub(lambda spaces: "\t" * (len(spaces[0]) // 4), ast.unparse(module))
    if not text.isascii():
        text = text.encode("ascii", "backslashreplace").decode("ascii")
        ast.parse(text)  # a name beyond ASCII cannot be escaped: SyntaxError, and it is left out
    return text + "\n" if text else ""


def literal_share(module: ast.Module, text: str) -> float:
    """Which share of the module's characters are literals."""
    literals = sum(
        len(repr(node.value)) for node in ast.walk(module) if isinstance(node, ast.Constant)
    )
    return literals / max(1, len(text))


def library_files(library: Path) -> list[Path]:
    """The library's modules, as paths relative to it, in order."""
    files = (file.relative_to(library) for file in library.rglob("*.py"))
    return sorted(file for file in files if not LEFT_OUT.intersection(file.parts))


def is_validation(module: Path) -> bool:
    """Whether the module is kept for validation: by its path alone, the same on every machine."""
    digest = hashlib.sha256(module.as_posix().encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < VALID_PER_HUNDRED


def content_key(library: Path, modules: list[Path]) -> str:
    """Names the corpus by all that decides it: the stripping, and every module's path and bytes."""
    key = hashlib.sha256(f"python_source {FORMAT} {TABLE_SHARE} {VALID_PER_HUNDRED}".encode())
    for module in modules:
        key.update(module.as_posix().encode() + b"\0")
        key.update(hashlib.sha256((library / module).read_bytes()).digest())
    return key.hexdigest()[:16]


def write_corpus(
    folder: Path | str,
    *,
    library: Path | str | None = None,
    modules: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CorpusReport:
    """Write the stripped library below ``folder``, once: a second call finds it there.

    Args:
        folder: where to write; the corpus goes to a sub-folder named by its content.
        library: the folder of modules to read; ``None``: this interpreter's standard library.
        modules: take only so many, evenly spread over the library; ``None``: all.
        progress: called with (modules done, modules in all).

    Raises:
        DataError: ``library`` holds no module that can be read.
    """
    library = Path(library or sysconfig.get_path("stdlib"))
    names = library_files(library)
    if modules is not None and modules < len(names):
        names = names[:: -(-len(names) // modules)]
    if not names:
        raise DataError(
            f"no Python modules in {library}: this interpreter's standard library is not there "
            "as source files; name a folder of .py files instead"
        )
    target = Path(folder) / f"python-source-{content_key(library, names)}"
    written = target / "corpus.json"
    if written.exists():
        return CorpusReport(folder=str(target), **json.loads(written.read_text()))
    counts = {"tables": 0, "skipped": 0}
    for part in ("train", "valid"):
        counts |= {f"{part}_files": 0, f"{part}_characters": 0}
        (target / part).mkdir(parents=True, exist_ok=True)
    for done, (name, text) in enumerate(_texts(library, names, counts), start=1):
        if text:
            part = "valid" if is_validation(name) else "train"
            counts[f"{part}_files"] += 1
            counts[f"{part}_characters"] += len(text)
            file = target / part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="ascii", newline="\n")
        if progress is not None:
            progress(done, len(names))
    report = CorpusReport(folder=str(target), **counts)
    # Written last: a corpus without it was cut short, and is written again.
    summary = {name: value for name, value in asdict(report).items() if name != "folder"}
    written.write_text(json.dumps(summary) + "\n")
    return report


def _texts(library: Path, names: list[Path], counts: dict[str, int]) -> Iterator[tuple[Path, str]]:
    """Each module's stripped text; empty where it is left out, which is counted."""
    for name in names:
        try:
            module = stripped((library / name).read_bytes())
            text = unparsed(module)
        except (SyntaxError, ValueError, RecursionError):
            counts["skipped"] += 1
            yield name, ""
            continue
        if literal_share(module, text) > TABLE_SHARE:
            counts["tables"] += 1
            text = ""
        yield name, text
