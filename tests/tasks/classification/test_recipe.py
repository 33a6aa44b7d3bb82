import pytest

from suimon.data.labelled import LabelledSequences
from suimon.tasks.classification import recipe
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.recipe import choose
from suimon.tasks.classification.train import make_plan
from suimon.training.config import TrainingConfig


def chosen(kind: str = "text", sequences: int = 5000, **options):
    for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
    for_task = {n: v for n, v in options.items() if n not in for_loop}
    return choose(ClassificationConfig(**for_task), TrainingConfig(**for_loop), kind, sequences)


def test_what_is_given_is_kept_and_the_rest_is_complete():
    choice = chosen(hidden=7, learning_rate=0.5, steps=9)
    assert choice.config.hidden == 7
    assert choice.training.learning_rate == 0.5
    assert (choice.training.steps, choice.training.epochs, choice.training.minutes) == (
        9,
        None,
        None,
    )
    assert not {"hidden", "learning_rate", "epochs"} & set(choice.chosen)
    assert None not in (choice.config.layers, choice.config.embedding, choice.config.dropout)


@pytest.mark.parametrize(
    ("sequences", "rows", "epochs"),
    [(36, 8, 100), (243, 8, 99), (7000, 64, 27), (54_000, 64, 5)],
)
def test_batch_and_budget_by_how_many_there_are(sequences, rows, epochs):
    choice = chosen("series", sequences=sequences)
    assert (choice.training.batch_size, choice.training.epochs) == (rows, epochs)
    assert choice.training.minutes is None


def test_words_are_soon_learnt_by_heart():
    assert chosen("text", 7000).training.epochs == 9
    assert chosen("text", 7000, units="chars").training.epochs == 27


def test_no_word_of_a_closed_vocabulary_is_dropped():
    closed = choose(ClassificationConfig(), TrainingConfig(), "text", 5000, closed=True).config
    assert (closed.input_dropout, closed.consistency) == (0.0, 0.0)
    assert chosen().config.input_dropout == 0.5


@pytest.mark.parametrize(("rare", "closed"), [([], True), (["once"], False)])
def test_a_vocabulary_is_closed_where_no_word_is_met_once(rare, closed):
    texts = ["good film", "bad film", "good music", "bad music"] * 20
    texts[0] = " ".join([texts[0], *rare])
    labels = tuple(text.split()[0] for text in texts)
    data = LabelledSequences("text", texts, labels, str)
    plan = make_plan(data, data, ClassificationConfig(), TrainingConfig(steps=1))
    assert (plan.config.input_dropout == 0.0) is closed


def test_series_take_a_gru_without_embedding_and_forget_bias():
    choice = chosen("series")
    assert choice.config.cell == choice.chosen["cell"] == "gru"
    assert choice.config.embedding is None
    assert "forget_bias" not in choice.chosen
    assert chosen("series", cell="lstm").config.forget_bias == 1.0
    assert chosen("image").config.cell == "lstm"


def test_a_rule_applied_twice_chooses_nothing_more():
    first = chosen()
    again = choose(first.config, first.training, "text", 5000)
    assert again.chosen == {}
    assert (again.config, again.training) == (first.config, first.training)


def test_the_fastest_precision_is_chosen_but_for_series(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipe, "fastest_precision", lambda *_: "bf16")
    assert chosen("text").training.precision == "bf16"
    assert chosen("audio").training.precision == "bf16"
    assert chosen("text", precision="fp32").training.precision == "fp32"
    assert chosen("series").training.precision == "fp32"
