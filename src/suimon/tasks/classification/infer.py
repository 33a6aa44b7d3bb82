"""A trained classifier at work: label, weigh, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from suimon.data.audio import is_recording, read_frames
from suimon.data.images.decoding import is_image
from suimon.data.images.video import folders_of_frames
from suimon.data.labelled import LabelledSequences
from suimon.data.labelled.lines import TEXT_FILES, lines_of
from suimon.errors import DataError
from suimon.tasks.classification.beside import Beside
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.confusion_picture import check_picture, draw_confusion
from suimon.tasks.classification.data import Preprocessing, examples, read, reading_of
from suimon.tasks.classification.model import ClassificationNetwork
from suimon.tasks.classification.objective import judgement, network_for, probabilities
from suimon.tasks.classification.rejecting import REJECT_BELOW, REJECTED, kept_facts
from suimon.tasks.labels import listed
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.training.run_directory import RunDirectory


class Prediction(NamedTuple):
    """What the network says of one sequence: its label, and how probable it holds it, 0 to 1."""

    label: str
    probability: float


class TrainedClassifier:
    """A network, what it reads and tells apart, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        preprocessing: of sequences and labels.
        config: complete options.
        reject_below: the probability under which no label is given; 0: one always is.
        beside: what a run on texts holds beside its network.
    """

    def __init__(
        self,
        network: ClassificationNetwork,
        preprocessing: Preprocessing,
        config: ClassificationConfig,
        *,
        reject_below: float = 0.0,
        beside: Beside | None = None,
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.units = preprocessing.units
        self.config = config
        self.reject_below = reject_below
        self.beside = beside

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of :meth:`predict_proba`'s columns."""
        return self.preprocessing.labels

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input, JSON-able."""
        return self.preprocessing.state()

    def predict_proba(self, data: LabelledSequences) -> npt.NDArray[np.float64]:
        """The probability of each class, ``(N, C)``.

        Raises:
            DataError: the sequences are of another kind than those learnt from, or one is empty.
        """
        sequences = self.preprocessing.encoded(data)
        return probabilities(self.network, sequences, self.preprocessing)

    def predict(self, data: LabelledSequences) -> list[Prediction]:
        """The likeliest class of each sequence, or ``none of these`` where it is too improbable.

        Raises as :meth:`predict_proba`.
        """
        shares = self.predict_proba(data)
        best, highest = shares.argmax(axis=1), shares.max(axis=1)
        return [
            Prediction(self.labels[n] if p >= self.reject_below else REJECTED, float(p))
            for n, p in zip(best, highest, strict=True)
        ]

    def predictions(self, paths: Sequence[str | Path]) -> Iterator[dict[str, Any]]:
        """What the network says of the sequences of some files, as the command line prints it.

        Args:
            paths: as in training, labels not needed; of a network that reads texts also ``.txt``
                files and ``-`` for standard input, which hold a text a line; of one that reads
                recordings also those by themselves; of one that reads videos folders of
                frames, or folders with such below them.

        Returns:
            For each sequence ``label``, ``probability`` and ``place``, where it stands.

        Raises:
            DataError: a path or its content cannot be used.
        """
        if self.preprocessing.kind == "video":
            data = self._videos([Path(path) for path in paths])
        else:
            data = self._read(paths, label=None)
        for n, (label, probability) in enumerate(self.predict(data)):
            yield {"label": label, "probability": probability, "place": data.place(n)}

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as a line of text."""
        return f"{found['label']}\t{found['probability']:.4f}\t{found['place']}"

    def evaluate(
        self,
        paths: Sequence[str | Path],
        *,
        encoding: str | None = None,
        picture: str | None = None,
    ) -> dict[str, Any]:
        """How well the network tells the sequences of some files apart.

        Args:
            paths: as in training.
            encoding: how the files are written; ``None``: as those of the training were.
            picture: the PNG file to draw the confusion matrix into.

        Returns:
            ``accuracy``, ``macro_f1`` (mean over the classes), ``loss`` (mean nats a sequence),
            ``sequences`` (how many), ``labels``, and ``confusion`` (a row for each true label, how
            many were taken for each), all without rejecting; where sequences may be rejected
            ``reject_below``, ``coverage`` (the share that is not) and ``accuracy_of_the_rest``; of
            texts ``branch`` (whether the network has one), ``bag_of_words`` (the accuracy and
            macro-F1 of the one trained beside) and ``overlap`` (how many of the texts were learnt
            from).

        Raises:
            DataError: a path or its content cannot be used, or holds a label that was not learnt.
            ConfigError: the picture cannot be drawn.
        """
        if picture is not None:
            check_picture(picture)
        data = self._read(paths, label=self.config.label, encoding=encoding)
        given = examples(data, self.preprocessing)
        shares = probabilities(self.network, given.sequences, self.preprocessing)
        found = judgement(shares, given.labels)
        facts: dict[str, Any] = {
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "loss": found.loss,
            "sequences": len(data),
            "labels": list(self.labels),
            "confusion": found.confusion.tolist(),
        }
        if self.reject_below:
            facts |= kept_facts(shares, given.labels, self.reject_below)
        if data.kind == "text":
            facts["branch"] = self.config.branch
        if self.beside is not None:
            facts |= self.beside.facts(data, self.preprocessing)
        if picture is not None:
            draw_confusion(found.confusion, self.labels, picture)
            facts["picture"] = picture
        return facts

    def _videos(self, paths: Sequence[Path]) -> LabelledSequences:
        """Folders of frames, by themselves or below others."""
        folders = [found for path in paths for found in folders_of_frames(path)]
        if not folders:
            names = listed(map(str, paths))
            raise DataError(f"{names}: no frames are there; name folders with images in them")
        form = self.preprocessing.form
        videos = reading_of(self.config, form).of_videos(folders)
        return LabelledSequences("video", videos, None, lambda n: str(folders[n]), form=form)

    def _read(
        self, paths: Sequence[str | Path], *, label: str | None, encoding: str | None = None
    ) -> LabelledSequences:
        changes = {"label": label, "encoding": encoding or self.config.encoding}
        config = self.config.model_copy(update=changes)
        if label is None and len(paths) == 1 and str(paths[0]).endswith(TEXT_FILES):
            return lines_of(paths[0], config.encoding)
        spectrum = self.preprocessing.spectrum
        if label is None and spectrum is not None and all(map(is_recording, paths)):
            frames = read_frames(paths, spectrum)
            return LabelledSequences(
                "audio", frames, None, lambda n: str(paths[n]), spectrum=spectrum
            )
        form = self.preprocessing.form
        if label is None and form is not None and paths and all(is_image(Path(p)) for p in paths):
            files = [Path(path) for path in paths]
            rows = reading_of(config, form).of_files(files, [str(path) for path in paths])
            return LabelledSequences("image", rows, None, rows.images.place, form=form)
        return read(paths, config, spectrum, form)


def load(run: RunDirectory | str | Path) -> TrainedClassifier:
    """The trained classifier of a run: its best weights, or the last where none are best yet.

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
    weights = take_weights(network, directory)
    threshold = config.reject_below
    if threshold == "auto":  # found for the very weights that are loaded
        threshold = weights.metrics.get(REJECT_BELOW)
    return TrainedClassifier(
        network,
        preprocessing,
        config,
        reject_below=threshold or 0.0,
        beside=Beside.read(directory.path),
    )
