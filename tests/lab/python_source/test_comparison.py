import pytest
import torch

from suimon import LanguageModel
from suimon.lab.python_source.acceptance import ParsedShare
from suimon.lab.python_source.comparison import (
    BLANK_LINE,
    CONTEXT,
    Comparison,
    compare,
    places,
    untrained_twin,
)

PROGRAM = "".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n\n" for n in range(60))


UNSEEN = PROGRAM.replace("y", "z").replace("f", "g").replace("deg", "def")


@pytest.fixture(scope="module")
def model():
    options = {"batch_size": 4, "tbptt_steps": 16, "threads": 1}
    fitted = LanguageModel(hidden_size=12, num_layers=1, options=options).fit(PROGRAM, steps=3)
    return fitted.model_


def share(accepted: int) -> ParsedShare:
    return ParsedShare(100, tuple(map(str, range(accepted))))


@pytest.mark.parametrize(
    ("trained", "ngram", "ratio"), [(30, 2, 15.0), (30, 0, 30.0), (30, 1, 30.0), (0, 0, 0.0)]
)
def test_the_ratio_floors_the_n_gram_at_one_percent(trained, ngram, ratio):
    assert Comparison(share(trained), share(0), share(ngram)).ratio == pytest.approx(ratio)


def test_three_writers_are_counted_alike(model):
    found = compare(model, PROGRAM, UNSEEN, count=4, seed=5)
    assert found == compare(model, PROGRAM, UNSEEN, count=4, seed=5)
    for share in (found.trained, found.untrained, found.ngram):
        assert share.count == sum(share.outcomes.values()) == len(share.samples) == 4
        assert all(sample.startswith("def ") for sample in share.samples)
    assert found.trained.samples != found.untrained.samples


def test_an_untrained_twin_has_the_shape_and_no_more(model):
    state = torch.random.get_rng_state()
    twin, other = untrained_twin(model, 1), untrained_twin(model, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, weight in model.network.state_dict().items():
        assert twin.state_dict()[name].shape == weight.shape
    again = untrained_twin(model, 1)
    name = "recurrent.weight_hh_l0"
    assert torch.equal(twin.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(twin.state_dict()[name], other.state_dict()[name])
    assert not torch.equal(twin.state_dict()[name], model.network.state_dict()[name])


def test_places_are_before_functions_in_column_0_and_do_not_repeat():
    found = places(UNSEEN + "class C:\n    def method(self): pass\n", 1000, seed=3)
    assert all(len(place) == CONTEXT and place.endswith("\n\n") for place in found)
    assert len(set(found)) == len(found)
    assert all(UNSEEN[UNSEEN.index(place) + CONTEXT :].startswith("def g") for place in found)
    early = [n for n in range(60) if UNSEEN.index(f"def g{n}(") < CONTEXT]
    assert len(found) == 60 - len(early)


def test_without_a_place_a_blank_line_is_read():
    assert places("x = 1\ndef f(): pass\n", 5, seed=0) == [BLANK_LINE]
