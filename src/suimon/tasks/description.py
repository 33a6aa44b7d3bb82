"""What a task says of itself before any of its code is imported."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

FILES: Final[dict[str, Any]] = {"files": True}
"""The ``json_schema_extra`` of an option whose value is a file or several: its place may change."""


class NoOptions(BaseModel):
    """What a command takes of a task that has no options for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class TaskDescription:
    """A task's card: its names, its options, and how a first command looks.

    Attributes:
        name: what ``manifest.json`` of a run records, e.g. ``"language_model"``.
        command: the word after ``suimon train``, e.g. ``"text"``.
        summary: one line for help pages.
        example: a command line that works once ``suimon example-data COMMAND --out example`` has
            written its data.
        config: the class of its options; flags, forms and documentation tables come from it.
        chosen: the options, of its own and of the loop's, that are chosen from the data and the
            budget where they are left out, so that no default of theirs is shown.
        unused: options of the loop that mean nothing to it, and are not offered.
        data: what the paths may be, for help pages.
        learnt: what of the data is kept in ``preprocess.json``, for messages.
        predicts: what ``suimon predict`` prints for a run of it, for help pages.
        measures: what ``suimon evaluate`` prints for a run of it, for help pages.
        predicting: options of ``suimon predict``: keywords of the trained model's ``predictions``.
        evaluating: options of ``suimon evaluate``: keywords of the trained model's ``evaluate``.
    """

    name: str
    command: str
    summary: str
    example: str
    config: type[BaseModel]
    chosen: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    data: str = "Files, folders, patterns, or - for standard input."
    learnt: str = "units"
    predicts: str = ""
    measures: str = ""
    predicting: type[BaseModel] = NoOptions
    evaluating: type[BaseModel] = NoOptions
