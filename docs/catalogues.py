"""The Japanese pages: what there is to translate, and the catalogues that hold the translation.

``python docs/catalogues.py`` brings ``docs/locale/ja/LC_MESSAGES/*.po`` up to date with the English
pages: new and changed messages appear with an empty ``msgstr``, to be filled in by hand; those that
are gone are dropped.
"""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

DOCS = Path(__file__).parent
CATALOGUES = DOCS / "locale" / "ja" / "LC_MESSAGES"
ENGLISH_ONLY = ("reference/", "design/0")
"""Pages that have no translation begin so: docstrings, and the records for developers."""

_SPHINX = CATALOGUES / "sphinx.po"  # corrects a word of Sphinx's own, and is no page
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # a date would change every catalogue at every run


def english(work: Path) -> dict[str, Catalog]:
    """Page name to its messages, in the order of the page, as Sphinx finds them.

    Args:
        work: an empty folder to build in.
    """
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "gettext", "-t", "guides"]
    subprocess.run([*command, str(DOCS), str(work)], check=True)
    found = {}
    for template in sorted(work.rglob("*.pot")):
        page = template.relative_to(work).with_suffix("").as_posix()
        if not page.startswith(ENGLISH_ONLY):
            with template.open("rb") as file:
                found[page] = read_po(file)
    return found


def japanese(page: str) -> Catalog:
    """The catalogue of a page; an empty one where there is none."""
    file = CATALOGUES / f"{page}.po"
    if not file.exists():
        return Catalog("ja")
    return read_po(BytesIO(file.read_bytes()), "ja")


def updated(template: Catalog, before: Catalog) -> Catalog:
    """The messages of ``template`` with the translations that ``before`` has of them."""
    catalogue = Catalog(
        "ja",
        header_comment="# Written by docs/catalogues.py; the translations are by hand.",
        project="suimon",
        version="documentation",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        last_translator="the suimon authors",
        language_team="Japanese",
        msgid_bugs_address="see CONTRIBUTING.md",
        fuzzy=False,
    )
    for message in template:
        if message.id:
            known = before.get(message.id)
            added = catalogue.add(message.id, known.string if known else "")
            added.flags.clear()  # braces in a formula are no format
    return catalogue


def write(page: str, catalogue: Catalog) -> None:
    """Put a page's catalogue in its place."""
    file = CATALOGUES / f"{page}.po"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        write_po(out, catalogue, width=100, omit_header=False)


def main() -> None:
    """Bring all catalogues up to date and say what is missing."""
    with tempfile.TemporaryDirectory() as work:
        pages = english(Path(work))
    for page, template in pages.items():
        catalogue = updated(template, japanese(page))
        write(page, catalogue)
        missing = sum(not message.string for message in catalogue if message.id)
        print(f"{page}: {len(catalogue)} messages, {missing} without translation")
    for file in CATALOGUES.rglob("*.po"):
        if file.relative_to(CATALOGUES).with_suffix("").as_posix() not in pages and file != _SPHINX:
            file.unlink()


if __name__ == "__main__":
    main()
