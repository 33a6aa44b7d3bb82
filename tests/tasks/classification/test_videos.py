"""Folders of frames: what no single frame tells is learnt, and bad ones are named."""

import numpy as np
import pytest
import torch
from PIL import Image

from suimon import SequenceClassifier
from suimon.data.images import ImageForm
from suimon.data.images.video import frames_in
from suimon.data.labelled import read_labelled
from suimon.errors import ConfigError, DataError, ShapeError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.data import Preprocessing, examples, fitted
from suimon.tasks.classification.infer import load
from suimon.tasks.classification.model import build_network
from suimon.tasks.classification.recipe import FRAMES_A_BATCH, choose
from suimon.tasks.classification.squares import SIDE, WAYS, moving_square, videos
from suimon.tasks.classification.train import resume, train
from suimon.tasks.frame_encoder import FrameEncoder
from suimon.training import TrainingConfig, TrainingInterrupted
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory
from tests.tasks.classification.videos import write_classes, write_video
from tests.tasks.test_contract import InterruptAt

SMALL = {"cell": "gru", "hidden": 24, "dropout": 0.0}


def trained(folder, run, steps, config=SMALL, **keywords):
    options = {"steps": steps, "batch_size": 16, "learning_rate": 0.005, "device": "cpu"}
    config = parse_options(ClassificationConfig, config)
    return train([folder], run, config, parse_options(TrainingConfig, options), **keywords)


@pytest.mark.parametrize("way", WAYS)
def test_no_single_frame_tells_where_a_square_moves(way):
    places = [(top, left) for top in range(SIDE) for left in range(SIDE)]
    everywhere = {moving_square("right", 1, place)[0].tobytes() for place in places}
    assert len(everywhere) == SIDE**2
    moving = [moving_square(way, 4, place) for place in places]
    for step in range(4):
        assert {frames[step].tobytes() for frames in moving} == everywhere


def test_the_way_a_square_moves_is_learnt(tmp_path):
    trained(write_classes(tmp_path / "videos", 40, seed=0), tmp_path / "run", steps=70)
    model = load(tmp_path / "run")
    new = write_classes(tmp_path / "new", 25, seed=1)
    assert model.evaluate([new])["accuracy"] >= 0.95
    alone = new / "left" / "video3"
    whole = list(model.predictions([new / "left"]))
    assert [row["place"] for row in whole[:4]] == [
        str(alone.with_name(f"video{n}")) for n in range(4)
    ]
    (one,) = model.predictions([alone])
    assert (one["label"], one["place"]) == (whole[3]["label"], str(alone))
    assert one["probability"] == pytest.approx(whole[3]["probability"], abs=1e-5)
    for wrong, message in (
        (tmp_path / "none", "cannot read the folder"),
        (tmp_path, "is no frame"),
    ):
        (tmp_path / "odd.png").touch()
        with pytest.raises(DataError, match=message):
            list(model.predictions([wrong]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no frames are there; name folders"):
        list(model.predictions([tmp_path / "empty"]))


def test_a_run_stopped_and_gone_on_with_ends_in_the_very_same_weights(tmp_path):
    folder = write_classes(tmp_path / "videos", 6, seed=0)
    trained(folder, tmp_path / "whole", steps=6)
    with pytest.raises(TrainingInterrupted):
        trained(folder, tmp_path / "halves", steps=6, observers=[InterruptAt(2)])
    resume(tmp_path / "halves")
    whole, halves = (RunDirectory.open(tmp_path / n).weights() for n in ("whole", "halves"))
    assert whole.loss == halves.loss
    for name, tensor in whole.tensors.items():
        assert torch.equal(halves.tensors[name], tensor), name


def test_padded_as_unpadded():
    config = parse_options(ClassificationConfig, SMALL | {"layers": 1})
    torch.manual_seed(0)
    form = ImageForm(SIDE, SIDE, 1)
    network = build_network(config, classes=3, vocabulary=None, channels=0, form=form).eval()
    frames = torch.randint(0, 256, (9, 3, SIDE, SIDE, 1), dtype=torch.uint8)
    lengths = torch.tensor([9, 4, 1])
    together = network(frames, lengths)
    for n, length in enumerate(lengths.tolist()):
        alone = network(frames[:length, n : n + 1], lengths[n : n + 1])
        torch.testing.assert_close(together[n : n + 1], alone, atol=1e-5, rtol=1e-5)


def test_only_frames_of_videos_go_through_the_cnn_and_parts_make_no_difference():
    torch.manual_seed(0)
    encoder = FrameEncoder(SIDE, SIDE, 1, 5).double()
    frames = torch.randint(0, 256, (6, 2, SIDE, SIDE, 1), dtype=torch.uint8)
    lengths = torch.tensor([6, 3])
    seen: list[int] = []
    encoder.encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))

    def gradients():
        encoder.zero_grad()
        vectors = encoder(frames, lengths)
        (vectors * torch.arange(120).reshape(6, 2, 10)).sum().backward()
        return vectors.detach(), [
            p.grad.clone() for p in encoder.parameters() if p.grad is not None
        ]

    whole, wanted = gradients()
    assert seen == [9]
    assert not whole[3:, 1].any()
    encoder.at_once = 4
    parts, found = gradients()
    assert seen[1:4] == [4, 4, 1]
    assert sorted(seen[4:]) == [1, 4, 4]  # once more on the way back
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(found, wanted)


def test_frames_in_natural_order_decoded_when_asked_for(tmp_path):
    ramp = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 3, 4), np.uint8)
    for label in ("a", "b"):
        write_video(tmp_path / label / "one", ramp)
        broken = tmp_path / label / "one" / "12.png"
        broken.write_bytes(broken.read_bytes()[:45])  # its header is whole
    assert frames_in(tmp_path / "a" / "one")[:3] == ["1.png", "2.png", "3.png"]
    data = read_labelled([tmp_path])
    assert (data.kind, data.labels, data.place(1)) == ("video", ("a", "b"), "b/one")
    read = fitted(data, ClassificationConfig(longest=5))
    assert Preprocessing.from_state(read.state()).state() == read.state()
    given = examples(data, read)
    assert len(given.sequences[0]) == 5
    with pytest.raises(DataError, match=r"12\.png is broken"):
        read.pad(given.sequences)  # only now
    read = fitted(data.take([0, 1]), ClassificationConfig(longest=5))
    Image.fromarray(ramp[11]).save(tmp_path / "a" / "one" / "12.png")
    frames = read.pad(read.encoded(data)[:1])
    assert frames.shape == (5, 1, 3, 4, 1)
    assert frames[:, 0, 0, 0, 0].tolist() == [0, 1, 9, 10, 11]


def test_bad_folders_are_refused(tmp_path):
    folder = write_classes(tmp_path / "videos", 3, seed=0, ways=("left", "up"))
    broken = folder / "up" / "video1" / "3.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    with pytest.raises(DataError, match=r"up/video1/3\.png is broken"):
        trained(folder, tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()
    Image.new("L", (SIDE, SIDE + 1)).save(broken)
    uneven = r"up/video1/3\.png has 17 x 16 pixels, and the first frame of its video 16 x 16: bring"
    with pytest.raises(DataError, match=uneven):
        trained(folder, tmp_path / "run", steps=1)
    broken.write_bytes(whole)
    with pytest.raises(ConfigError, match="is a video, read frame by frame: leave out pixels"):
        trained(folder, tmp_path / "run", steps=1, config={"pixels": True})

    def refusal() -> str:
        with pytest.raises(DataError) as caught:
            read_labelled([folder])
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (folder / "up" / "video3").mkdir()
    assert "up/video3 holds no frame; put the video's images into it" in refusal()
    (folder / "up" / "video3" / "notes.txt").touch()
    assert "up/video3/notes.txt is no frame; the folder of a video holds" in refusal()
    (folder / "up" / "3.png").touch()
    assert "up/3.png is no folder, and other videos are folders of frames" in refusal()
    (folder / "left" / "3.png").touch()
    assert "left/video0 is no image file; a class holds files" in refusal()


def test_the_estimator_takes_arrays_of_frames(tmp_path):
    y, X = zip(*videos(6, seed=0), strict=True)
    names = sorted(WAYS)
    model = SequenceClassifier("gru", 4, epochs=1).fit(X, y)
    shares = model.predict_proba(X)
    assert (shares.shape, model.classes_.tolist()) == ((24, 4), names)
    fractions = [video[..., None].repeat(3, axis=-1) / 255 for video in X]
    with pytest.raises(ShapeError, match=r"X\[1\] has shape \(5, 16\); give \(T, height, width\)"):
        model.predict([X[0], X[1][0][:5]])
    again = SequenceClassifier.load(model.save(tmp_path / "run") and tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(X), shares)
    colored = SequenceClassifier("gru", 4, epochs=1).fit(fractions, y)
    assert colored.model_.preprocessing.form == ImageForm(SIDE, SIDE, 3)
    larger = [video.repeat(2, axis=1).repeat(2, axis=2) for video in X]
    assert model.predict(larger).shape == (24,)


def test_of_long_videos_fewer_are_read_at_once():
    config, training = ClassificationConfig(), parse_options(TrainingConfig, {})
    for frames, batch in ((10, 32), (32, 16), (1000, 4)):
        found = choose(config, training, "video", 960, 960 * frames)
        assert found.training.batch_size == batch, (frames, FRAMES_A_BATCH)
