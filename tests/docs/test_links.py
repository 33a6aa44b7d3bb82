"""Links between pages and to files of the repository lead somewhere.

(Sphinx checks the headings that links between pages of ``docs/`` point to.)
"""

import re

import pytest

from tests.docs.pages import DOCS, MARKDOWN, name

_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE_IN_CODE = re.compile(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]+)`")


def links(page):
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if "://" not in link and not link.startswith("#")]


@pytest.mark.parametrize("page", MARKDOWN, ids=name)
def test_relative_links_exist(page):
    missing = [link for link in links(page) if not (page.parent / link.split("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("page", MARKDOWN, ids=name)
def test_files_named_in_code_exist(page):
    named = _FILE_IN_CODE.findall(page.read_text(encoding="utf-8"))
    built = ("docs/_build/", "docs/locale/", "tests/cells/test_leaky.py")  # the last: an example
    root = DOCS.parent
    assert not [file for file in named if not file.startswith(built) and not (root / file).exists()]


def test_every_page_is_in_a_table_of_contents():
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    listed = set(re.findall(r"^([\w/-]+)$", text, re.MULTILINE))
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
