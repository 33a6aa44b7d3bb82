import numpy as np
import pytest
import torch
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET
from suimon.data.images import ImageForm
from suimon.data.images.captions import Form
from suimon.errors import CheckpointError, ConfigError, DataError
from suimon.layers.attention import MultiplicativeAttention
from suimon.tasks.captioning.config import CaptioningConfig
from suimon.tasks.captioning.data import (
    CaptionBatches,
    Preprocessing,
    examples,
    fitted,
    read,
    split,
)
from suimon.tasks.captioning.infer import bleu
from suimon.tasks.captioning.model import build_network
from suimon.tasks.captioning.objective import surprise
from suimon.tasks.captioning.recipe import choose
from suimon.tasks.image_encoder import FeatureEncoder, ImageEncoder
from suimon.training.config import TrainingConfig
from tests.tasks.captioning.conftest import CAPTIONS, write_folder

ATTENTIONS = ("none", "additive", "multiplicative", "scaled")


def network(attention: str, form: Form, **options):
    config = CaptioningConfig(hidden=7, layers=2, embedding=5, attention=attention, **options)
    return build_network(config, form=form, units=6).eval()


def test_captions_are_cut_kept_and_restored(folder):
    data = read([folder], CaptioningConfig())
    made = fitted(data, CaptioningConfig())
    assert made.form == ImageForm(8, 8, 1)
    assert made.longest == 4  # three words and the end
    tokens = made.tokens("A  black SQUARE")
    assert tokens[-1] == made.boundary == made.units.size
    assert made.text(tokens[:-1].tolist()) == "a black square"
    assert made.as_written("A black dog") == "a black <unk>"
    assert Preprocessing.from_state(made.state()).state() == made.state()
    with pytest.raises(CheckpointError, match="has no 'images'"):
        Preprocessing.from_state({})


def test_batches_hold_pictures_beside_their_own_captions(tmp_path):
    data = read([write_folder(tmp_path / "a", several=True)], CaptioningConfig())
    assert (len(data), len(data.pictures)) == (36, 24)
    made = fitted(data, CaptioningConfig())
    batches = CaptionBatches(examples(data, made, 200), 5, seed=1, rank=0, world_size=1)
    seen = []
    for _ in range(batches.batches_per_epoch):
        batch = batches.next_batch()
        assert batch.targets is not None
        assert batch.lengths is not None
        for row in range(batch.inputs.shape[0]):
            tokens = batch.targets[: batch.lengths[row], row].tolist()
            assert (batch.targets[batch.lengths[row] :, row] == IGNORED_TARGET).all()
            assert tokens[-1] == made.boundary
            upper, lower = batch.inputs[row, 0, 0, 0].item(), batch.inputs[row, 7, 0, 0].item()
            kind = {(0, 0): 0, (1, 1): 1, (1, 0): 2, (0, 1): 3}[upper, lower]
            assert made.text(tokens[:-1]) in (CAPTIONS[kind], "a picture")
            seen.append(tokens)
    assert len(seen) == 36
    place = batches.state_dict()
    expected = batches.next_batch().inputs
    batches.load_state_dict(place)
    torch.testing.assert_close(batches.next_batch().inputs, expected)


def test_captions_of_one_picture_are_not_parted(tmp_path):
    data = read([write_folder(tmp_path / "a", several=True)], CaptioningConfig())
    train, valid = split(data, 0.25, seed=2)
    assert not set(train.picture_of.tolist()) & set(valid.picture_of.tolist())
    assert len(train) + len(valid) == 36
    assert len(valid.references()) == 6
    with pytest.raises(DataError, match="is the only image"):
        split(read([write_folder(tmp_path / "b", 1)], CaptioningConfig()), 0.1, 0)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_what_is_said_hangs_on_the_picture_and_the_units_before(attention):
    torch.manual_seed(3)
    model = network(attention, ImageForm(8, 8, 1))
    pictures, targets = torch.rand(2, 8, 8, 1), torch.randint(6, (4, 2))
    targets[3, 0] = IGNORED_TARGET
    logits = model(pictures, targets)
    assert logits.shape == (7, 7)
    changed = targets.clone()
    changed[2] = (targets[2] + 1) % 6
    other = model(pictures, changed)
    torch.testing.assert_close(other[:6], logits[:6])
    assert (other[6] != logits[6]).any()
    assert (model(pictures.flip(1), targets) != logits).all(dim=-1).any()
    # one unit at a time, as beam search asks, comes to the same
    state, memory = model.look(pictures)
    token = torch.full((2,), model.boundary)
    for t in range(3):
        step, state, weights = model.decoder.step(token, state, memory)
        torch.testing.assert_close(step, logits[2 * t : 2 * t + 2])
        assert (weights is None) == (attention == "none")
        token = targets[t]


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_first_state_knows_where_things_are_only_without_attention(attention):
    torch.manual_seed(4)
    model = network(attention, (4, 10))
    features = torch.rand(3, 4, 10)
    state, memory = model.look(features)
    moved, moved_memory = model.look(features.flip(1))
    same = all(torch.allclose(one, other) for one, other in zip(state[0], moved[0], strict=True))
    assert same == (attention != "none")
    if memory is not None and moved_memory is not None:
        torch.testing.assert_close(moved_memory.values, memory.values.flip(0))


def test_products_are_scaled_where_that_is_asked_for():
    for name in ("multiplicative", "scaled"):
        attention = network(name, (4, 10)).decoder.attention
        assert isinstance(attention, MultiplicativeAttention)
        assert attention.scaled == (name == "scaled")
    assert CaptioningConfig().attention == "scaled"


def test_surprise_is_the_cross_entropy_of_each_caption_alone(folder):
    data = read([folder], CaptioningConfig())
    made = fitted(data, CaptioningConfig())
    config = CaptioningConfig(hidden=7, layers=1, embedding=5)
    model = build_network(config, form=made.form, units=made.units.size).eval()
    ready = examples(data, made, 200)
    total, count = 0.0, 0
    for n, tokens in enumerate(ready.tokens):
        picture = made.batch_of(data.pictures, [n])
        targets = torch.from_numpy(tokens)
        logits = model(picture, targets[:, None])
        total += F.cross_entropy(logits, targets, reduction="sum").item()
        count += len(tokens)
    assert surprise(model, ready).loss == pytest.approx(total / count, rel=1e-5)


def test_encoders():
    assert ImageEncoder(28, 28, 1)(torch.rand(2, 28, 28, 1)).shape == (49, 2, 68)
    tall = ImageEncoder(100, 5, 3)
    assert tall.positions == 7 * 1
    assert tall(torch.rand(1, 100, 5, 3)).shape == (7, 1, 68)
    encoder, images = ImageEncoder(8, 8, 1).eval(), torch.rand(2, 8, 8, 1)
    before = encoder.blocks(images.permute(0, 3, 1, 2) - 0.5)  # (2, 64, 2, 2)
    conv, norm, _ = encoder.wider
    around = F.conv2d(before, conv.weight, conv.bias, padding=1)
    around = F.group_norm(around, 8, norm.weight, norm.bias).relu()
    places = encoder(images).reshape(2, 2, 2, 68).permute(2, 3, 0, 1)
    torch.testing.assert_close(places[:, :64], before + around)
    torch.testing.assert_close(
        places[0, 64:66], torch.tensor([[[-1.0, -1], [1, 1]], [[-1, 1]] * 2])
    )
    torch.testing.assert_close(places[:, 66:], places[:, 64:66].square())
    features = torch.rand(3, 4, 10)
    encoder = FeatureEncoder(4, 10)
    expected = F.linear(features[1, 2], encoder.layers[0].weight, encoder.layers[0].bias).relu()
    torch.testing.assert_close(encoder(features)[2, 1], expected)
    model = network("additive", (4, 10))
    assert model(features, torch.randint(6, (5, 3))).shape == (15, 7)


def test_bleu_takes_the_best_of_several_references():
    from sacrebleu.metrics.bleu import BLEU

    written = ["the cat sat on the mat", "a dog ran over the road"]
    references = [["the cat sat on a mat", "the cat sat on the mat"], ["a dog ran over a road"]]
    streams = [["the cat sat on a mat", "a dog ran over a road"], ["the cat sat on the mat", None]]
    expected = BLEU().corpus_score(written, streams).score  # pyright: ignore[reportArgumentType]
    assert bleu(written, references) == pytest.approx(expected)


def test_the_rule():
    def chosen(captions=1800, **options):
        for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
        for_task = {n: v for n, v in options.items() if n not in for_loop}
        return choose(CaptioningConfig(**for_task), TrainingConfig(**for_loop), captions)

    choice = chosen()
    assert (choice.training.batch_size, choice.training.epochs) == (32, 36)
    assert choice.training.warmup_fraction == 0.1
    assert choice.training.epochs is not None
    assert chosen(cell="gru").config.forget_bias is None
    kept = chosen(hidden=9, steps=5)
    assert not {"hidden", "epochs"} & set(kept.chosen)
    again = choose(choice.config, choice.training, 1800)
    assert (again.chosen, again.config, again.training) == ({}, choice.config, choice.training)
    with pytest.raises(ConfigError, match="embedding, hidden or layers is not set"):
        build_network(CaptioningConfig(), form=ImageForm(4, 4, 1), units=3)


def test_a_caption_too_long_is_refused(folder):
    data = read([folder], CaptioningConfig())
    with pytest.raises(DataError, match=r"00\.png has 3 units, and 2 are allowed: shorten it"):
        examples(data, fitted(data, CaptioningConfig()), longest=2)
    (folder / "05.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"05\.png"):
        examples(read([folder], CaptioningConfig()), fitted(data, CaptioningConfig()), 200)
    with pytest.raises(DataError, match="2 paths are given: name one folder"):
        read([folder, folder], CaptioningConfig())
    assert np.isin(data.picture_of, range(24)).all()
