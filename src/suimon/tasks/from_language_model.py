"""Starting a task's network from the layers of a language model, so that unlabelled text helps.

``--from RUN`` names a run of ``suimon train text``. Its units are taken over, so that a text is cut
as the model was taught, and so are the options that decide its layers.

Source: A. Dai and Q. Le (2015), Semi-supervised Sequence Learning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from suimon.data.text.decoding import checked_encoding, decoded
from suimon.data.text.overlap import fingerprints
from suimon.data.text.sources import find_documents
from suimon.data.text.units import Units
from suimon.errors import ConfigError, DataError
from suimon.layers import Recurrent
from suimon.tasks.language_model.data import units_of
from suimon.tasks.loading import opened
from suimon.tasks.making_runs import DATA_TABLE
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.text_options import UnitName
from suimon.training.run_directory import RunDirectory

TASK = "language_model"
TAKEN = ("cell", "layers", "hidden", "embedding", "layer_norm", "norm_between", "residual", "words")
"""Options that decide the layers; a network that starts from them must have the same."""

_LONGEST_LINE = 1_000_000

Config = TypeVar("Config", bound=NetworkOptions)


@dataclass(frozen=True)
class LanguageModelStart:
    """What is taken from a language model's run.

    Attributes:
        path: the run's directory.
        units: how a text is cut.
        options: the run's options that :data:`TAKEN` and ``units`` name.
        weights: of its network, by name: ``embedding.weight``, ``recurrent.…``.
    """

    path: Path
    units: Units
    options: dict[str, Any]
    weights: dict[str, Tensor]

    @classmethod
    def read(cls, path: str | Path) -> LanguageModelStart:
        """The start that a run gives.

        Raises:
            CheckpointError: there is no such run, it is another task's, or it is damaged.
        """
        run = opened(path, TASK)
        table = run.config()[TASK]
        options = {name: table[name] for name in (*TAKEN, "units") if name in table}
        units = units_of(run.preprocess())
        return cls(run.path, units, options, dict(run.weights().tensors))

    def complete(
        self, config: Config, *, side: str = "", kinds: Sequence[str] = get_args(UnitName)
    ) -> Config:
        """A task's options with those that the layers decide.

        Texts are read with capitals where the language model knows any.

        Args:
            config: the task's options.
            side: of a task that has options of units for two sides, ``source`` or ``target``.
            kinds: the units that the task can take over.

        Raises:
            ConfigError: one was given that the layers do not have, or units are of another kind.
        """
        if self.units.kind not in kinds:
            raise ConfigError(
                f"the language model in {self.path} has units {self.units.kind}, and here they "
                f"are {' or '.join(kinds)}: start from another"
            )
        given = config.model_dump(exclude_unset=True, exclude_none=True)
        named = _names_of_units(side)
        if named["vocabulary"] in given:
            raise ConfigError(
                f"{named['vocabulary']} = {given[named['vocabulary']]}, but that of {self.path} "
                "is taken over: leave it out"
            )
        has_capitals = any(symbol != symbol.lower() for symbol in self.units.symbols[1:])
        taken = dict(self.options)
        if taken.get("units") != "words":
            taken.pop("words", None)
        taken = {named.get(name, name): value for name, value in taken.items()}
        taken[named["lowercase"]] = given.get(named["lowercase"], not has_capitals)
        for name, value in taken.items():
            if given.get(name, value) != value:
                raise ConfigError(
                    f"{name} = {given[name]}, but the language model in {self.path} has {value}: "
                    "leave it out, or start from another"
                )
        known = {n: v for n, v in taken.items() if n in type(config).model_fields}
        return config.model_copy(update=known)

    @torch.no_grad()
    def give(self, embedding: nn.Embedding, recurrent: Recurrent) -> None:
        """Let a network's first layers begin where the language model ended.

        Of two directions, each begins as the language model, which read forwards: the backward
        one then knows words and how to remember, and learns what their order reversed means. In
        the layers above the first each direction begins by reading its own direction below, and
        nothing of the other. What the first layer reads beside the embedding, and units that the
        embedding has behind the language model's, it does not know: the former counts nothing at
        first, the latter stay as they were drawn.

        Raises:
            ConfigError: the layers have a weight otherwise than the language model's.
        """
        vectors = self.weights["embedding.weight"]
        embedding.weight[: len(vectors)].copy_(vectors)
        own = {
            name.removeprefix("recurrent."): tensor
            for name, tensor in self.weights.items()
            if name.startswith("recurrent.")
        }
        for name, parameter in recurrent.named_parameters():
            source = own.get(name.removesuffix("_reverse"))
            if source is None or (parameter.shape != source.shape and parameter.dim() != 2):
                raise ConfigError(
                    f"the layers have {name} otherwise than those of {self.path}: start from "
                    "another"
                )
            if parameter.shape == source.shape:
                parameter.copy_(source)
                continue
            width = source.shape[-1]  # of one direction below
            above = not name.removesuffix("_reverse").endswith("_l0")
            first = width if above and name.endswith("_reverse") else 0
            parameter.zero_()
            parameter[:, first : first + width].copy_(source)

    def fingerprints(self, *, marks: bool = False) -> tuple[npt.NDArray[np.uint64], list[str]]:
        """Of the lines that the language model learnt from, and a notice where they are gone.

        See :mod:`suimon.data.text.overlap`. The text is read once more, a line at a time.

        Args:
            marks: whether marks count.
        """
        tables = RunDirectory.open(self.path).config()
        paths = tables.get(DATA_TABLE, {}).get("paths", [])
        try:
            lines = _lines(paths, tables[TASK]["encoding"])
            return fingerprints(lines, marks=marks), []
        except DataError as error:
            problem = f"the text that {self.path} learnt from is not counted as overlap: {error}"
            return np.empty(0, np.uint64), [problem]


def _names_of_units(side: str) -> dict[str, str]:
    """How a task calls the options of its units, by what the language model calls them."""
    if not side:
        return {name: name for name in ("units", "words", "vocabulary", "lowercase")}
    own = {name: f"{side}_{name}" for name in ("units", "words", "vocabulary")}
    return {**own, "lowercase": f"lowercase_{side}"}


def _lines(paths: Sequence[str], encoding: str) -> Iterator[str]:
    """The lines of the documents that paths stand for."""
    if not paths or "-" in paths:
        raise DataError("it came from standard input")
    for document in find_documents(paths, encoding=encoding).documents:
        rest = ""
        for piece in decoded(document, checked_encoding(encoding)):
            *lines, rest = (rest + piece).splitlines(keepends=True) or [""]
            yield from lines
            if len(rest) > _LONGEST_LINE:
                yield rest
                rest = ""
        yield rest
