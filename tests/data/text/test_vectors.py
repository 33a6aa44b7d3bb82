import gzip

import numpy as np
import pytest

from suimon.data.text.vectors import read_vectors, vector_width
from suimon.errors import DataError

WANTED = {"sea": 4, "at least": 7, "none": 9}
GLOVE = "sea 1 -2.5\nland 0 0\nat least 3 4e-1\nsea 9 9\n"


@pytest.mark.parametrize("header", ["", "4 2\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_words_asked_for_are_found(tmp_path, header, packed):
    data = (header + GLOVE).encode()
    path = tmp_path / "vectors.txt"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert vector_width(path) == 2
    found = read_vectors(path, WANTED)
    assert dict(zip(found.rows.tolist(), found.vectors.tolist(), strict=True)) == {
        4: [1.0, -2.5],
        7: [3.0, np.float32(0.4)],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no vector"),
        ("sea 1 2\nland 1\n", r"line 2: 1 numbers, and the first vector has 2"),
        ("land 1 2\nsea 1 two\n", r"line 2: 'two' is not a number"),
        ("land 1 2\nsea 1 nan\n", r"line 2: 'nan' is not a number"),
        ("sea\n", r"line 1: 0 numbers behind 'sea'"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, message):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_vectors(path, WANTED)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_vectors(tmp_path / "missing.txt", WANTED)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(GLOVE.encode())[:-9])
    with pytest.raises(DataError, match="gzip"):
        read_vectors(broken, WANTED)
