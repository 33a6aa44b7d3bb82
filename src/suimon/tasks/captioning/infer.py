"""A trained network at work on pictures: describe them, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.images.captions import Captioned, Pictures, read_pictures
from suimon.errors import ConfigError
from suimon.inference.beam_search import beam_search, check_beam
from suimon.tasks.captioning.config import DESCRIPTION, CaptioningConfig
from suimon.tasks.captioning.data import Preprocessing, examples, read
from suimon.tasks.captioning.model import CaptioningNetwork
from suimon.tasks.captioning.objective import network_for, surprise
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.training.run_directory import RunDirectory

ROWS = 64  # pictures described side by side
BEAM = 5
MARGIN = 2  # times the longest caption met may be written


class Caption(NamedTuple):
    """What a network says of a picture.

    Attributes:
        text: the sentence.
        log_probability: of its units and its end, in nats.
        units: it is made of, T of them.
        attention: ``(T, S)``, how much each unit looked at each place of the picture, from the
            left of the top row on; rows sum to 1. ``None`` where there is no attention.
    """

    text: str
    log_probability: float
    units: tuple[str, ...]
    attention: npt.NDArray[np.float32] | None


class TrainedCaptioner:
    """A network, what it reads and writes, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        preprocessing: of pictures and captions.
        config: complete options.
    """

    def __init__(
        self, network: CaptioningNetwork, preprocessing: Preprocessing, config: CaptioningConfig
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.units = preprocessing.units
        self.config = config

    def preprocess(self) -> dict[str, Any]:
        """All that turns pictures into the network's input, JSON-able."""
        return self.preprocessing.state()

    def captions(self, pictures: Pictures, *, beam: int = BEAM) -> Iterator[Caption]:
        """A sentence for each picture, in their order.

        Args:
            pictures: of the form learnt from.
            beam: hypotheses held at once; 1 takes the likeliest unit each time.

        Raises:
            ConfigError: the beam is out of range.
            DataError: a picture cannot be read.
        """
        check_beam(beam, 0.0)
        read = self.preprocessing
        device = next(self.network.parameters()).device
        never = [] if read.units.unknown_id is None else [read.units.unknown_id]
        limit = MARGIN * read.longest
        for start in range(0, len(pictures), ROWS):
            numbers = range(start, min(start + ROWS, len(pictures)))
            with torch.inference_mode():
                state, memory = self.network.look(read.batch_of(pictures, numbers).to(device))
                found = beam_search(
                    partial(self.network.decoder.step, memory=memory),
                    state,
                    [limit] * len(numbers),
                    start=read.boundary,
                    end=read.boundary,
                    beam=beam,
                    never=never,
                )
            for best, *_ in found:
                yield Caption(
                    read.text(best.tokens),
                    best.log_probability,
                    tuple(read.units.symbols[token] for token in best.tokens),
                    None if best.weights is None else best.weights.numpy(),
                )

    def predictions(
        self, paths: Sequence[str | Path], *, beam: int = BEAM
    ) -> Iterator[dict[str, Any]]:
        """What the network says of the images of some files, as the command line prints it.

        Args:
            paths: images, or folders with all that is in them; ``.npy`` files of a network that
                reads features.
            beam: see :meth:`captions`.

        Returns:
            For each picture ``place``, its path, ``caption``, and ``log_probability``.

        Raises:
            DataError: a path or its content cannot be used.
            ConfigError: the beam is out of range.
        """
        pictures = read_pictures(paths, self.preprocessing.form)
        for n, found in enumerate(self.captions(pictures, beam=beam)):
            yield {
                "place": pictures.place(n),
                "caption": found.text,
                "log_probability": found.log_probability,
            }

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as a line of text."""
        return f"{found['place']}\t{found['caption']}"

    def evaluate(
        self, paths: Sequence[str | Path], *, beam: int = BEAM, encoding: str | None = None
    ) -> dict[str, Any]:
        """How well the network describes the images of a folder.

        Args:
            paths: as in training.
            beam: see :meth:`captions`.
            encoding: how the table is written; ``None``: as that of the training was.

        Returns:
            ``exact``, the share of images whose sentence is one of their captions, word by word;
            ``bleu`` (0 to 100), against all captions of an image; ``loss`` (mean nats a unit);
            ``token_accuracy``; and ``images`` and ``captions``, how many.

        Raises:
            DataError: a path or its content cannot be used.
            ConfigError: sacrebleu is missing, or the beam is out of range.
        """
        config = self.config.model_copy(update={"encoding": encoding or self.config.encoding})
        return self.judged(read(paths, config, self.preprocessing.form), beam=beam)

    def judged(self, data: Captioned, *, beam: int = BEAM) -> dict[str, Any]:
        """See :meth:`evaluate`."""
        known = data.references()
        written = [caption.text for caption in self.captions(data.pictures, beam=beam)]
        references = [
            [self.preprocessing.as_written(text) for text in known[n]] for n in range(len(written))
        ]
        right = [text in those for text, those in zip(written, references, strict=True)]
        found = surprise(self.network, examples(data, self.preprocessing, self.config.longest))
        return {
            "exact": sum(right) / len(right),
            "bleu": bleu(written, references),
            "loss": found.loss,
            "token_accuracy": found.accuracy,
            "images": len(right),
            "captions": len(data),
        }


def bleu(written: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU, 0 to 100, each sentence against all references of its own, by sacrebleu.

    Raises:
        ConfigError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError:
        raise ConfigError(
            "judging captions needs sacrebleu; install with: pip install 'suimon[text]'"
        ) from None
    most = max(map(len, references))
    # A reference that comes twice changes nothing, and all need as many.
    streams = [[own[min(n, len(own) - 1)] for own in references] for n in range(most)]
    return float(BLEU(force=True).corpus_score(list(written), streams).score)


def load(run: RunDirectory | str | Path) -> TrainedCaptioner:
    """The trained model of a run: its best weights, or the last where none are best yet.

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
    return TrainedCaptioner(network, preprocessing, config)
