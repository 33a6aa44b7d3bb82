"""The Python code on the guides runs, a page's blocks one after another as a reader would.

(That of the READMEs is run by ``tests/system/test_readme.py``.)
"""

import pytest

from tests.docs.pages import GUIDES, READMES, blocks, name

PAGES = [page for page in GUIDES if blocks(page, "python")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))
    namespace = {"__name__": "page"}
    for number, code in enumerate(blocks(page, "python"), start=1):
        exec(compile(code, f"{name(page)}, block {number}", "exec"), namespace)


def test_both_readmes_have_the_same_code():
    def code(page):
        lines = "".join(blocks(page, "python", "console")).splitlines()
        return [line.split("#")[0].rstrip() for line in lines]

    assert code(READMES[0]) == code(READMES[1])
