"""The guides build without a warning in both languages, and ask nothing of another host."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest

pytest.importorskip("sphinx", reason="the docs extra is not installed: pip install '.[docs]'")

from tests.docs.pages import DOCS

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page loads, and the links on it."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in LOADING and found.get(LOADING[tag]):
            self.loads.append(found[LOADING[tag]])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of both languages' pages, those of the reference left out."""
    work = tmp_path_factory.mktemp("site")
    # Sphinx compiles the catalogues in place, which two test processes must not do at once.
    docs = shutil.copytree(
        DOCS, work / "docs", ignore=shutil.ignore_patterns("_build", "*.mo", "__pycache__")
    )
    folder = work / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-t", "guides"]
    for language, out in (("en", folder), ("ja", folder / "ja")):
        words = [*command, "-D", f"language={language}", str(docs), str(out)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    outside = {
        source
        for page in pages
        for source in Page(page.read_text(encoding="utf-8")).loads
        if re.match(r"(\w+:)?//", source)
    }
    assert not outside
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", styles)


@pytest.mark.parametrize("page", ["index", "cells", "design/index"])
def test_each_page_leads_to_the_other_language(site, page):
    for here, there in ((site, site / "ja"), (site / "ja", site)):
        file = here / f"{page}.html"
        targets = {
            (file.parent / link).resolve()
            for link in Page(file.read_text(encoding="utf-8")).links
            if "://" not in link and "#" not in link
        }
        assert (there / f"{page}.html").resolve() in targets


def test_formulas_are_mathml(site):
    for folder in (site, site / "ja"):
        text = (folder / "cells.html").read_text(encoding="utf-8")
        assert text.count("<math") > 40
        assert "$" not in re.sub(r"<(pre|script|style).*?</\1>", "", text, flags=re.DOTALL)


def test_japanese_pages_are_japanese(site):
    text = (site / "ja" / "cells.html").read_text(encoding="utf-8")
    assert 'lang="ja"' in text
    assert "忘却ゲート" in text
