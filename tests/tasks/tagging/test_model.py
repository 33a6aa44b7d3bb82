import pytest
import torch

from suimon.cells import cell_classes
from suimon.errors import ConfigError
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.model import LetterEncoder, build_network
from tests.tolerances import assert_close


@pytest.mark.parametrize("cell", cell_classes())
def test_a_row_among_longer_ones_is_tagged_as_by_itself(cell):
    config = TaggingConfig(hidden=6, layers=2, cell=cell, embedding=4)
    network = build_network(config, tags=3, vocabulary=9, letters=7, channels=0).eval()
    lengths = torch.tensor([7, 1, 4])
    words = torch.randint(9, (7, 3, 1))
    letters = torch.randint(1, 7, (7, 3, 5))
    inputs = torch.cat([words, letters], dim=-1)
    inputs = inputs * (torch.arange(7)[:, None] < lengths).unsqueeze(-1)
    together = network(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network(inputs[:length, row : row + 1], lengths[row : row + 1])
        assert_close(together[:length, row : row + 1], alone)


def test_letters_are_read_as_torch_reads_them():
    encoder = LetterEncoder(9, 4, 5)
    torch_layer = torch.nn.LSTM(4, 5, bidirectional=True)
    torch_layer.load_state_dict(encoder.recurrent.state_dict())
    words = torch.tensor([[3, 1, 0, 0], [2, 2, 2, 8], [3, 1, 0, 0]])
    found = encoder(words)
    for row, length in enumerate((2, 4, 2)):
        x = encoder.embedding(words[row, :length]).unsqueeze(1)
        _, (h_n, _) = torch_layer(x)
        assert_close(found[row], h_n[:, 0].flatten())


def test_a_word_unknown_is_told_by_its_letters():
    config = TaggingConfig(hidden=6, layers=1, embedding=4)
    network = build_network(config, tags=3, vocabulary=9, letters=7, channels=0).eval()
    inputs = torch.tensor([[[0, 1, 2]], [[0, 3, 0]]])
    scores = network(inputs, torch.tensor([2]))
    other = network(torch.tensor([[[0, 1, 3]], [[0, 3, 0]]]), torch.tensor([2]))
    assert not torch.equal(scores, other)


def test_dropout_acts_in_training_alone():
    config = TaggingConfig(hidden=6, layers=1, dropout=0.5, input_dropout=0.5, embedding=4)
    network = build_network(config, tags=2, vocabulary=9, letters=0, channels=0)
    tokens, lengths = torch.randint(9, (5, 2)), torch.tensor([5, 5])
    network.eval()
    assert torch.equal(network(tokens, lengths), network(tokens, lengths))
    network.train()
    assert not torch.equal(network(tokens, lengths), network(tokens, lengths))


def test_options_that_cannot_work_are_refused():
    sizes = {"tags": 2, "vocabulary": 5, "letters": 0, "channels": 0}
    with pytest.raises(ConfigError, match="embedding, hidden or layers is not set"):
        build_network(TaggingConfig(hidden=3, layers=1), **sizes)
    config = TaggingConfig(hidden=3, layers=1, embedding=2, output="crf", class_weights="balanced")
    with pytest.raises(ConfigError, match="class_weights = balanced does not go with output = crf"):
        build_network(config, **sizes)
