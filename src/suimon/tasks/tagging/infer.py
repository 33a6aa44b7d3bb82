"""A trained tagger at work: tag, weigh, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.audio import is_recording, read_frames
from suimon.data.labelled.lines import TEXT_FILES, texts_of_lines
from suimon.data.tagged import TaggedSequences
from suimon.data.text.units.splitters import splitter_named
from suimon.tasks.learnt_texts import Fingerprints, overlap, read_learnt
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.tasks.tagging.config import DESCRIPTION, TaggingConfig
from suimon.tasks.tagging.data import Preprocessing, read, sentences
from suimon.tasks.tagging.judging import found_segments, judged, probabilities, tagged
from suimon.tasks.tagging.model import TaggingNetwork
from suimon.tasks.tagging.objective import network_for
from suimon.training.run_directory import RunDirectory


class TrainedTagger:
    """A network, what it reads and tells apart, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        preprocessing: of sequences and tags.
        config: complete options.
        learnt: fingerprints of the texts that a run has learnt from.
    """

    def __init__(
        self,
        network: TaggingNetwork,
        preprocessing: Preprocessing,
        config: TaggingConfig,
        *,
        learnt: Fingerprints | None = None,
    ) -> None:
        self.learnt = learnt
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.config = config

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, in the order of :meth:`predict_proba`'s columns."""
        return self.preprocessing.tags

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input, JSON-able."""
        return self.preprocessing.state()

    def predict(self, data: TaggedSequences) -> list[list[str]]:
        """The best tags of each sequence, one a step.

        Raises:
            DataError: the sequences are of another kind than those learnt from, or one is empty.
        """
        return tagged(self.network, self._examples(data), self.preprocessing)[0]

    def predict_proba(self, data: TaggedSequences) -> list[npt.NDArray[np.float64]]:
        """The probability of each tag at each step, ``(T, C)``. Raises as :meth:`predict`."""
        return probabilities(self.network, self._examples(data), self.preprocessing)

    def predictions(
        self, paths: Sequence[str | Path], *, encoding: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """What the network says of the sequences of some files, as the command line prints it.

        Args:
            paths: as in training, labels not needed, a table also ``-`` for standard input; of a
                network that reads words a ``.txt`` file or ``-`` holds a sentence a line; of one
                that reads recordings also those by themselves.
            encoding: how the files are written; ``None``: as those of the training were.

        Returns:
            For each sequence ``place``, where it stands, and ``tags``, with ``tokens`` before them
            where these are words; of a recording ``string``, its labels in order with blanks
            between them, and ``segments``, each with ``start``, ``end`` (seconds) and ``label``.

        Raises:
            DataError: a path or its content cannot be used.
        """
        data = self._read(paths, encoding or self.config.encoding)
        for n, tags in enumerate(self.predict(data)):
            place = data.place(n)
            if data.kind == "text":
                yield {"place": place, "tokens": list(data.sequences[n]), "tags": tags}
            elif data.kind == "series":
                yield {"place": place, "tags": tags}
            else:
                segments = found_segments(tags, self.preprocessing, self.config)
                yield {
                    "place": place,
                    "string": " ".join(each.label for each in segments),
                    "segments": [each._asdict() for each in segments],
                }

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as lines: a step a line, or a segment a line.

        Words have their tag behind them, and a blank line behind the sentence; other steps have
        their number before it; a segment has its recording, start and end before its label.
        """
        if "segments" in found:
            rows = [
                (found["place"], f"{each['start']:.2f}", f"{each['end']:.2f}", each["label"])
                for each in found["segments"]
            ] or [(found["place"], "", "", "")]
            return "\n".join("\t".join(row) for row in rows)
        before = found.get("tokens") or map(str, range(1, len(found["tags"]) + 1))
        return "".join(f"{a}\t{b}\n" for a, b in zip(before, found["tags"], strict=True))

    def evaluate(
        self, paths: Sequence[str | Path], *, encoding: str | None = None
    ) -> dict[str, Any]:
        """How well the network tags the sequences of some files.

        Args:
            paths: as in training.
            encoding: how the files are written; ``None``: as those of the training were.

        Returns:
            ``accuracy``, the share of steps; where tags are BIO or IOBES ``f1``, ``precision`` and
            ``recall`` of entities; of recordings ``exact``, the share whose segments have the right
            labels in the right order; ``loss`` (mean nats a step), ``sequences`` and ``steps``; of
            sentences ``overlap``, how many of them were learnt from.

        Raises:
            DataError: a path or its content cannot be used, or holds a label that was not learnt.
        """
        config = self.config.model_copy(update={"encoding": encoding or self.config.encoding})
        data = read(paths, config, spectrum=self.preprocessing.spectrum)
        examples = self.preprocessing.examples(data)
        found = judged(self.network, examples, data, self.preprocessing, self.config)
        amounts = {"loss": found.loss, "sequences": len(data), "steps": found.steps}
        return {**found.metrics, **amounts, **overlap(sentences(data), self.learnt)}

    def _examples(self, data: TaggedSequences) -> Any:
        unlabelled = TaggedSequences(data.kind, data.sequences, None, data.place)
        return self.preprocessing.examples(unlabelled)

    def _read(self, paths: Sequence[str | Path], encoding: str) -> TaggedSequences:
        spectrum = self.preprocessing.spectrum
        if spectrum is not None and paths and all(map(is_recording, paths)):
            frames = read_frames(paths, spectrum)
            return TaggedSequences("audio", frames, None, lambda n: str(paths[n]), None, spectrum)
        words = self.preprocessing.words is not None
        if words and len(paths) == 1 and str(paths[0]).endswith(TEXT_FILES):
            lines = texts_of_lines(paths[0], encoding)
            cut = splitter_named("marks").split
            return TaggedSequences(
                "text", [tuple(cut(str(line))) for line in lines.sequences], None, lines.place
            )
        config = self.config.model_copy(update={"encoding": encoding})
        return read(paths, config, labelled=False, spectrum=spectrum)


def load(run: RunDirectory | str | Path) -> TrainedTagger:
    """The trained tagger of a run: its best weights, or the last where none are best yet.

    Args:
        run: the directory.

    Raises:
        CheckpointError: there is no run, it is another task's, a newer suimon's, or damaged.
        ConfigError: its ``config.toml`` was given a value that cannot work.
    """
    directory = opened(run, DESCRIPTION.name)
    config = options_of(directory, DESCRIPTION)
    preprocessing = Preprocessing.from_state(directory.preprocess())
    network = network_for(config, preprocessing)
    take_weights(network, directory)
    learnt = read_learnt(directory.path)
    return TrainedTagger(network, preprocessing, config, learnt=learnt)
