import numpy as np
import pytest
from PIL import Image

from suimon.data.images.sequence import ImageRows, images_of_files
from suimon.data.labelled import LabelledSequences
from suimon.data.labelled.batches import lengths_of
from suimon.errors import CheckpointError, DataError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.data import (
    ImageSteps,
    Preprocessing,
    classes_of,
    examples,
    fitted,
    read,
    shortened,
    split,
)
from tests.tasks.classification.conftest import opinions


def texts(*pairs: tuple[str, str]) -> LabelledSequences:
    """Pairs of text and label."""
    return LabelledSequences(
        "text",
        [text for text, _ in pairs],
        tuple(label for _, label in pairs),
        lambda n: f"row {n}",
    )


def series(*rows: list[list[float]]) -> LabelledSequences:
    """Rows ``(T, I)``, labelled a and b by turns."""
    labels = tuple("ab"[n % 2] for n in range(len(rows)))
    arrays = [np.array(row, np.float32) for row in rows]
    return LabelledSequences("series", arrays, labels, lambda n: f"row {n}")


def test_a_share_of_each_class_is_kept_the_same_for_the_same_seed():
    data = opinions(60)
    train, valid = split(data, 0.2, seed=1)
    assert (len(train), len(valid)) == (48, 12)
    assert valid.labels is not None
    assert valid.labels.count("pos") == 6
    assert sorted([*train.sequences, *valid.sequences]) == sorted(data.sequences)
    assert split(data, 0.2, seed=1)[1].sequences == valid.sequences
    assert split(data, 0.2, seed=2)[1].sequences != valid.sequences
    assert data.sequences.index(valid.sequences[3]) >= 0
    assert valid.place(0) == f"opinion {data.sequences.index(valid.sequences[0])}"


def test_a_class_of_two_is_shared():
    data = texts(("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"))
    train, valid = split(data, 0.1, seed=0)
    assert train.labels == valid.labels == ("x", "y")


def test_labels_that_are_numbers_stand_by_size():
    data = texts(*((str(n), label) for n, label in enumerate(["10", "9", "-1", "10", "b", "a"])))
    assert list(classes_of(data).items()) == [("-1", 1), ("9", 1), ("10", 2), ("a", 1), ("b", 1)]


def test_words_met_once_are_the_unknown_word():
    data = texts(("Good good film", "x"), ("bad film", "y"))
    read = fitted(data, ClassificationConfig())
    assert read.units is not None
    assert read.units.symbols == ("<unk>", "film", "good")
    assert [row.tolist() for row in examples(data, read).sequences] == [[2, 2, 1], [0, 1]]
    assert fitted(data, ClassificationConfig(vocabulary=9)).units.size == 4
    assert fitted(data, ClassificationConfig(units="chars", lowercase=False)).units.size > 9


def test_channels_are_scaled_each_by_its_own_and_pixels_together():
    data = series([[0, 10], [2, 30]], [[4, 20]])
    read = fitted(data, ClassificationConfig())
    np.testing.assert_allclose(read.mean, [2, 20])
    np.testing.assert_allclose(read.deviation, np.std([[0, 10], [2, 30], [4, 20]], axis=0))
    padded = read.pad(examples(data, read).sequences)  # (T, B, I)
    assert padded.shape == (2, 2, 2)
    np.testing.assert_allclose(padded[0, 1], [(4 - 2) / read.deviation[0], 0], rtol=1e-6)
    assert not padded[1, 1].any()
    images = LabelledSequences(
        "image", np.array([[[0, 9]], [[3, 0]]], np.uint8), ("1", "2"), lambda n: f"image {n}"
    )
    read = fitted(images, ClassificationConfig())
    np.testing.assert_allclose((read.mean, read.deviation), ([3], [np.std([0, 9, 3, 0])]))
    assert read.channels == 2


def test_a_channel_that_never_moves_becomes_zeros():
    data = series([[5.0]], [[5.0]])
    read = fitted(data, ClassificationConfig())
    assert not read.pad(examples(data, read).sequences).any()


def test_of_a_long_sequence_beginning_and_end_are_read():
    assert shortened(np.arange(10), 10).tolist() == list(range(10))
    assert shortened(np.arange(10), 5).tolist() == [0, 1, 7, 8, 9]


def test_what_is_read_is_kept_and_restored():
    for data in (opinions(20), series([[1.0, 2.0]], [[3.0, 4.0]])):
        read = fitted(data, ClassificationConfig())
        again = Preprocessing.from_state(read.state())
        assert again.state() == read.state()
        for one, other in zip(again.encoded(data), read.encoded(data), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(CheckpointError, match="has no 'labels'"):
        Preprocessing.from_state({"kind": "text", "units": None})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (texts(("a", "new")), "row 0: the label 'new' was not learnt; there are: neg, pos"),
        (texts((" ", "neg")), "row 0 is empty: leave it out, or fill it"),
        (series([[1.0]]), "the network reads text, and row 0 is series"),
    ],
)
def test_what_cannot_be_read_is_named(data, message):
    read = fitted(opinions(20), ClassificationConfig())
    with pytest.raises(DataError, match=message):
        examples(data, read)


def test_another_number_of_channels_is_refused():
    read = fitted(series([[1.0, 2.0]], [[3.0, 4.0]]), ClassificationConfig())
    with pytest.raises(DataError, match="row 0 has 1 channels, and the network reads 2"):
        read.encoded(series([[1.0]]))


def test_images_are_decoded_when_they_are_asked_for(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for n in range(3):
            pixels = np.full((6, 4), 40 * n, np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{n}.png")
    data = read([tmp_path], ClassificationConfig())
    steps = fitted(data, ClassificationConfig(longest=4)).encoded(data)
    assert lengths_of(steps).tolist() == [4] * 6
    assert steps[5].tolist() == [[80] * 4] * 4
    rows = data.sequences
    assert isinstance(rows, ImageRows)
    many = images_of_files(sorted(tmp_path.glob("*/*.png")), list("abcdef"), rows.images.form, 0)
    lazy = ImageSteps(ImageRows(many), 100)
    assert lazy[2].shape == (6, 4)
    (tmp_path / "a" / "2.png").unlink()
    with pytest.raises(DataError, match="no such file"):  # nothing was kept
        lazy[2]


def test_images_without_labels_say_where_these_would_be(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + bytes(8))
    data = read([path], ClassificationConfig())
    with pytest.raises(DataError, match=r"image 1 has no label: .* the file of labels behind that"):
        split(data, 0.1, 0)
