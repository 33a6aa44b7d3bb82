from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suimon.data.text.decoding import checked_encoding, decoded, raw_bytes
from suimon.data.text.document import CHUNK_BYTES, Document
from suimon.data.text.pieces import Reading, cut_between_words, pieces
from suimon.errors import ConfigError, DataError

any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))


def document(content: bytes) -> Document:
    return Document("file.txt", content=content)


def read(content: bytes, encoding: str = "utf-8") -> str:
    return "".join(decoded(document(content), encoding))


@given(any_text, st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-16-le"]))
def test_characters_and_line_ends_are_kept(text, encoding):
    assert read(text.encode(encoding), encoding) == text


def test_line_ends_are_not_translated():
    assert read(b"a\r\nb\rc\nd") == "a\r\nb\rc\nd"


def test_byte_order_mark_is_dropped_once():
    assert read("\ufeffa\ufeffb".encode()) == "a\ufeffb"
    assert read("\ufeffa".encode("utf-16-le"), "utf-16-le") == "a"
    assert b"".join(raw_bytes(document("\ufeffa\ufeff".encode()))) == "a\ufeff".encode()


def test_byte_order_mark_inside_the_text_is_kept_wherever_chunks_begin():
    text = "a" * CHUNK_BYTES + "\ufeffb"
    assert read(text.encode()) == text
    assert b"".join(raw_bytes(document(text.encode()))) == text.encode()


def test_characters_that_lie_across_chunks():
    text = "a" + "水門😀" * (CHUNK_BYTES // 9)
    assert read(text.encode()) == text


@pytest.mark.parametrize("before", [0, 5, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 3])
def test_offset_of_a_bad_byte(before):
    with pytest.raises(
        DataError,
        match=rf"^file\.txt is not utf-8 at byte {before:,} \(0xff, .*--encoding.*latin-1$",
    ):
        read(b"a" * before + b"\xff" + b"b" * 10)


@pytest.mark.parametrize("before", [0, CHUNK_BYTES - 2, CHUNK_BYTES - 1])
def test_offset_of_a_character_cut_short(before):
    # The first byte that cannot be decoded is the lead byte, which may be in an earlier chunk.
    with pytest.raises(DataError, match=rf"not utf-8 at byte {before:,} \(0xe6"):
        read(b"a" * before + "水".encode()[:2] + b"b")
    with pytest.raises(DataError, match=rf"not utf-8 at byte {before:,} \(0xe6, unexpected end"):
        read(b"a" * before + "水".encode()[:2])


def test_offset_in_a_two_byte_encoding():
    with pytest.raises(DataError, match=r"is not shift_jis at byte 4 \(0x82"):
        read("水門".encode("shift_jis") + b"\x82", "shift_jis")


def test_binary_files():
    with pytest.raises(
        DataError,
        match=r"file\.txt is a binary file: it has a zero byte at byte 2; name a text file$",
    ):
        read(b"ab\0")
    with pytest.raises(DataError, match=r"zero byte at byte 300,000"):
        read(b"a" * 300_000 + b"\0")
    with pytest.raises(DataError, match="binary file"):
        read("a\0".encode("utf-16"), "utf-16")
    with pytest.raises(DataError, match="looks like UTF-16 text; read it with --encoding utf-16"):
        read("abc".encode("utf-16"))


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", ""])
def test_unknown_encoding(name):
    with pytest.raises(
        ConfigError, match=rf"encoding '{name}' is not known; use a name such as utf-8"
    ):
        checked_encoding(name)


@given(st.lists(st.text(" \t\r\nab。", max_size=6), max_size=8))
def test_pieces_are_cut_only_in_front_of_white_space(parts):
    found = list(cut_between_words(parts))
    assert "".join(found) == "".join(parts)
    for before, after in pairwise(found):
        assert after[0].isspace()
        assert not before[-1].isspace()


def test_text_without_blanks_is_cut_all_the_same():
    parts = list(cut_between_words(["水" * 300_000] * 10))
    assert max(map(len, parts)) < 1_500_000
    assert sum(map(len, parts)) == 3_000_000


def test_bytes_of_a_stripped_document_are_utf8():
    content = "猫《ねこ》".encode("shift_jis")
    found = pieces(document(content), "bytes", Reading("shift_jis", aozora=True))
    assert b"".join(found) == "猫".encode()


def test_bytes_are_a_way_out_only_where_they_can_be_learnt():
    document = Document("a.csv", content=b"caf\xe9")
    for content, way in ((b"caf\xe9", "latin-1"), (b"a\0b", "name a text file")):
        document = Document("a.csv", content=content)
        with pytest.raises(DataError, match=f"{way}$"):
            list(decoded(document, "utf-8"))
        with pytest.raises(DataError, match=f"{way}, or learn its bytes with --units bytes$"):
            list(decoded(document, "utf-8", or_bytes=True))
