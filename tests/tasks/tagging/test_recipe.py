import pytest

from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.example_data import files
from suimon.tasks.tagging.recipe import choose
from suimon.training.config import TrainingConfig


def chosen(kind: str = "text", sequences: int = 5000, **options):
    for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
    for_task = {n: v for n, v in options.items() if n not in for_loop}
    return choose(TaggingConfig(**for_task), TrainingConfig(**for_loop), kind, sequences)


def test_what_is_given_is_kept_and_the_rest_is_complete():
    choice = chosen(hidden=7, learning_rate=0.5, steps=9)
    assert (choice.config.hidden, choice.training.learning_rate) == (7, 0.5)
    assert (choice.training.steps, choice.training.epochs) == (9, None)
    assert not {"hidden", "learning_rate", "epochs"} & set(choice.chosen)
    assert None not in (choice.config.layers, choice.config.embedding, choice.config.dropout)


@pytest.mark.parametrize("kind", ["text", "series", "audio"])
def test_a_rule_applied_twice_chooses_nothing_more(kind):
    first = chosen(kind)
    again = choose(first.config, first.training, kind, 5000)
    assert again.chosen == {}
    assert (again.config, again.training) == (first.config, first.training)
    assert ("embedding" in first.chosen) == (kind == "text")


def test_other_cells_have_no_forget_bias():
    assert chosen(cell="gru").config.forget_bias is None
    assert chosen().config.forget_bias == 1.0


def test_example_data_is_made_by_rule_and_its_test_is_new():
    made = files(0)
    assert made == files(0) != files(1)
    train, test = (
        {line.split()[0] for line in made[name].decode().splitlines() if line.endswith("-LOC")}
        for name in ("people.conll", "people-test.conll")
    )
    assert len(test - train) > len(test) / 3
