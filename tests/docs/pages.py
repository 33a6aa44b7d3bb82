"""The pages under test, and their code blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

GUIDES = sorted(DOCS.glob("*.md"))
READMES = (ROOT / "README.md", ROOT / "README.ja.md")
MARKDOWN = (*GUIDES, *sorted(DOCS.glob("design/*.md")), *READMES, ROOT / "CONTRIBUTING.md")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """A page's path in the repository, for a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced code blocks of a page in some languages, in order."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for language, code in found if language in languages]
