"""Every message of every guide has its Japanese, and the Japanese kept code, formulas and links."""

import re
from collections import Counter

import pytest

pytest.importorskip("sphinx", reason="the docs extra is not installed: pip install '.[docs]'")

from docs import catalogues

_KEPT = re.compile(r"`[^`]+`|\$[^$]+\$|(?<=\])\([^)\s]+\)")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    return catalogues.english(tmp_path_factory.mktemp("gettext"))


def is_formula(text):
    """Whether the message is a formula on lines of its own."""
    return "\\" in _KEPT.sub("", text)


def has_words(text):
    """Whether there is anything to translate beside code, formulas, links and signs."""
    if is_formula(text):
        return False
    return re.search(r"[A-Za-z]{2,}", _KEPT.sub("", text)) is not None


def pairs(english):
    for page, template in english.items():
        known = catalogues.japanese(page)
        for message in template:
            if message.id:
                yield page, message.id, known.get(message.id)


def test_nothing_is_untranslated(english):
    missing = [
        f"{page}: {text}"
        for page, text, found in pairs(english)
        if has_words(text) and (found is None or not found.string)
    ]
    assert not missing, "run python docs/catalogues.py and fill in docs/locale/ja"


def test_nothing_is_fuzzy_or_left_over(english):
    for page, template in english.items():
        known = catalogues.japanese(page)
        assert not known.obsolete, page
        assert not [m.id for m in known if m.fuzzy and m.id], page
        assert not [m.id for m in known if m.id and template.get(m.id) is None], page


def test_formulas_are_left_alone(english):
    """Sphinx would read a translated one as Markdown; words belong into the sentence beside it."""
    assert not [text for _, text, found in pairs(english) if is_formula(text) and found.string]


def test_code_formulas_and_links_are_kept(english):
    changed = [
        f"{page}: {text}"
        for page, text, found in pairs(english)
        if found and found.string
        and Counter(_KEPT.findall(text)) != Counter(_KEPT.findall(str(found.string)))
    ]  # fmt: skip
    assert not changed


def test_sentences_are_japanese(english):
    foreign = [
        f"{page}: {text}"
        for page, text, found in pairs(english)
        if found and found.string and not is_formula(text)
        and len(_KEPT.sub("", text).split()) > 4
        and not _JAPANESE.search(str(found.string))
    ]  # fmt: skip
    assert not foreign
