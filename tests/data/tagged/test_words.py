import gzip

import pytest

from suimon.data.tagged import read_tagged
from suimon.errors import ConfigError, DataError

CONLL = """-DOCSTART- -X- O

EU NNP B-ORG
rejects VBZ O

Peter\tNNP\tB-PER


"""


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_words_stand_first_and_tags_last(write):
    data = read_tagged([write("a.conll", CONLL), write("b.txt.gz", gzip.compress(b"a X\r\n"))])
    assert data.kind == "text"
    assert data.sequences == [("EU", "rejects"), ("Peter",), ("a",)]
    assert data.tags == [("B-ORG", "O"), ("B-PER",), ("X",)]
    assert [data.place(n) for n in range(3)] == [
        "a.conll, line 3",
        "a.conll, line 6",
        "b.txt.gz, line 1",
    ]
    assert data.take([2, 0]).place(1) == "a.conll, line 3"


def test_columns_by_number_and_words_alone(write):
    path = write("a.conll", CONLL)
    assert read_tagged([path], text="1", label="2").tags[0] == ("NNP", "VBZ")
    assert read_tagged([path], labelled=False).tags is None
    assert read_tagged([write("words", "one\ntwo\n")], labelled=False).sequences == [("one", "two")]


def test_lists_of_json_lines(write):
    path = write("a.jsonl", '{"tokens": ["New York"], "tags": ["X"], "pos": ["N"]}\n')
    data = read_tagged([path])
    assert (data.sequences, data.tags) == ([("New York",)], [("X",)])
    assert read_tagged([path], label="pos").tags == [("N",)]
    assert read_tagged([path], text="pos", label="tags").sequences == [("N",)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a", "a X\nb\n", r"a, line 2 has 1 columns, and line 1 has 2: give every word the same"),
        ("a", "a\nb\n", "a, line 1 has one column: give a word and its tag"),
        ("a", "a\t\n", "a, line 1 has an empty column"),
        ("a", "\n \n-DOCSTART- O\n", "a has no sentence: give a word a line"),
        ("a", b"a X\n\x00", "a is a binary file"),
        ("a.jsonl", '{"tokens": [], "tags": []}', "row 1: column 'tokens' has no words"),
        ("a.jsonl", '{"tokens": ["a", "b"], "tags": ["X"]}', "row 1 has 2 words and 1 tags"),
        ("a.jsonl", '{"tokens": ["a"], "tags": [1]}', "row 1: column 'tags' has 1 among its tags"),
        ("a.jsonl", '{"tokens": "a b", "tags": ["X"]}', "column 'tokens' has 'a b', .* no list"),
        ("a.jsonl", '{"tokens": ["a"]}', "has no column 'tags'; its columns are 'tokens'"),
    ],
)
def test_what_is_broken_is_named(write, name, content, message):
    with pytest.raises(DataError, match=message):
        read_tagged([write(name, content)])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"label": "ner"}, ConfigError, "label = 'ner' names a column of lines .* its number"),
        ({"label": "1"}, ConfigError, "column 1 is asked for as text and as label"),
        ({"label": "9"}, DataError, r"has 3 columns, and column 9 is asked for: .* from 1 to 3"),
        ({"id": "x"}, ConfigError, "id = x goes with columns of values"),
        ({"text": "1", "audio": "x"}, ConfigError, "name one only of a column of text"),
    ],
)
def test_columns_that_do_not_go_with_the_file(write, options, error, message):
    with pytest.raises(error, match=message):
        read_tagged([write("a", CONLL)], **options)
    with pytest.raises(DataError, match="there is no file none: check the name"):
        read_tagged(["none"])
