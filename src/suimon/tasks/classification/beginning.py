"""What a network is given before it is trained: layers, vectors, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.text.units import Units
from suimon.data.text.vectors import WordVectors, read_vectors
from suimon.errors import ConfigError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.data import Preprocessing
from suimon.tasks.classification.model import ClassificationNetwork
from suimon.tasks.classification.weighting import WeightedEmbedding
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.training.run_directory import RunDirectory


@dataclass(frozen=True)
class Beginning:
    """Where a network begins that does not begin at random alone.

    Attributes:
        start: a language model's layers.
        vectors: of words.
    """

    start: LanguageModelStart | None = None
    vectors: WordVectors | None = None

    @torch.no_grad()
    def give(
        self,
        network: ClassificationNetwork,
        sequences: Sequence[npt.NDArray],
        labels: npt.NDArray[np.int64],
    ) -> None:
        """Let a fresh network begin here, and count what its parts count in the training data."""
        if next(network.parameters()).is_meta:  # only its shape is wanted
            return
        if network.branch is not None:
            network.branch.learn(sequences, labels)
        if isinstance(network.embedding, WeightedEmbedding):
            network.embedding.learn(sequences)
        if network.embedding is None:
            return
        if self.start is not None:
            self.start.give(network.embedding, network.recurrent)
        if self.vectors is not None and len(self.vectors.rows):
            rows = torch.from_numpy(self.vectors.rows)
            network.embedding.weight[rows] = torch.from_numpy(self.vectors.vectors)


@dataclass(frozen=True)
class Begun:
    """A beginning, the options that it decides, and what a user should know of it.

    Attributes:
        beginning: what the network is given.
        config: the task's options with those decided.
        units: of texts, where they are known already.
        notices: a line each.
    """

    beginning: Beginning
    config: ClassificationConfig
    units: Units | None = None
    notices: tuple[str, ...] = ()


def from_run(config: ClassificationConfig, kind: str, run: RunDirectory | None = None) -> Begun:
    """The beginning that ``--from`` names, or none.

    Args:
        config: the task's options.
        kind: what the data is.
        run: one that is gone on with, which has the units, and needs no beginning.

    Raises:
        CheckpointError: there is no such run of a language model.
        ConfigError: the data is no text, or an option contradicts the run's layers.
    """
    _check(config, kind)
    if config.from_ is None:
        return Begun(Beginning(), config)
    if run is not None:
        return Begun(Beginning(), config, Preprocessing.from_state(run.preprocess()).units)
    start = LanguageModelStart.read(config.from_)
    return Begun(Beginning(start), start.complete(config), start.units)


def with_vectors(begun: Begun, units: Units | None) -> Begun:
    """The same with the vectors that ``--vectors`` names, for the words that are known.

    Raises:
        DataError: the file cannot be read, or has a line that is no vector.
        ConfigError: an embedding of another width was asked for.
    """
    config = begun.config
    if config.vectors is None or units is None:
        return begun
    known = {word: n for n, word in enumerate(units.symbols) if n != units.unknown_id}
    vectors = read_vectors(config.vectors, known)
    if config.embedding not in (None, vectors.width):
        raise ConfigError(
            f"embedding = {config.embedding}, but {config.vectors} has vectors of "
            f"{vectors.width} numbers: leave it out"
        )
    covered = len(vectors.rows) / max(len(known), 1)
    notice = (
        f"{config.vectors} has vectors of {vectors.width} numbers for {len(vectors.rows):,} of "
        f"{len(known):,} words ({covered:.1%}); the others begin at random"
    )
    changed = config.model_copy(update={"embedding": vectors.width})
    return replace(begun, beginning=Beginning(vectors=vectors), config=changed, notices=(notice,))


def _check(config: ClassificationConfig, kind: str) -> None:
    for name, value in (("from", config.from_), ("vectors", config.vectors)):
        if value is not None and kind != "text":
            raise ConfigError(f"{name} {value} is for texts, and the data is {kind}: leave it out")
    if config.vectors is None:
        return
    if config.from_ is not None:
        raise ConfigError("from and vectors are both given: a network begins in one way only")
    if config.units != "words":
        raise ConfigError(
            f"vectors {config.vectors} are of words, and units are {config.units}: leave one out"
        )
