"""What a task says of itself before any of its code is imported."""

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class TaskDescription:
    """A task's card: its names, its options, and how a first command looks.

    Attributes:
        name: what ``manifest.json`` of a run records, e.g. ``"language_model"``.
        command: the word after ``suimon train``, e.g. ``"text"``.
        summary: one line for help pages.
        example: a command line that works.
        config: the class of its options; flags, forms and documentation tables come from it.
        chosen: the options, of its own and of the loop's, that are chosen from the data and the
            budget where they are left out, so that no default of theirs is shown.
        unused: options of the loop that mean nothing to it, and are not offered.
        data: what the paths may be, for help pages.
    """

    name: str
    command: str
    summary: str
    example: str
    config: type[BaseModel]
    chosen: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    data: str = "Files, folders, patterns, or - for standard input."
