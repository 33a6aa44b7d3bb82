import gzip
import io
import json
import sys

import pytest

from suimon.data.pairs import read_pairs, read_sources
from suimon.data.text import lines as lines_module
from suimon.errors import ConfigError, DataError


@pytest.fixture
def put(tmp_path):
    """Write a file of text or bytes; gives its path."""

    def write(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def pairs_of(found):
    return list(zip(found.sources, found.targets, strict=True))


def test_parallel_files_line_by_line(put):
    de = put("train.de", "Ein Haus.\r\nZwei\u2028Häuser \x85.\n")
    en = put("train.en.gz", gzip.compress("\ufeffA house.\nTwo houses .".encode()))
    found = read_pairs([de, en])
    assert pairs_of(found) == [
        ("Ein Haus.", "A house."),
        ("Zwei\u2028Häuser \x85.", "Two houses ."),
    ]
    assert found.place(1) == f"{de}, line 2"
    assert found.take([1]).place(0) == f"{de}, line 2"


def test_lines_cut_at_a_separator(put):
    found = read_pairs([put("date.txt", "2/10/93   _1993-02-10\nx_y_z \n")], separator="_")
    assert pairs_of(found) == [("2/10/93", "1993-02-10"), ("x", "y_z")]


def test_tables_by_name_or_by_place(put):
    rows = [{"id": 1, "fr": "oui", "en": " yes "}, {"id": 2, "fr": "non", "en": "no"}]
    path = put("pairs.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert pairs_of(read_pairs([path], source="fr", target="en")) == [("oui", "yes"), ("non", "no")]
    assert pairs_of(read_pairs([path], source="en", target="fr"))[0] == ("yes", "oui")
    csv = put("pairs.csv", 'q,a,note\n"Who, me?",You.,x\n')
    assert pairs_of(read_pairs([csv])) == [("Who, me?", "You.")]
    assert pairs_of(read_pairs([csv], target="q")) == [("You.", "Who, me?")]


def test_a_tsv_without_names_is_pairs_from_its_first_line_on(put):
    path = put("fra.tsv", 'Go.\tVa !\tCC-BY\n"Hi\tSalut\n')
    assert pairs_of(read_pairs([path])) == [("Go.", "Va !"), ('"Hi', "Salut")]
    named = put("named.tsv", "en\tfr\nGo.\tVa !\n")
    assert pairs_of(read_pairs([named], source="en", target="fr")) == [("Go.", "Va !")]
    assert read_sources(path, encoding="utf-8").sources == ["Go.", '"Hi']


def test_sources_alone_keep_empty_lines(put, monkeypatch):
    assert read_sources(put("a.txt", "one\n\ntwo"), encoding="utf-8").sources == ["one", "", "two"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"here\n")))
    found = read_sources("-", encoding="utf-8")
    assert (found.sources, found.place(0)) == (["here"], "standard input, line 1")
    csv = put("a.csv", "q,a\nwho,me\n")
    assert read_sources(csv, encoding="utf-8").sources == ["who"]
    assert read_sources(csv, source="a", encoding="utf-8").sources == ["me"]


def test_other_encodings(put):
    de, en = (
        put("a.de", "schön\nja\n".encode("utf-16")),
        put("a.en", "nice\nyes\n".encode("utf-16")),
    )
    assert pairs_of(read_pairs([de, en], encoding="utf-16")) == [("schön", "nice"), ("ja", "yes")]


def test_lines_that_chunks_cut(put, monkeypatch):
    text = "".join(f"Zeile {n} äöü\n" for n in range(3000))
    whole = list(lines_module.lines_of(put("a.txt", text), "utf-8"))
    monkeypatch.setattr(
        "suimon.data.text.document.Document.chunks",
        lambda self: (text.encode()[n : n + 7] for n in range(0, len(text.encode()), 7)),
    )
    assert list(lines_module.lines_of(put("b.txt", text), "utf-8")) == whole
    assert whole == text.split("\n")[:-1]


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ("a\nb\nc\n", "x\n", r"b\.en has 1 lines and .*a\.de 3: line n of the one must be"),
        ("a\n", "x\ny\n", r"a\.de has 1 lines and .*b\.en 2"),
        ("a\n\nc\n", "x\ny\nz\n", r"a\.de, line 2: the source is empty; leave the pair out"),
        ("a\nb\n", "x\n \n", r"a\.de, line 2: the target is empty"),
        ("", "", "there is no pair in what was named"),
        (b"ja\nsch\xf6n\n", "x\ny\n", r"a\.de, line 2 is not utf-8 \(0xf6, .*--encoding"),
        (b"ja\nzw\0ei\n", "x\ny\n", r"a\.de, line 2 holds a zero byte"),
    ],
)
def test_parallel_files_that_cannot_be(put, one, other, message):
    with pytest.raises(DataError, match=message):
        read_pairs([put("a.de", one), put("b.en", other)])


@pytest.mark.parametrize(
    ("name", "content", "options", "error", "message"),
    [
        ("a.txt", "a b\n", {}, ConfigError, "is given alone and is no table: name the file of tar"),
        ("a.txt", "a_b\nab\n", {"separator": "_"}, DataError, r"line 2 has no '_' between .*'ab'"),
        ("a.txt", "a_b\n", {"separator": ""}, ConfigError, "--separator is empty"),
        ("a.txt", "a_b\n_c\n", {"separator": "_"}, DataError, "line 2: the source is empty"),
        ("a.csv", "q\nx\n", {}, DataError, "has one column, 'q': pairs need two"),
        ("a.csv", "q,a\nx,y\n", {"source": "r"}, DataError, "no column 'r'.*columns are 'q', 'a'"),
        ("a.csv", "q,a\nx,y\n", {"source": "q", "target": "q"}, ConfigError, "name another"),
        ("a.csv", "q,a\nx,y\nz,\n", {}, DataError, "a.csv, row 2: column 'a' has no text"),
        ("a.csv", "q,a\n", {"source": "q", "separator": "_"}, ConfigError, "leave out --source"),
    ],
)
def test_one_file_that_cannot_be(put, name, content, options, error, message):
    with pytest.raises(error, match=message):
        read_pairs([put(name, content)], **options)


def test_paths_that_cannot_be(put, tmp_path):
    path = put("a.txt", "a\n")
    with pytest.raises(DataError, match=r"there is no file .*b\.txt: check the name"):
        read_pairs([path, tmp_path / "b.txt"])
    with pytest.raises(DataError, match="3 paths are given: name two parallel files"):
        read_pairs([path, path, path])
    with pytest.raises(ConfigError, match="are parallel files: leave out --separator"):
        read_pairs([path, path], separator="_")
    with pytest.raises(DataError, match="is empty: give a sentence a line"):
        read_sources(put("b.txt", ""), encoding="utf-8")
    with pytest.raises(DataError, match="is not a whole gzip file"):
        read_pairs([put("c.gz", b"no"), path])


def test_an_endless_line_is_refused_before_it_fills_the_memory(put, monkeypatch):
    monkeypatch.setattr(lines_module, "LONGEST_LINE", 1000)
    with pytest.raises(DataError, match=r"a\.txt, line 2 has more than 1,000 characters"):
        read_sources(put("a.txt", "short\n" + "x" * 1_000_000), encoding="utf-8")


def test_an_empty_cell_at_the_edge_of_a_line_is_empty(put):
    with pytest.raises(DataError, match=r"edge\.tsv, line 2: the source is empty"):
        read_pairs([put("edge.tsv", "a\tb\n\tc\n")])
    with pytest.raises(DataError, match=r"edge\.tsv, line 1: the target is empty"):
        read_pairs([put("edge.tsv", "a\t\n")])
    assert read_sources(put("edge.tsv", "a\tb\n\tc\n"), encoding="utf-8").sources == ["a", ""]


def test_standard_input_holds_lines_or_a_table(monkeypatch):
    def given(content: str):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    given("a\tb\nc\td\n")
    found = read_pairs(["-"])
    assert pairs_of(found) == [("a", "b"), ("c", "d")]
    assert found.place(1) == "standard input, line 2"
    given("a_b\n")
    assert pairs_of(read_pairs(["-"], separator="_")) == [("a", "b")]
    given('{"fr": "oui", "en": "yes"}\n')
    assert pairs_of(read_pairs(["-"], source="fr", target="en")) == [("oui", "yes")]
    given("")
    with pytest.raises(DataError, match="there is no pair in what was named"):
        read_pairs(["-"])
