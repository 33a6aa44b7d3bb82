"""A trained translator at work: translate, align, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.labelled.batches import padded_tokens
from suimon.data.pairs import SentencePairs, read_sources
from suimon.data.text.units.joining import joined
from suimon.data.text.units.splitters import splitter_named
from suimon.errors import DataError
from suimon.inference.beam_search import Hypothesis, beam_search, check_beam
from suimon.tasks.learnt_texts import LEARNT_TARGETS, Fingerprints, overlap, read_learnt
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.tasks.translation.config import DESCRIPTION, SearchOptions, TranslationConfig
from suimon.tasks.translation.data import Preprocessing, examples, read
from suimon.tasks.translation.model import TranslationNetwork
from suimon.tasks.translation.objective import network_for, surprise
from suimon.tasks.translation.scores import scored
from suimon.training.run_directory import RunDirectory

ROWS = 64  # sentences searched side by side
AT_ONCE = 4096  # sentences sorted by length together
DIGITS = 4  # of an alignment's weights as they are shown

BEAM = int(SearchOptions.model_fields["beam"].default)
LENGTH_PENALTY = float(SearchOptions.model_fields["length_penalty"].default)


class Translation(NamedTuple):
    """What a network makes of one source.

    Attributes:
        text: the target.
        log_probability: of its units and its end, in nats.
        source_units: what was read, S units as they are shown to people.
        target_units: what was written, T units.
        alignment: ``(T, S)``, how much attention looked at each unit of the source for each of the
            target; rows sum to 1. ``None`` where there is no attention.
    """

    text: str
    log_probability: float
    source_units: tuple[str, ...]
    target_units: tuple[str, ...]
    alignment: npt.NDArray[np.float32] | None


class TrainedTranslator:
    """A network, what it reads and writes, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        preprocessing: of sources and targets.
        config: complete options.
        learnt: fingerprints of the sources that a run has learnt from.
        learnt_targets: of the lines that the language model did which its decoder began with.
    """

    def __init__(
        self,
        network: TranslationNetwork,
        preprocessing: Preprocessing,
        config: TranslationConfig,
        *,
        learnt: Fingerprints | None = None,
        learnt_targets: Fingerprints | None = None,
    ) -> None:
        self.learnt = learnt
        self.learnt_targets = learnt_targets
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.config = config

    def preprocess(self) -> dict[str, Any]:
        """All that turns texts into the network's input and its output into texts, JSON-able."""
        return self.preprocessing.state()

    def translate(
        self,
        sources: SentencePairs,
        *,
        beam: int = BEAM,
        length_penalty: float = LENGTH_PENALTY,
        replace_unknown: bool = True,
    ) -> Iterator[Translation]:
        """The best target that is found for each source, in their order.

        Args:
            sources: what to translate; an empty one becomes an empty target.
            beam: hypotheses held at once.
            length_penalty: see :func:`~suimon.inference.beam_search.beam_search`.
            replace_unknown: write for an unknown word the source's word that attention looked at
                most, where units are words and there is attention; else none is written.

        Raises:
            ConfigError: an option is out of range.
            DataError: a source has too many units.
        """
        check_beam(beam, length_penalty)
        for start in range(0, len(sources), AT_ONCE):
            part = sources.take(range(start, min(start + AT_ONCE, len(sources))))
            filled = [n for n in range(len(part)) if part.sources[n].strip()]
            rows = self.preprocessing.sources(part.take(filled))
            found: dict[int, Translation] = {}
            order = np.argsort(rows.lengths, kind="stable")
            for start_of_batch in range(0, len(order), ROWS):
                chosen: list[int] = order[start_of_batch : start_of_batch + ROWS].tolist()
                units = [rows[n] for n in chosen]
                hypotheses = self._searched(units, beam, length_penalty, replace_unknown)
                for n, own, hypothesis in zip(chosen, units, hypotheses, strict=True):
                    text = part.sources[filled[n]]
                    found[filled[n]] = self._translation(text, own, hypothesis)
            nothing = Translation("", 0.0, (), (), None)
            yield from (found.get(n, nothing) for n in range(len(part)))

    def predictions(
        self,
        paths: Sequence[str | Path],
        *,
        alignment: bool = False,
        encoding: str | None = None,
        **search: Any,
    ) -> Iterator[dict[str, Any]]:
        """What the network makes of the lines of a file, as the command line prints it.

        Args:
            paths: one file with a source a line, a table, or ``-`` for standard input.
            alignment: add ``links``, the source unit that each target unit looks at most, as pairs
                of numbers from 0.
            encoding: how the files are written; ``None``: as those of the training were.
            search: see :meth:`translate`.

        Returns:
            For each source ``translation``, ``log_probability`` (nats), ``source_units``,
            ``target_units``, ``alignment`` (a row for each of the target's) and ``place``.

        Raises:
            DataError: the path or its content cannot be used.
        """
        if len(paths) != 1:
            raise DataError(f"{len(paths)} paths are given: name one file of sources, or -")
        written = encoding or self.config.encoding
        sources = read_sources(paths[0], source=self.config.source, encoding=written)
        for n, found in enumerate(self.translate(sources, **search)):
            matrix = None if found.alignment is None else found.alignment
            said = {
                "translation": found.text,
                "log_probability": found.log_probability,
                "source_units": list(found.source_units),
                "target_units": list(found.target_units),
                "alignment": None if matrix is None else matrix.round(DIGITS).tolist(),
                "place": sources.place(n),
            }
            if alignment:
                said["links"] = [] if matrix is None else _links(matrix)
            yield said

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as a line of text: the translation, and its links if asked."""
        if "links" not in found:
            return found["translation"]
        links = " ".join(f"{source}-{target}" for source, target in found["links"])
        return f"{found['translation']}\t{links}"

    def answer(self, text: str) -> str:
        """What is made of one line, as ``suimon chat`` says it."""
        (found,) = self.translate(SentencePairs([text], None, lambda n: "the line"))
        return found.text

    def evaluate(
        self, paths: Sequence[str | Path], *, encoding: str | None = None, **search: Any
    ) -> dict[str, Any]:
        """How well the network translates the pairs of some files.

        Args:
            paths: as in training.
            encoding: how the files are written; ``None``: as those of the training were.
            search: see :meth:`translate`.

        Returns:
            ``bleu``, ``bleu_lowercase`` and ``chrf``, with signatures, see
            :func:`~suimon.tasks.translation.scores.scored`; ``exact`` (the share of targets found
            word for word), ``loss`` (mean nats a unit, each given the true ones before it),
            ``perplexity``, ``token_accuracy``, ``sentences``, and ``overlap``, how many of the
            sources the network learnt from; ``target_overlap``, how many of the targets the
            language model did that its decoder began with.

        Raises:
            DataError: a path or its content cannot be used.
            ConfigError: sacrebleu is not installed.
        """
        changes = {"encoding": encoding or self.config.encoding}
        pairs = read(paths, self.config.model_copy(update=changes))
        assert pairs.targets is not None
        written = [found.text for found in self.translate(pairs, **search)]
        expected = [" ".join(target.split()) for target in pairs.targets]
        target = self.preprocessing.target
        exact = sum(
            one == target.prepared(other) for one, other in zip(written, expected, strict=True)
        )
        foretold = surprise(self.network, examples(pairs, self.preprocessing))
        seen = overlap(pairs.sources, self.learnt, marks=True)
        measured = {
            **scored(written, expected),
            "exact": exact / len(pairs),
            "loss": foretold.loss,
            "perplexity": foretold.perplexity,
            "token_accuracy": foretold.accuracy,
            "sentences": len(pairs),
            **seen,
        }
        written_before = overlap(pairs.targets, self.learnt_targets, marks=True)
        if written_before:
            measured["target_overlap"] = written_before["overlap"]
        for side, found in (("sources", seen), ("targets", written_before)):
            if found and (count := found["overlap"]["count"]):
                line = f"{count:,} of {len(pairs):,} {side} were learnt from"
                measured.setdefault("notices", []).append(line)
        return measured

    def _searched(
        self, rows: list[npt.NDArray], beam: int, length_penalty: float, replace_unknown: bool
    ) -> list[Hypothesis]:
        """The best hypothesis for each source of a batch."""
        lengths = torch.tensor([len(row) for row in rows])
        device = next(self.network.parameters()).device
        unknown = self.preprocessing.target.units.unknown_id
        never = [] if unknown is None or (replace_unknown and self._can_replace) else [unknown]
        with torch.inference_mode():
            state, memory = self.network.read(padded_tokens(rows).to(device), lengths)
            found = beam_search(
                partial(self.network.decoder.step, memory=memory),
                state,
                [self.preprocessing.limit(len(row)) for row in rows],
                start=self.preprocessing.boundary,
                end=self.preprocessing.boundary,
                beam=beam,
                length_penalty=length_penalty,
                never=never,
            )
        return [hypotheses[0] for hypotheses in found]

    @property
    def _can_replace(self) -> bool:
        both_words = self.config.source_units == self.config.target_units == "words"
        return both_words and self.config.attention != "none"

    def _translation(self, text: str, read: npt.NDArray, written: Hypothesis) -> Translation:
        source, target = self.preprocessing.source.units, self.preprocessing.target.units
        matrix = None if written.weights is None else written.weights[:, : len(read)].numpy()
        units = [target.symbols[token] for token in written.tokens]
        if matrix is not None and target.unknown_id in written.tokens:
            # As it was written, not in small letters: most unknown words are names.
            words = splitter_named(self.config.source_words).split(" ".join(text.split()))
            for n, token in enumerate(written.tokens):
                looked = int(matrix[n].argmax())
                if token == target.unknown_id and looked < len(words):
                    units[n] = words[looked]
            said = joined(units, splitter_named(self.config.target_words).joiner())
        else:
            said = target.decode(written.tokens)
        return Translation(
            said.strip(),
            written.log_probability,
            tuple(source.symbols[unit] for unit in read.tolist()),
            tuple(units),
            matrix,
        )


def _links(matrix: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """For each target unit the source unit it looks at most, and its own number."""
    return [(int(row.argmax()), n) for n, row in enumerate(matrix)]


def load(run: RunDirectory | str | Path) -> TrainedTranslator:
    """The trained translator of a run: its best weights, or the last where none are best yet.

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
    return TrainedTranslator(
        network,
        preprocessing,
        config,
        learnt=read_learnt(directory.path),
        learnt_targets=read_learnt(directory.path, LEARNT_TARGETS),
    )
