"""The reader of IDX files, on files written byte by byte here."""

import gzip
import struct
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from suimon.data.labelled.idx import is_idx, labels_beside, read_idx
from suimon.errors import DataError

IMAGES = b"\0\0\x08\x03" + bytes([0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
LABELS = b"\0\0\x08\x01" + bytes([0, 0, 0, 2]) + bytes([7, 255])
EXPECTED = [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


@pytest.fixture
def write(tmp_path):
    """Write a file, packed if its name says so."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_images_and_labels(write, ending):
    images = write("images" + ending, IMAGES)
    read = read_idx(images, write("labels" + ending, LABELS))
    assert read.kind == "image"
    assert isinstance(read.sequences, np.ndarray)
    assert (read.sequences.dtype, read.sequences.tolist()) == (np.uint8, EXPECTED)
    assert not read.sequences.flags.writeable
    assert isinstance(read.sequences, np.memmap) == (ending == "")
    assert read.labels == ("7", "255")
    assert read.place(1) == f"{images}, image 2"


def test_images_alone_and_packed_under_another_name(write):
    path = write("images", gzip.compress(IMAGES))
    read = read_idx(path, None)
    assert read.labels is None
    assert np.asarray(read.sequences).tolist() == EXPECTED


def test_taking_some(write):
    read = read_idx(write("images", IMAGES), write("labels", LABELS)).take([1])
    assert (np.asarray(read.sequences).tolist(), read.labels) == (EXPECTED[1:], ("255",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"bad is no IDX file: it starts with nothing, and one of bytes with 00 00 08; name"),
        (b"P5 28 28\n", r"bad is no IDX file: it starts with 50 35 20 32"),
        (b"\0\0\x08\0", r"bad is no IDX file: it starts with 00 00 08 00"),
        (b"\0\0\x0d" + IMAGES[3:], r"bad holds values of the IDX type 0x0d; only unsigned bytes"),
        (IMAGES[:15], r"bad is cut short within its header; get the file again"),
        (IMAGES[:-1], r"bad is cut short: its header says 2 x 2 x 3, 12 bytes, and it holds 11;"),
        (IMAGES[:4] + b"\xff" * 12, r"bad is cut short: .* 4294967295 x 4294967295 x 4294967295, "),
        (b"\0\0\x08\x02" + bytes(8), r"bad has 2 dimensions, 0 x 0; a file of images has 3, numbe"),
        (LABELS, r"bad has 1 dimensions, 2; a file of images has 3, number, rows, columns: name"),
        (IMAGES[:4] + bytes(12), r"bad holds nothing: its dimensions are 0 x 0 x 0; name a file"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_images_that_cannot_be_read(write, content, message, packed):
    path = write("bad", gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, None)
    assert "\n" not in str(caught.value)


def test_too_long(write):
    with pytest.raises(DataError, match=r"bad is too long: .* 12 bytes, and it holds 13; get"):
        read_idx(write("bad", IMAGES + b"\0"), None)
    with pytest.raises(DataError, match=r"bad\.gz is too long: .* 12 bytes, and it holds more; g"):
        read_idx(write("bad.gz", IMAGES + b"\0"), None)


def test_damaged_gzip(write):
    packed = gzip.compress(IMAGES)
    for content in (packed[:-9], packed[:-8] + bytes(8), packed[:12], packed[:2]):
        with pytest.raises(DataError, match=r"bad is not a whole gzip file \(.*\); get the file"):
            read_idx(write("bad", content), None)


def test_a_gzip_bomb_takes_no_memory(write):
    bomb = write("bomb.gz", IMAGES + bytes(100_000_000))
    huge = write("huge.gz", IMAGES[:4] + b"\xff" * 12 + bytes(1000))
    tracemalloc.start()
    try:
        for path, message in ((bomb, "is too long"), (huge, "is cut short")):
            with pytest.raises(DataError, match=message):
                read_idx(path, None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_more_than_memory_should_hold(write, monkeypatch):
    monkeypatch.setattr("suimon.data.labelled.idx._MOST_UNPACKED", 8)
    with pytest.raises(DataError, match=r"a\.gz holds more than .* GiB; unpack it with gunzip"):
        read_idx(write("a.gz", IMAGES), None)
    assert len(read_idx(write("a", IMAGES), None)) == 2


def test_files_that_do_not_belong_together(write):
    images, labels = write("images", IMAGES), write("labels", LABELS)
    with pytest.raises(DataError, match=r"labels holds labels and .*images holds images; name th"):
        read_idx(labels, images)
    with pytest.raises(DataError, match=r"images has 3 dimensions, 2 x 2 x 3; a file of labels ha"):
        read_idx(images, images)
    three = write("three", struct.pack(">HBBI", 0, 8, 1, 3) + bytes(3))
    with pytest.raises(DataError, match=r"three holds 3 labels and .*images 2 images; name two"):
        read_idx(images, three)
    short = write("short", LABELS[:-1])
    with pytest.raises(DataError, match=r"short is cut short: its header says 2, 2 bytes, and it"):
        read_idx(images, short)


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone: No such file or directory"):
        read_idx(tmp_path / "gone", None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (IMAGES, True),
        (LABELS, True),
        (IMAGES[:4], True),
        (b"\0\0\x0d\x02", True),
        (b"", False),
        (b"\0\0\x08", False),
        (b"label,text\n", False),
        ("水門\n".encode(), False),
        ("label,text\n".encode("utf-16"), False),
        ("label,text\n".encode("utf-32-be"), False),
        (b"\0\0\0\x18ftypmp42", False),
    ],
)
def test_is_idx(write, content, expected):
    assert is_idx(write("plain", content)) is expected
    assert is_idx(write("packed.gz", content)) is expected


def test_is_idx_of_what_cannot_be_read(write, tmp_path):
    assert not is_idx(tmp_path)
    assert not is_idx(tmp_path / "gone")
    assert not is_idx(write("damaged", b"\x1f\x8b and then text"))


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
    ],
)
def test_labels_beside(write, images, labels):
    path = write(images, IMAGES)
    assert labels_beside(path) is None
    assert labels_beside(write(labels, LABELS)) is None
    assert labels_beside(path) == path.with_name(labels)


def test_labels_beside_prefers_the_same_ending(write):
    path = write("images-idx3.gz", IMAGES)
    write("labels-idx1", LABELS)
    assert labels_beside(path) == path.with_name("labels-idx1")
    assert labels_beside(path) != (packed := write("labels-idx1.gz", LABELS))
    assert labels_beside(path) == packed


def test_real_digits(data_dir):
    images = data_dir / "images/mnist/t10k-images-idx3-ubyte.gz"
    assert is_idx(images)
    assert not is_idx(data_dir / "README.md")
    read = read_idx(images, labels_beside(images))
    assert np.shape(read.sequences) == (10_000, 28, 28)
    assert [Counter(read.labels)[str(digit)] for digit in range(10)] == [
        *(980, 1135, 1032, 1010, 982),
        *(892, 958, 1028, 974, 1009),
    ]


def test_real_digits_to_learn_from(data_dir):
    images = data_dir / "images/mnist/train-images-idx3-ubyte.gz"
    read = read_idx(images, labels_beside(images))
    assert np.shape(read.sequences) == (60_000, 28, 28)
    assert (read.labels or ())[:10] == ("5", "0", "4", "1", "9", "2", "1", "3", "1", "4")
    assert len(read.labels or ()) == 60_000
