import numpy as np
import pytest
from PIL import Image

from suimon.data.images import ImageForm
from suimon.data.images.captions import read_captioned, read_pictures
from suimon.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for n in range(3):
        Image.fromarray(np.full((4, 5), n, np.uint8)).save(tmp_path / f"{n}.png")
    return tmp_path


def table(folder, *rows: str, name: str = "captions.csv"):
    (folder / name).write_text("\n".join(["image,caption", *rows]) + "\n")
    return folder


def test_images_with_one_caption_several_or_none(folder):
    data = read_captioned(table(folder, "2.png,two", '0.png,"zero, none"', "2.png,a pair"))
    assert list(data.captions) == ["two", "zero, none", "a pair"]
    assert data.picture_of.tolist() == [0, 1, 0]
    assert [int(data.pictures[n][0, 0, 0]) for n in range(2)] == [2, 0]
    assert data.references() == {0: ["two", "a pair"], 1: ["zero, none"]}
    assert data.of_pictures([1]).references() == {1: ["zero, none"]}


def test_other_tables_and_sizes(folder):
    (folder / "captions.tsv").write_text("caption\timage\ntwo\t2.png\n")
    data = read_captioned(folder, size="3", color="rgb")
    assert data.pictures[0].shape == (3, 3, 3)
    assert list(data.captions) == ["two"]


def test_features_in_place_of_images(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12).reshape(2, 2, 3))
    np.save(tmp_path / "b.npy", np.ones((4, 3), np.float16))
    np.save(tmp_path / "c.npy", np.ones(7))
    data = read_captioned(table(tmp_path, "a.npy,one", "b.npy,two"))
    assert data.pictures[1].dtype == np.float32
    np.testing.assert_array_equal(data.pictures[0], np.arange(12).reshape(4, 3))
    assert len(read_pictures([tmp_path], (4, 3))) == 3
    odd = read_captioned(table(tmp_path, "a.npy,one", "c.npy,two"))
    with pytest.raises(DataError, match=r"c\.npy has features of 1 x 7, and the others of 4 x 3"):
        odd.pictures[1]
    np.save(tmp_path / "a.npy", np.full(2, np.nan))
    with pytest.raises(DataError, match=r"a\.npy holds NaN or infinity"):
        read_captioned(table(tmp_path, "a.npy,one")).pictures[0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["9.png,nine"], r"captions\.csv, row 1: there is no file .*9\.png"),
        (["0.png,zero", "1.png,"], r"captions\.csv, row 2, column 'caption' holds nothing: fill"),
        ([",zero"], r"captions\.csv, row 1, column 'image' holds nothing"),
        (["0.png,zero", "captions.csv,words"], r"captions\.csv: it is no image"),
    ],
)
def test_rows_that_cannot_be_used(folder, rows, message):
    with pytest.raises(DataError, match=message):
        _ = read_captioned(table(folder, *rows)).pictures[1]


def test_folders_that_cannot_be_used(folder, tmp_path):
    with pytest.raises(DataError, match=r"has no captions\.csv: give one table with the columns"):
        read_captioned(folder)
    with pytest.raises(DataError, match=r"is no folder: name one with images and captions\.csv"):
        read_captioned(folder / "0.png")
    (folder / "captions.csv").write_text("file,caption\n0.png,zero\n")
    with pytest.raises(DataError, match=r"no column 'image'.*columns are 'file', 'caption'"):
        read_captioned(folder)
    table(folder, "0.png,zero", name="captions.tsv")
    with pytest.raises(DataError, match=r"has captions\.csv and captions\.tsv: give one table"):
        read_captioned(folder)


def test_pictures_of_another_kind_than_learnt(folder):
    np.save(folder / "a.npy", np.ones((2, 3)))
    with pytest.raises(DataError, match=r"a\.npy stands among files of another kind"):
        read_captioned(table(folder, "0.png,zero", "a.npy,a"))
    with pytest.raises(DataError, match=r"0\.png is no \.npy file, and the network reads features"):
        read_pictures([folder / "0.png"], (2, 3))
    with pytest.raises(DataError, match=r"a\.npy holds features, and the network reads images"):
        read_captioned(table(folder, "a.npy,a"), form=ImageForm(2, 2, 1))
    with pytest.raises(DataError, match="there are no features"):
        read_pictures([], (2, 3))
    (folder / "b.npy").write_bytes(b"no numbers")
    with pytest.raises(DataError, match=r"cannot read .*b\.npy: it is no whole \.npy file"):
        read_pictures([folder / "b.npy"], (2, 3))[0]
    np.save(folder / "b.npy", np.array(["text"]))
    with pytest.raises(DataError, match=r"b\.npy holds 1 of <U4; give numbers"):
        read_pictures([folder / "b.npy"], (2, 3))[0]
