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
from suimon.data.labelled.lines import TEXT_FILES, texts_of_lines
from suimon.errors import DataError
from suimon.tasks.classification.bag_of_words import BagOfWords
from suimon.tasks.classification.beside import NAME, bag_facts, read_bag
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.confusion_picture import check_picture, draw_confusion
from suimon.tasks.classification.data import Preprocessing, read, reading_of
from suimon.tasks.classification.model import ClassificationNetwork
from suimon.tasks.classification.noise import without_noise
from suimon.tasks.classification.objective import (
    NOISE_REJECTED,
    judgement,
    network_for,
    probabilities,
)
from suimon.tasks.classification.rejecting import (
    REJECT_BELOW,
    REJECTED,
    among_classes,
    kept_facts,
    rejected,
    threshold_of,
)
from suimon.tasks.labels import listed
from suimon.tasks.learnt_texts import Fingerprints, overlap, read_learnt
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
        bag: the bag of words that a run on texts keeps beside its network.
        learnt: fingerprints of the texts that a run has learnt from.
    """

    def __init__(
        self,
        network: ClassificationNetwork,
        preprocessing: Preprocessing,
        config: ClassificationConfig,
        *,
        reject_below: float = 0.0,
        bag: BagOfWords | None = None,
        learnt: Fingerprints | None = None,
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.units = preprocessing.units
        self.config = config
        self.reject_below = reject_below
        self.bag = bag
        self.learnt = learnt

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of :meth:`predict_proba`'s columns."""
        return self.preprocessing.labels

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input, JSON-able."""
        return self.preprocessing.state()

    def predict_proba(self, data: LabelledSequences) -> npt.NDArray[np.float64]:
        """The probability of each class, ``(N, C)``.

        Where noise was learnt, what lacks to 1 is the probability that it is none of them.

        Raises:
            DataError: the sequences are of another kind than those learnt from, or one is empty.
        """
        return self.judged(data)[0][:, : len(self.labels)]

    def predict(self, data: LabelledSequences) -> list[Prediction]:
        """The likeliest class of each sequence, or ``none of these``.

        That is said where noise is likelier than any class, with the probability of noise; and
        where the likeliest is too improbable, with its own. Raises as :meth:`predict_proba`.
        """
        shares, away = self.judged(data)
        best, highest = shares.argmax(axis=1), shares.max(axis=1)
        return [
            Prediction(REJECTED if none else self.labels[n], float(p))
            for n, p, none in zip(best, highest, away, strict=True)
        ]

    def judged(
        self, data: LabelledSequences
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """What the network says, and what becomes of it.

        Returns:
            The probability of each class ``(N, C)``, or ``(N, C+1)`` where noise was learnt, the
            last that of noise; and which sequences are none of these, ``(N,)``.

        Raises:
            DataError: as :meth:`predict_proba`.
        """
        sequences = self.preprocessing.encoded(data)
        shares = probabilities(self.network, sequences, self.preprocessing)
        return shares, rejected(shares, len(self.labels), self.reject_below)

    def predictions(
        self, paths: Sequence[str | Path], *, encoding: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """What the network says of the sequences of some files, as the command line prints it.

        Args:
            paths: as in training, labels not needed, a table also ``-`` for standard input; of a
                network that reads texts a ``.txt`` file or ``-`` holds a text a line; of one that
                reads recordings or images also these by themselves; of one that reads videos
                folders of frames, or folders with such below them.
            encoding: how the files are written; ``None``: as those of the training were.

        Returns:
            For each sequence ``label``, ``probability`` and ``place``, where it stands.

        Raises:
            DataError: a path or its content cannot be used.
        """
        if self.preprocessing.kind == "video":
            data = self._videos([Path(path) for path in paths])
        else:
            data = self._read(paths, label=None, encoding=encoding)
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
            many were taken for each), all without rejecting: of the sequences that have one of the
            classes, as if these were all there is. Where sequences may be rejected
            ``reject_below`` (where there is a threshold), ``coverage`` (the share that is not) and
            ``accuracy_of_the_rest``; where some are labelled as noise ``noise`` (how many) and
            ``noise_rejected`` (their share that is rejected). Of texts ``branch`` (whether the
            network has one), ``bag_of_words`` (the accuracy and macro-F1 of the one trained beside)
            and ``overlap`` (how many of the texts were learnt from).

        Raises:
            DataError: a path or its content cannot be used, or holds a label that was not learnt.
            ConfigError: the picture cannot be drawn.
        """
        if picture is not None:
            check_picture(picture)
        data = self._read(paths, label=self.config.label, encoding=encoding)
        data, noise = without_noise(data, self.config)
        if not len(data):
            raise DataError(f"{paths[0]} has noise alone: give sequences of the classes too")
        labels = self.preprocessing.numbers(data)
        shares, away = self.judged(data)
        found = judgement(among_classes(shares, len(self.labels)), labels)
        facts: dict[str, Any] = {
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "loss": found.loss,
            "sequences": len(data),
            "labels": list(self.labels),
            "confusion": found.confusion.tolist(),
        }
        if self.reject_below or self.preprocessing.noise:
            right = shares[:, : len(self.labels)].argmax(axis=1) == labels
            facts |= {REJECT_BELOW: self.reject_below} if self.reject_below else {}
            facts |= kept_facts(~away, right)
        if noise is not None:
            facts |= {"noise": len(noise), NOISE_REJECTED: float(self.judged(noise)[1].mean())}
        if data.kind == "text":
            facts["branch"] = self.config.branch
            facts |= overlap([str(text) for text in data.sequences], self.learnt)
        if self.bag is not None:
            facts[NAME] = bag_facts(self.bag, data, self.preprocessing)
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
        alone = label is None and len(paths) == 1
        if alone and self.units is not None and str(paths[0]).endswith(TEXT_FILES):
            return texts_of_lines(paths[0], config.encoding)
        spectrum = self.preprocessing.spectrum
        if label is None and spectrum is not None and paths and all(map(is_recording, paths)):
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
    return TrainedClassifier(
        network,
        preprocessing,
        config,
        reject_below=threshold_of(config.reject_below, weights.metrics),
        bag=read_bag(directory.path),
        learnt=read_learnt(directory.path),
    )
