"""Options of using a model come from the tasks, and a model is given those of its own task."""

import pytest

from suimon.cli.using import chosen_options
from suimon.errors import ConfigError
from suimon.tasks import discover


@pytest.mark.parametrize("use", ["predicting", "evaluating"])
def test_a_name_that_several_tasks_have_means_the_same(use):
    met = {}
    for description in discover().values():
        for name, field in getattr(description, use).model_fields.items():
            first = met.setdefault(name, field)
            assert (field.annotation, field.description) == (first.annotation, first.description)


def test_an_option_of_no_task_is_refused(suimon, trained):
    assert "No such option" in suimon("evaluate", trained, "x", "--gently").refusal()


def test_an_option_of_another_task_is_refused_by_name(trained):
    told = "--probe means nothing to .*, a run of suimon train text: leave it out .*here: none"
    with pytest.raises(ConfigError, match=told):
        chosen_options(trained, "predicting", {"probe": 3, "left_out": None})


def test_options_of_the_runs_task_are_checked_and_passed_on(trained):
    given = {"encoding": "latin-1", "left_out": None}
    assert chosen_options(trained, "evaluating", given) == {"encoding": "latin-1"}
