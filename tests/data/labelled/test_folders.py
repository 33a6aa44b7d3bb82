import pytest

from suimon.data.labelled.folders import read_class_folder
from suimon.errors import ConfigError, DataError


def test_texts_stand_in_the_order_of_labels_then_names(write):
    write("pos/b.txt", "good")
    write("pos/10.txt", "better")
    write("neg/2.txt.gz", "bad 悪い")
    write("neg/1.txt", "worse\r\n")
    folder = write("Zero/a.txt", "\ufeffneither").parent.parent
    read = read_class_folder(folder)
    assert read.kind == "text"
    assert list(read.sequences) == ["neither", "worse\r\n", "bad 悪い", "better", "good"]
    assert read.labels == ("Zero", "neg", "neg", "pos", "pos")
    places = [read.place(n) for n in range(5)]
    assert places == ["Zero/a.txt", "neg/1.txt", "neg/2.txt.gz", "pos/10.txt", "pos/b.txt"]


def test_some_of_the_texts_can_be_taken(write):
    for name in ("a/1.txt", "a/2.txt", "b/1.txt"):
        write(name, name)
    read = read_class_folder(write("b/2.txt", "b/2.txt").parent.parent)
    assert list(read.sequences[1:3]) == ["a/2.txt", "b/1.txt"]
    assert read.sequences[-1] == "b/2.txt"
    taken = read.take([3, 0])
    assert list(taken.sequences) == ["b/2.txt", "a/1.txt"]
    assert taken.labels == ("b", "a")
    assert taken.place(0) == "b/2.txt"


def test_files_are_read_when_asked_for(write):
    write("a/1.txt", "before")
    path = write("b/1.txt", "before")
    read = read_class_folder(path.parent.parent)
    path.write_text("after")
    assert list(read.sequences) == ["before", "after"]
    path.unlink()
    with pytest.raises(DataError, match=r"cannot read .*b/1\.txt: No such file"):
        read.sequences[1]
    with pytest.raises(IndexError):
        read.sequences[2]


def test_hidden_files_and_folders_are_left_out(write):
    write("a/1.txt", "a")
    write("a/.DS_Store", "no")
    write(".git/config", "no")
    write(".hidden", "no")
    read = read_class_folder(write("b/1.txt", "b").parent.parent)
    assert list(read.sequences) == ["a", "b"]


def test_other_encodings(write):
    write("a/1.txt", "悪い".encode("shift_jis"))
    folder = write("b/1.txt", "良い".encode("shift_jis")).parent.parent
    assert list(read_class_folder(folder, encoding="shift_jis").sequences) == ["悪い", "良い"]
    with pytest.raises(DataError, match=r"a/1\.txt is not utf-8 at byte 0"):
        read_class_folder(folder).sequences[0]
    with pytest.raises(ConfigError, match="encoding 'klingon' is not known"):
        read_class_folder(folder, encoding="klingon")


def test_empty_file_is_named_when_it_is_read(write):
    write("a/1.txt", "a")
    folder = write("b/1.txt", "").parent.parent
    with pytest.raises(DataError, match=r"b/1\.txt is empty; write a text into it, or remove it"):
        read_class_folder(folder).sequences[1]


def test_file_of_another_kind(write):
    write("a/1.txt", "a")
    folder = write("b/1.txt", "b").parent.parent
    write("b/z.pdf", "b")
    write("b/notes.md", "b")
    with pytest.raises(DataError, match=r"b/notes\.md is no text file; .* end in \.txt or \.txt"):
        read_class_folder(folder)


def test_folder_within_a_class(write):
    write("a/1.txt", "a")
    folder = write("b/deep.txt/1.txt", "b").parent.parent.parent
    with pytest.raises(DataError, match=r"b/deep\.txt is no text file; .* and no folders"):
        read_class_folder(folder)


def test_class_without_texts(write):
    folder = write("a/1.txt", "a").parent.parent
    (folder / "b").mkdir()
    with pytest.raises(DataError, match="/b holds no text; put the texts of its class into it"):
        read_class_folder(folder)


def test_one_class_only(write):
    folder = write("a/1.txt", "a").parent.parent
    with pytest.raises(DataError, match="has one class only, 'a'; it takes two"):
        read_class_folder(folder)


def test_loose_file_beside_the_classes(write):
    write("a/1.txt", "a")
    write("b/1.txt", "b")
    folder = write("README.md", "about").parent
    with pytest.raises(DataError, match=r"has the file README\.md beside its sub-folders; move it"):
        read_class_folder(folder)


def test_folder_without_sub_folders(tmp_path):
    with pytest.raises(DataError, match="has no sub-folders; make one a class"):
        read_class_folder(tmp_path)
    with pytest.raises(DataError, match=r"cannot read the folder .*none: No such file"):
        read_class_folder(tmp_path / "none")
