from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from suimon.data.audio import LogMel
from suimon.data.tagged import Segment, TaggedSequences
from suimon.data.tagged.segments import frame_tags
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.data import fitted
from suimon.tasks.tagging.judging import judged, probabilities, tagged
from suimon.tasks.tagging.model import TaggingNetwork
from suimon.tasks.tagging.objective import Tagging, network_for
from suimon.training.config import TrainingConfig
from tests.tasks.tagging.conftest import sentences

CONFIG = TaggingConfig(hidden=6, layers=1, embedding=4, longest=4)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_what_is_found_keeps_to_the_scheme_and_is_joined(output):
    config = CONFIG.model_copy(update={"output": output})
    data = sentences(30)
    read = fitted(data, config)
    examples = read.examples(data)
    network = network_for(config, read)
    torch.nn.init.normal_(network.head.weight, std=3.0)
    found, nats = tagged(network, examples, read)
    assert [len(tags) for tags in found] == [len(words) for words in data.sequences]
    assert nats > 0
    for tags in found:
        # Parts of 4 steps at most, cut evenly, each keep to the scheme.
        for part in np.array_split(tags, -(-len(tags) // 4)):
            for before, after in zip(["", *part], part, strict=False):
                assert after[:2] != "I-" or before[1:] == after[1:]
    assert network.training


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_shares_of_each_step_add_up_to_one(output):
    config = CONFIG.model_copy(update={"output": output})
    data = sentences(5)
    read = fitted(data, config)
    shares = probabilities(network_for(config, read), read.examples(data), read)
    for row, words in zip(shares, data.sequences, strict=True):
        assert row.shape == (len(words), len(read.tags))
        np.testing.assert_allclose(row.sum(axis=1), 1, rtol=1e-5)


def test_the_loss_is_that_of_torch_and_weights_count_rare_tags_more():
    data = sentences(8)
    read = fitted(data, CONFIG)
    examples = read.examples(data)
    config = CONFIG.model_copy(update={"class_weights": "balanced"})
    task = Tagging(config, TrainingConfig(batch_size=4), read, examples, examples, data)
    plain = Tagging(CONFIG, TrainingConfig(batch_size=4), read, examples, examples, data)
    batch = task.batches(0, 1).next_batch()
    network = task.build_model().eval()
    logits = network(batch.inputs, batch.lengths)
    counts = np.bincount(np.concatenate(examples.tags))
    weights = torch.tensor(counts.sum() / (len(counts) * counts)).float()
    for its, weight in ((task, weights), (plain, None)):
        expected = F.cross_entropy(
            logits.permute(1, 2, 0), batch.targets.T, weight, reduction="none"
        ).sum()
        terms = its.loss(network, batch, None)
        torch.testing.assert_close(terms.total, expected)
        assert terms.count == int(batch.lengths.sum())


class _Says(torch.nn.Module):
    """Stands for the stack: its output is what it was given."""

    num_directions = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.output_size = channels

    def forward(self, x, lengths):
        return x, None


def test_strings_of_a_recording_by_hand():
    """A network that says what its input says is right where the input is."""
    spectrum = LogMel(8000, 200, 80, 5)
    truth = [(Segment(0.0, 0.2, "7"), Segment(0.2, 0.5, "7")), (Segment(0.1, 0.3, "1"),)]
    tags = [frame_tags(segments, 60, spectrum.seconds_a_frame, marked=True) for segments in truth]
    names = ("-", "B-1", "B-7", "I-1", "I-7")
    said = [list(row) for row in tags]
    said[1] = ["-"] * 50 + ["B-7", "I-7"] + ["-"] * 8  # too short to be kept, and the 1 is missed
    rows = [np.eye(5, dtype=np.float32)[[names.index(tag) for tag in row]] * 9 for row in said]
    data = TaggedSequences("audio", rows, tags, str, truth, spectrum)
    read = replace(fitted(data, TaggingConfig()), mean=(0.0,) * 5, deviation=(1.0,) * 5)
    assert (read.tags, read.scheme) == (names, "marked")
    network = TaggingNetwork(_Says(5), 5)
    torch.nn.init.eye_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    found = judged(network, read.examples(data), data, read, TaggingConfig())
    assert found.metrics["exact"] == 0.5
    wrong = sum(read.plain(a) != read.plain(b) for a, b in zip(said[1], tags[1], strict=True))
    assert found.metrics["accuracy"] == pytest.approx(1 - wrong / 120)
    assert found.steps == 120


def test_a_few_doubtful_frames_begin_no_segment():
    spectrum = LogMel(8000, 200, 80, 3)
    truth = [(Segment(0.1, 0.4, "7"),), (Segment(0.2, 0.5, "7"),)]
    tags = [frame_tags(segments, 60, spectrum.seconds_a_frame, marked=True) for segments in truth]
    names = ("-", "B-7", "I-7")
    rows = [np.eye(3, dtype=np.float32)[[names.index(tag) for tag in row]] * 9 for row in tags]
    # Six frames of silence in which a seven is a little likelier.
    rows[0][50:53, 1] = rows[0][53:56, 2] = 10
    data = TaggedSequences("audio", rows, tags, str, truth, spectrum)
    read = replace(fitted(data, TaggingConfig()), mean=(0.0,) * 3, deviation=(1.0,) * 3)
    network = TaggingNetwork(_Says(3), 3)
    torch.nn.init.eye_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    examples = read.examples(data)
    for follows, exact in ((read.follows, 1.0), ((), 0.5)):
        found = judged(network, examples, data, replace(read, follows=follows), TaggingConfig())
        assert found.metrics["exact"] == exact
