import pytest
from hypothesis import given
from hypothesis import strategies as st

from suimon.data.text import load_corpus
from suimon.data.text.aozora import strip_aozora

RULE = "-" * 55 + "\r\n"
BOOK = (
    "吾輩は猫である\r\n夏目漱石\r\n\r\n"
    + RULE
    + "【テキスト中に現れる記号について】\r\n《》：ルビ\r\n（例）吾輩《わがはい》\r\n"
    + RULE
    + "［＃８字下げ］一［＃「一」は中見出し］\r\n"
    + "［＃ここから２字下げ］\r\n"
    + "　吾輩《わがはい》は一番｜獰悪《どうあく》な※"
    + "［＃「言＋墟のつくり」、第4水準2-88-74］猫｜だ。\r\n"
    + "\r\n"
    + "底本：「夏目漱石全集1」ちくま文庫\r\n入力：柴田卓治\r\n"
)
STRIPPED = "吾輩は猫である\r\n夏目漱石\r\n\r\n一\r\n　吾輩は一番獰悪な※猫｜だ。\r\n\r\n"


def strip(text: str, cut: int = 10**9) -> str:
    return "".join(strip_aozora(text[at : at + cut] for at in range(0, len(text), cut)))


@pytest.mark.parametrize("cut", [1, 2, 7, 10**9])
def test_book(cut):
    assert strip(BOOK, cut) == STRIPPED


def test_notes_within_notes():
    assert strip("〔amicitiae&［＃「［＃注］の&」は底本では「x」］〕") == "〔amicitiae&〕"


def test_unclosed_marks_stay():
    assert strip("一《二\n三》四［＃五\n") == "一《二\n三》四［＃五\n"


def test_rules_that_are_no_header_stay():
    late = "行\n" * 60 + RULE + "中\n" + RULE + "後\n"
    assert strip(late) == late
    unclosed = "題\n" + RULE + "行\n" * 500
    assert strip(unclosed) == unclosed
    assert strip("題\n" + RULE + "行") == "題\n" + RULE + "行"


def test_only_the_first_block_is_a_header():
    assert (
        strip("題\n" + RULE + "説明\n" + RULE + "一\n" + RULE + "二\n")
        == "題\n一\n" + RULE + "二\n"
    )


def test_a_colophon_ends_the_document():
    assert strip("文\n底本：「全集」\n入力：甲\n") == "文\n"
    followed = "文\n底本：と彼は言った。\n" + "続き\n" * 200
    assert strip(followed) == followed


@given(st.text(st.characters(exclude_characters="《》［］", exclude_categories=["Cs"])))
def test_text_without_marks_is_untouched(text):
    if "---" not in text and "底本" not in text:
        assert strip(text, 3) == text


def test_soseki(data_dir):
    path = data_dir / "text/japanese/wagahaiwa_nekodearu.txt"
    corpus = load_corpus(path, aozora=True)
    text = corpus.units.decode(corpus.tokens)
    assert text.startswith("吾輩は猫である\r\n夏目漱石\r\n一\r\n　吾輩は猫である。名前はまだ無い。")
    assert text.endswith("南無阿弥陀仏。ありがたいありがたい。\r\n")
    for mark in ("《", "》", "［＃", "底本：", "-----"):
        assert mark not in text
    assert "人間中で一番獰悪な種族であったそうだ" in text
    assert len(load_corpus(path)) == 377_212
