import ast
import json
from pathlib import Path

import pytest

from suimon.errors import DataError
from suimon.lab.python_source.corpus import (
    content_key,
    is_validation,
    library_files,
    stripped,
    unparsed,
    write_corpus,
)

PROGRAM = '''"""The module."""
# a comment
class Gate:
    """Only a docstring."""

def flow(x):  # why
    """Doc."""
    note = "kept"
    "a note that is no docstring"
    return x
'''


def source(number: int) -> str:
    return f'def f{number}(x):\n    """Doc."""\n    y = x + {number}  # add\n    return y\n'


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Forty modules, one that does not parse, one table, one test."""
    folder = tmp_path / "library"
    for number in range(40):
        file = folder / f"package{number % 3}" / f"module{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source(number))
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "table.py").write_text("TABLE = " + repr({str(n): "value" for n in range(99)}))
    (folder / "test").mkdir()
    (folder / "test" / "test_flow.py").write_text("assert True\n")
    return folder


def test_prose_is_stripped_and_empty_bodies_filled():
    assert unparsed(stripped(PROGRAM.encode())) == (
        "class Gate:\n\tpass\n\ndef flow(x):\n\tnote = 'kept'\n\treturn x\n"
    )


def test_a_level_of_indentation_is_one_tab_and_strings_keep_their_spaces():
    source = 'def f(x):\n  if x:\n    return f"{x}\\n    four"\n  return "    "\n'
    text = unparsed(stripped(source.encode()))
    assert text.startswith("def f(x):\n\tif x:\n\t\treturn f")
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))


def test_characters_beyond_ascii_become_escapes_of_the_same_value():
    text = unparsed(stripped('gate = "水門 é"\n'.encode()))
    assert text.isascii()
    assert ast.literal_eval(text.removeprefix("gate = ")) == "水門 é"


def test_a_name_beyond_ascii_cannot_be_escaped():
    with pytest.raises(SyntaxError):
        unparsed(stripped("水門 = 1\n".encode()))


def test_a_declared_encoding_is_read():
    assert unparsed(stripped(b"# coding: latin-1\ns = '\xe9'\n")) == "s = '\\xe9'\n"


def test_a_module_of_docstrings_alone_is_empty():
    assert unparsed(stripped(b'"""Nothing else."""\n')) == ""


def test_tests_are_left_out(library):
    assert not [file for file in library_files(library) if "test" in file.parts]


def test_every_module_is_written_once_to_one_side(library, tmp_path):
    report = write_corpus(tmp_path / "cache", library=library)
    assert (report.tables, report.skipped) == (1, 1)
    assert report.train_files + report.valid_files == 40
    assert report.valid_files > 0
    for part, files, characters in (
        ("train", report.train_files, report.train_characters),
        ("valid", report.valid_files, report.valid_characters),
    ):
        written = sorted((Path(report.folder) / part).rglob("*.py"))
        assert len(written) == files
        assert sum(len(file.read_text()) for file in written) == characters
        assert len(report.text(part)) == characters
        for file in written:
            relative = file.relative_to(Path(report.folder) / part)
            assert is_validation(relative) == (part == "valid")
            spaces = ast.unparse(ast.parse(file.read_text())) + "\n"
            assert file.read_text().expandtabs(4) == spaces
            assert "Doc" not in file.read_text()


def test_written_once(library, tmp_path):
    first = write_corpus(tmp_path / "cache", library=library)
    witness = first.train / "witness"
    witness.touch()
    again: list[int] = []
    second = write_corpus(
        tmp_path / "cache", library=library, progress=lambda done, _: again.append(done)
    )
    assert second == first
    assert witness.exists()
    assert again == []


def test_a_corpus_cut_short_is_written_again(library, tmp_path):
    first = write_corpus(tmp_path / "cache", library=library)
    (Path(first.folder) / "corpus.json").unlink()
    lost = next(first.train.rglob("*.py"))
    lost.write_text("half a mod")
    assert write_corpus(tmp_path / "cache", library=library) == first
    assert lost.read_text().startswith("def ")


def test_the_folder_is_named_by_the_content(library, tmp_path):
    first = write_corpus(tmp_path / "cache", library=library)
    (library / "package0" / "module0.py").write_text(source(1000))
    second = write_corpus(tmp_path / "cache", library=library)
    assert second.folder != first.folder
    assert "1000" in second.text("train") + second.text("valid")


def test_the_key_tells_a_moved_boundary_between_modules(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, (a, b) in ((one, ("xy", "z")), (other, ("x", "yz"))):
        folder.mkdir()
        (folder / "a.py").write_text(a)
        (folder / "b.py").write_text(b)
    names = [Path("a.py"), Path("b.py")]
    assert content_key(one, names) != content_key(other, names)


def test_fewer_modules_are_spread_over_the_library(library, tmp_path):
    report = write_corpus(tmp_path / "cache", library=library, modules=10)
    written = [file.parent.name for file in Path(report.folder).rglob("*.py")]
    assert 5 <= len(written) <= 10
    assert len(set(written)) == 3


def test_progress_counts_every_module(library, tmp_path):
    seen: list[tuple[int, int]] = []
    write_corpus(tmp_path, library=library, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(number, 42) for number in range(1, 43)]


def test_no_library_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match=r"no Python modules in .*empty.*folder of \.py files"):
        write_corpus(tmp_path / "cache", library=tmp_path / "empty")


def test_the_report_is_readable(library, tmp_path):
    report = write_corpus(tmp_path / "cache", library=library)
    summary = json.loads((Path(report.folder) / "corpus.json").read_text())
    assert summary["train_files"] == report.train_files
    assert "folder" not in summary  # a cache may be moved
