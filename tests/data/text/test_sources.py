import io
import os
import sys
import threading
from types import SimpleNamespace

import pytest

from suimon.data.text.sources import find_documents
from suimon.errors import DataError


def texts(sources):
    return [b"".join(document.chunks()).decode() for document in sources.documents]


def test_folder_is_read_at_every_depth_in_path_order(write):
    folder = write("b.txt", "second").parent
    write("c/1.txt", "third")
    write("c/2/x.md", "fourth")
    write("a.txt.gz", "first")
    write("d", "fifth")
    assert texts(find_documents([folder])) == ["first", "second", "third", "fourth", "fifth"]


def test_folder_leaves_out_and_counts_what_is_no_text(write):
    folder = write("a.txt", "kept").parent
    write(".hidden", "no")
    write(".git/config", "no")
    write("image.png", b"\x89PNG\0\0")
    write("packed.gz", b"a\0b")
    write("empty", "")
    write("wide.txt", "long".encode("utf-16"))  # has zero bytes, and so is binary as UTF-8
    sources = find_documents([folder])
    assert texts(sources) == ["kept"]
    assert sources.notices == (f"{folder}: 2 hidden, 3 binary and 1 empty left out",)


def test_wide_encodings_are_no_binary_files(write):
    folder = write("wide.txt", "long".encode("utf-16")).parent
    sources = find_documents([folder], encoding="utf-16")
    assert [document.path.name for document in sources.documents] == ["wide.txt"]
    assert sources.notices == ()


def test_order_of_arguments_is_kept_and_each_file_is_read_once(write):
    b, a = write("b.txt", "b"), write("a.txt", "a")
    assert texts(find_documents([b, a, str(b), a.parent, f"{a.parent}/*.txt"])) == ["b", "a"]


def test_pattern(write):
    folder = write("2.txt", "two").parent
    write("10.txt", "ten")
    write("sub/3.txt", "three")
    write("other.md", "no")
    assert texts(find_documents([f"{folder}/*.txt"])) == ["ten", "two"]
    assert texts(find_documents([f"{folder}/**/*.txt"])) == ["ten", "two", "three"]


def test_file_whose_name_looks_like_a_pattern(write):
    assert texts(find_documents([write("notes[1].txt", "mine")])) == ["mine"]


def test_standard_input_can_be_read_more_than_once(monkeypatch, cache):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"piped in")))
    sources = find_documents(["-"])
    assert texts(sources) == ["piped in"]
    assert texts(sources) == ["piped in"]
    del sources
    assert list(cache.iterdir()) == []


def test_standard_input_is_refused_under_several_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(DataError, match="shared by several processes; save it to a file"):
        find_documents(["-"])


def test_empty_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(DataError, match="standard input is empty; pipe a text"):
        find_documents(["-"])


def test_named_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("through a pipe",))
    writer.start()
    assert texts(find_documents([pipe])) == ["through a pipe"]
    writer.join()


def test_refuses_what_is_not_there(write, tmp_path):
    with pytest.raises(DataError, match="no text given"):
        find_documents([])
    with pytest.raises(DataError, match=r"nowhere\.txt does not exist; check the path"):
        find_documents(["nowhere.txt"])
    with pytest.raises(DataError, match=r"no file matches the pattern '.*nowhere\*\.txt'"):
        find_documents([f"{tmp_path}/nowhere*.txt"])
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"cannot read .*dangling: No such file"):
        find_documents([tmp_path / "dangling"])


def test_refuses_empty_files_and_folders(write, tmp_path):
    with pytest.raises(DataError, match=r"a\.txt is empty; name a file with text"):
        find_documents([write("a.txt", "")])
    with pytest.raises(DataError, match=r"b\.gz is empty"):
        find_documents([write("b.gz", "")])
    with pytest.raises(DataError, match=r"texts holds no text file: 2 empty left out"):
        find_documents([tmp_path / "texts"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match=r"bare holds no text file$"):
        find_documents([tmp_path / "bare"])


def test_unreadable_folder(write, monkeypatch):
    # Done by hand, since to the superuser every folder is readable.
    folder = write("inner/a.txt", "text").parent
    scan = os.scandir

    def refuse(path):
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"cannot read the folder .*inner: Permission denied"):
        find_documents([folder.parent])


def test_unreadable_file(write, monkeypatch):
    path = write("a.txt", "text")

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(DataError, match=r"cannot read .*a\.txt: Permission denied"):
        find_documents([path])


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"plain", lambda data: data[:12] + b"\xff" * 9]
)
def test_broken_gzip_file(write, damage):
    path = write("a.gz", "text " * 100)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"a\.gz is not a whole gzip file"):
        texts(find_documents([path]))
