import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from suimon.data.images import ImageForm, read_images
from suimon.data.images.decoding import decoded, form_of, png, resized
from suimon.data.images.form import chosen_form
from suimon.data.images.grid import grid, save_grid
from suimon.data.images.sequence import images_of_files
from suimon.errors import CheckpointError, ConfigError, DataError


def saved(path, pixels, **options):
    """A file of pixels, written by Pillow itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def ramp(height: int, width: int, channels: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels else (height, width)
    return (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that announces a great many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def test_a_folder_in_order_with_other_files_left_out(tmp_path):
    for name in ("b/2.png", "b/10.png", "a.png", ".hidden.png"):
        saved(tmp_path / name, ramp(4, 5))
    (tmp_path / "captions.csv").write_text("image,caption\n")
    images = read_images([tmp_path])
    assert [images.place(n)[len(str(tmp_path)) + 1 :] for n in range(3)] == [
        "a.png",
        "b/10.png",
        "b/2.png",
    ]
    assert len(images) == 3
    np.testing.assert_array_equal(images[2], ramp(4, 5)[..., None])
    taken = images.take([2, 0])
    assert (len(taken), taken.place(0)) == (2, images.place(2))
    with pytest.raises(IndexError):
        images[3]


def test_an_idx_file_keeps_its_size(tmp_path):
    (tmp_path / "images.idx3").write_bytes(idx(np.stack([ramp(90, 70), 255 - ramp(90, 70)])))
    images = read_images([tmp_path / "images.idx3"])
    assert images.form == ImageForm(90, 70, 1)
    np.testing.assert_array_equal(images[1][..., 0], 255 - ramp(90, 70))
    assert images.place(1).endswith("images.idx3, image 2")
    colored = read_images([tmp_path / "images.idx3"], size="45x35", color="rgb")
    assert colored[0].shape == (45, 35, 3)
    np.testing.assert_array_equal(colored[0][..., 0], colored[0][..., 2])


def test_sizes_and_colours_are_made_those_of_the_first(tmp_path):
    saved(tmp_path / "1.png", ramp(6, 8, 3))
    saved(tmp_path / "2.jpg", np.full((20, 10), 77, np.uint8))
    images = read_images([tmp_path])
    assert images.form == ImageForm(6, 8, 3)
    np.testing.assert_array_equal(images[1], np.full((6, 8, 3), 77))
    given = read_images([tmp_path], form=ImageForm(2, 3, 1))
    assert {given[n].shape for n in range(2)} == {(2, 3, 1)}


def test_stretching_takes_means_over_what_falls_together(tmp_path):
    path = saved(tmp_path / "board.png", np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 200)
    np.testing.assert_allclose(decoded(path, ImageForm(4, 4, 1)), 100, atol=2)
    np.testing.assert_array_equal(
        resized(ramp(64, 64)[..., None], ImageForm(7, 9, 1))[..., 0],
        np.asarray(Image.fromarray(ramp(64, 64)).resize((9, 7), Image.Resampling.BILINEAR)),
    )


def test_every_mode_of_pillow_becomes_grey_or_rgb(tmp_path):
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert decoded(saved(tmp_path / "red.png", red), ImageForm(2, 2, 1)).max() == 76  # 0.299 * 255
    clear = np.zeros((2, 2, 4), np.uint8)
    assert decoded(saved(tmp_path / "clear.png", clear), ImageForm(2, 2, 3)).min() == 255
    deep = saved(tmp_path / "deep.png", np.full((2, 2), 0x1234, np.uint16))
    assert decoded(deep, ImageForm(2, 2, 1)).tolist() == [[[0x12]] * 2] * 2
    assert form_of(deep).channels == 1
    for mode in ("1", "P", "CMYK"):
        path = tmp_path / f"{mode}.tiff"
        Image.fromarray(red).convert(mode).save(path)
        assert decoded(path, ImageForm(2, 2, 3)).shape == (2, 2, 3)
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(DataError, match=r"f\.tiff holds fractions"):
        decoded(tmp_path / "f.tiff", ImageForm(2, 2, 1))


def test_what_a_camera_turned_is_turned_back(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # by a quarter, clockwise
    path = saved(tmp_path / "a.png", ramp(2, 3), exif=turned)
    assert form_of(path) == ImageForm(3, 2, 1)
    np.testing.assert_array_equal(
        decoded(path, ImageForm(3, 2, 1))[..., 0], np.rot90(ramp(2, 3), k=-1)
    )


def test_what_is_broken_is_refused_by_name(tmp_path):
    whole = saved(
        tmp_path / "whole.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    )
    content = whole.read_bytes()
    form = ImageForm(4, 4, 3)
    for cut in range(0, len(content) - 13, 97):
        (tmp_path / "cut.png").write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"cut\.png"):
            decoded(tmp_path / "cut.png", form)
    jpeg = io.BytesIO()
    Image.fromarray(ramp(40, 40, 3)).save(jpeg, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(jpeg.getvalue()[:300])
    with pytest.raises(
        DataError, match=r"cut\.jpg is broken \(.*\): get it again, or leave it out"
    ):
        decoded(tmp_path / "cut.jpg", form)
    (tmp_path / "text.png").write_text("an image")
    with pytest.raises(DataError, match=r"text\.png: it is no image; give PNG"):
        decoded(tmp_path / "text.png", form)


@pytest.mark.parametrize("size", [(30_000, 3_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_before_they_are_decoded(tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(DataError, match=r"bomb\.png (announces .* pixels, and|is broken)"):
        read_images([tmp_path])


def test_large_images_are_made_smaller_by_default():
    assert chosen_form(ImageForm(1000, 500, 3), None, None) == ImageForm(64, 32, 3)
    assert chosen_form(ImageForm(1, 5000, 1), None, None) == ImageForm(1, 64, 1)
    assert chosen_form(ImageForm(20, 30, 1), "12", "rgb") == ImageForm(12, 12, 3)
    for wrong in ("0", "28x", "big", "28x2000", "-3", "²8"):
        with pytest.raises(ConfigError, match=r"is no size of images: give rows and columns"):
            chosen_form(ImageForm(20, 30, 1), wrong, None)


def test_a_form_is_kept_and_restored():
    form = ImageForm(3, 4, 3)
    assert ImageForm.from_state(form.state()) == form
    with pytest.raises(CheckpointError, match="no 'width' of its images"):
        ImageForm.from_state({"height": 3})


def test_few_images_are_decoded_once_and_many_each_time(tmp_path):
    path = saved(tmp_path / "a.png", ramp(3, 3))
    once = images_of_files([path], ["a"], ImageForm(3, 3, 1))
    each = images_of_files([path], ["a"], ImageForm(3, 3, 1), most_kept=8)
    before = once[0].copy(), each[0].copy()
    saved(path, 255 - ramp(3, 3))
    np.testing.assert_array_equal(once[0], before[0])
    np.testing.assert_array_equal(each[0], 255 - before[1])


def test_what_holds_no_images_is_refused(tmp_path):
    with pytest.raises(DataError, match="name the images"):
        read_images([])
    with pytest.raises(DataError, match=r"no file or folder .*none: check the name"):
        read_images([tmp_path / "none"])
    with pytest.raises(DataError, match=r"holds no image: its files would end in \.png"):
        read_images([tmp_path])
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(DataError, match=r"a\.txt is no image: give an IDX file"):
        read_images([tmp_path / "a.txt"])
    (tmp_path / "i").write_bytes(idx(ramp(4, 8).reshape(2, 4, 4)))
    with pytest.raises(DataError, match="is an IDX file, read by itself: leave out"):
        read_images([tmp_path / "i", tmp_path / "i"])


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", ramp(3, 3))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(
        ConfigError, match=r"needs Pillow; install with: pip install 'suimon\[images\]'"
    ):
        read_images([path])
    (tmp_path / "i").write_bytes(idx(ramp(4, 8).reshape(2, 4, 4)))
    assert read_images([tmp_path / "i"])[0].shape == (4, 4, 1)  # IDX needs none


def test_a_grid_is_drawn_with_gaps(tmp_path):
    black = np.zeros((28, 28, 1), np.uint8)
    picture = grid([[black, black], [black, black], [black, black]])
    assert picture.shape == (3 * 58 + 2, 2 * 58 + 2, 1)
    assert (picture == 0).sum() == 6 * 56 * 56
    save_grid([[black]], tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as written:
        assert written.size == (60, 60)
    colored = np.asarray(Image.open(io.BytesIO(png(ramp(3, 4, 3)))))
    np.testing.assert_array_equal(colored, ramp(3, 4, 3))
    with pytest.raises(ConfigError, match=r"grid\.jpg is no name of a PNG file"):
        save_grid([[black]], tmp_path / "grid.jpg")
    with pytest.raises(ConfigError, match=r"there is no folder .*none for grid"):
        save_grid([[black]], tmp_path / "none" / "grid.png")


def test_damaged_marks_beside_the_pixels_are_passed_over_in_silence(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("L", (3, 2), 70).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(9))
    assert decoded(path, form_of(path)).shape == (2, 3, 1)  # warnings are errors here
    broken = tmp_path / "a.tif"
    broken.write_bytes(b"II*\0" + bytes(range(200)))
    with pytest.raises(DataError, match=r"cannot read .*a\.tif: it is no image"):
        form_of(broken)


def test_images_do_not_come_from_standard_input():
    with pytest.raises(DataError, match="images are not read from standard input: name files or"):
        read_images(["-"])
