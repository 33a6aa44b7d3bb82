"""From what a user names to the arrays that the network reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from suimon.data.audio import LogMel, Spectrum, SpectrumOptions
from suimon.data.images import ImageForm
from suimon.data.images.read import ImageReading
from suimon.data.images.sequence import ImageRows
from suimon.data.images.video import Video, padded_frames
from suimon.data.labelled import LabelledSequences, read_labelled
from suimon.data.labelled.batches import padded_tokens
from suimon.data.labelled.scale import padded_scaled, scale_of
from suimon.data.text.units import (
    DEFAULT_VOCABULARY,
    Units,
    UnitsOptions,
    fit_units,
    units_from_state,
)
from suimon.data.text.units.splitters import splitter_named
from suimon.errors import CheckpointError, DataError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.labels import listed, rank

WHERE_LABELS_ARE = "name a table's column by --label, or the file of labels behind that of images"

CHECKED = 20_000
"""Images that are decoded once before a run is begun, so that damaged ones are met there."""

ROWS = 128  # sequences side by side where nothing is learnt
FRAMES = 1024  # likewise, of videos


@dataclass(frozen=True)
class Examples:
    """Sequences ready for the network, with their class numbers.

    Attributes:
        sequences: units ``(T_b,)``, channels ``(T_b, I)`` as they were given, or videos.
        labels: ``(N,)`` int64.
    """

    sequences: Sequence[npt.NDArray]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sequences)


@dataclass(frozen=True)
class Preprocessing:
    """All that turns a user's sequence into the network's input, and class numbers into labels.

    Attributes:
        kind: ``text``, ``series``, ``image``, ``audio`` or ``video``.
        labels: the classes' names, in the order of their numbers.
        longest: steps read of a sequence.
        units: of a text; ``None`` for numbers.
        lowercase: whether texts are read in small letters.
        channels: I, numbers of a step; 0 for a text or a video.
        mean: of each channel, or one of all pixels; empty for a text or a video.
        deviation: likewise.
        spectrum: of recordings, how they become frames.
        form: of images and frames, their size and colours.
        noise: whether there is one more class, that of noise, which has no label.
    """

    kind: str
    labels: tuple[str, ...]
    longest: int
    units: Units | None = None
    lowercase: bool = False
    channels: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    spectrum: LogMel | None = None
    form: ImageForm | None = None
    noise: bool = False

    @property
    def outputs(self) -> int:
        """Scores that the network gives: of the classes, and behind them of noise."""
        return len(self.labels) + self.noise

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        state = {
            "kind": self.kind,
            "labels": list(self.labels),
            "longest": self.longest,
            "units": None if self.units is None else self.units.state(),
            "lowercase": self.lowercase,
            "channels": self.channels,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "spectrum": None if self.spectrum is None else self.spectrum.state(),
            "form": None if self.form is None else self.form.state(),
        }
        return state | ({"noise": True} if self.noise else {})

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            units = state["units"]
            return cls(
                kind=state["kind"],
                labels=tuple(state["labels"]),
                longest=state["longest"],
                units=None if units is None else units_from_state(units),
                lowercase=state["lowercase"],
                channels=state["channels"],
                mean=tuple(state["mean"]),
                deviation=tuple(state["deviation"]),
                spectrum=LogMel.from_state(found) if (found := state.get("spectrum")) else None,
                form=ImageForm.from_state(form) if (form := state.get("form")) else None,
                noise=state.get("noise", False),
            )
        except KeyError as error:
            raise CheckpointError(
                f"preprocess.json has no {error}; the run is not a classification's"
            ) from None

    def renamed(self, labels: Iterable[str]) -> Preprocessing:
        """The same with other names for the classes, in the same order."""
        return replace(self, labels=tuple(labels))

    def encoded(self, data: LabelledSequences) -> Sequence[Any]:
        """The sequences as the network reads them, before they are padded and scaled.

        Raises:
            DataError: they are of another kind than those learnt from, or one has no step.
        """
        if data.kind != self.kind:
            raise DataError(f"the network reads {self.kind}, and {data.place(0)} is {data.kind}")
        if isinstance(data.sequences, ImageRows):
            self._check_channels(data.sequences[0], data.place(0))
            return ImageSteps(data.sequences, self.longest)
        if self.kind == "video":
            videos: Any = data.sequences
            return [shortened_video(video, self.longest) for video in videos]
        if self.units is None:
            return [self._whole_steps(data, n) for n in range(len(data))]
        return [self._tokens(data, n) for n in range(len(data))]

    def pad(self, rows: Sequence[Any]) -> Tensor:
        """Units ``(T, B)``, scaled channels ``(T, B, I)``, or frames; zeros behind each end."""
        if self.units is not None:
            return padded_tokens(rows)
        if self.kind == "video":
            assert self.form is not None
            return padded_frames(rows, self.form)
        return padded_scaled(rows, self.mean, self.deviation)

    def rows(self, sequences: Sequence[Any]) -> int:
        """How many sequences stand side by side where nothing is learnt."""
        if self.kind != "video":
            return ROWS
        return min(ROWS, max(1, FRAMES // max(map(len, sequences))))

    def numbers(self, data: LabelledSequences) -> npt.NDArray[np.int64]:
        """The class number of each label.

        Raises:
            DataError: there are no labels, or one that was not learnt.
        """
        if data.labels is None:
            raise DataError(f"{data.place(0)} has no label: {WHERE_LABELS_ARE}")
        known = {label: n for n, label in enumerate(self.labels)}
        for n, label in enumerate(data.labels):
            if label not in known:
                raise DataError(
                    f"{data.place(n)}: the label {label!r} was not learnt; there are: "
                    f"{listed(self.labels)}"
                )
        return np.fromiter((known[label] for label in data.labels), np.int64, len(data))

    def _tokens(self, data: LabelledSequences, n: int) -> npt.NDArray:
        text = prepared(str(data.sequences[n]), self.lowercase)
        assert self.units is not None
        tokens = self.units.encode(text)
        if not len(tokens):
            raise DataError(f"{data.place(n)} is empty: leave it out, or fill it")
        return shortened(tokens, self.longest)

    def _whole_steps(self, data: LabelledSequences, n: int) -> npt.NDArray:
        steps = np.asarray(data.sequences[n])
        if not len(steps):
            raise DataError(f"{data.place(n)} has no step: leave it out")
        self._check_channels(steps, data.place(n))
        return shortened(steps, self.longest)

    def _check_channels(self, steps: npt.NDArray, place: str) -> None:
        if steps.shape[1] != self.channels:
            raise DataError(
                f"{place} has {steps.shape[1]} channels, and the network reads {self.channels}"
            )


class ImageSteps(Sequence[npt.NDArray]):
    """Images as the network reads them, each decoded when it is asked for: none is kept here.

    Args:
        rows: the images.
        longest: steps read of one.

    Attributes:
        lengths: ``(N,)``, steps of each.

    Raises:
        DataError: one of the first :data:`CHECKED` cannot be read: better now than in training.
    """

    def __init__(self, rows: ImageRows, longest: int) -> None:
        self._rows = rows
        self._longest = longest
        self.lengths = np.minimum(rows.lengths, longest)
        for n in range(min(len(rows), CHECKED)):
            rows[n]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, n: Any) -> Any:
        return shortened(self._rows[n], self._longest)


def prepared(text: str, lowercase: bool) -> str:
    """A text as its units are cut from it: line ends are blanks, capitals may be small letters."""
    text = " ".join(text.split())
    return text.lower() if lowercase else text


def shortened(steps: npt.NDArray, longest: int) -> npt.NDArray:
    """The beginning and the end of a sequence, a half of ``longest`` steps each."""
    if len(steps) <= longest:
        return steps
    first = longest // 2
    return np.concatenate([steps[:first], steps[len(steps) - (longest - first) :]])


def shortened_video(video: Video, longest: int) -> Video:
    """See :func:`shortened`; no frame is read."""
    if len(video) <= longest:
        return video
    return video.take(shortened(np.arange(len(video)), longest))


def read(
    paths: Sequence[str | Path],
    config: ClassificationConfig,
    spectrum: Spectrum | None = None,
    form: ImageForm | None = None,
) -> LabelledSequences:
    """What the paths hold, by the columns that the options name.

    Args:
        paths: see :func:`~suimon.data.labelled.read_labelled`.
        config: the task's options.
        spectrum: that of a trained network; ``None``: what the options say.
        form: of a trained network's images, likewise.
    """
    return read_labelled(
        paths,
        label=config.label,
        text=config.text,
        values=[name for names in config.values for name in names.split(",")],
        audio=config.audio,
        spectrum=spectrum or SpectrumOptions(config.bands, config.window, config.hop),
        images=reading_of(config, form),
        encoding=config.encoding,
    )


def reading_of(config: ClassificationConfig, form: ImageForm | None) -> ImageReading:
    """How images become sequences, by the options and the form that is known."""
    return ImageReading(config.size, config.color, form, config.pixels)


def split(
    data: LabelledSequences, valid_fraction: float, seed: int
) -> tuple[LabelledSequences, LabelledSequences]:
    """A share of each class for validation, one sequence at least.

    Raises:
        DataError: there are no labels, one class only, or a class with one sequence.
    """
    counts = classes_of(data)
    assert data.labels is not None
    alone = [label for label, count in counts.items() if count == 1]
    if alone:
        place = data.place(data.labels.index(alone[0]))
        raise DataError(
            f"{place}: the label {alone[0]!r} occurs once, which cannot be both learnt and "
            "validated: give more of it, leave it out, or name --valid-files"
        )
    chance = np.random.RandomState(seed)
    valid: list[int] = []
    labels = np.array(data.labels)
    for label in counts:
        members = chance.permutation(np.flatnonzero(labels == label))
        kept = min(len(members) - 1, max(1, round(valid_fraction * len(members))))
        valid += members[:kept].tolist()
    chosen = set(valid)
    train = [n for n in range(len(data)) if n not in chosen]
    return data.take(train), data.take(sorted(chosen))


def classes_of(data: LabelledSequences) -> dict[str, int]:
    """Every label and how often it occurs, in order of the labels: numbers by size, else letters.

    Raises:
        DataError: there are no labels, or all are the same.
    """
    if data.labels is None:
        raise DataError(f"{data.place(0)} has no label: {WHERE_LABELS_ARE}")
    counts = Counter(data.labels)
    if len(counts) < 2:
        raise DataError(
            f"all {len(data):,} sequences have the label {next(iter(counts))!r}: there is nothing "
            "to tell apart"
        )
    return {label: counts[label] for label in sorted(counts, key=rank)}


def fitted(
    data: LabelledSequences, config: ClassificationConfig, units: Units | None = None
) -> Preprocessing:
    """What is learnt of the training sequences before the network: classes, units or scales.

    Args:
        data: what to learn from.
        config: the task's options.
        units: of texts, where they are known already.
    """
    labels = tuple(classes_of(data))
    if data.kind == "text" and units is not None:
        return Preprocessing("text", labels, config.longest, units, config.lowercase)
    if data.kind == "text":
        texts = (prepared(str(text), config.lowercase) for text in data.sequences)
        vocabulary = config.vocabulary
        if vocabulary is None and config.units == "words":
            vocabulary = words_met_again(data, config)
        options = UnitsOptions(config.units, vocabulary, config.words)
        units = fit_units(options, texts)
        return Preprocessing("text", labels, config.longest, units, config.lowercase)
    if data.kind == "video":
        return Preprocessing("video", labels, config.longest, form=data.form)
    mean, deviation = scale_of(data.sequences, together=data.kind == "image")
    return Preprocessing(
        data.kind,
        labels,
        config.longest,
        channels=np.shape(data.sequences[0])[1],
        mean=mean,
        deviation=deviation,
        spectrum=data.spectrum,
        form=data.form,
    )


def words_met_again(data: LabelledSequences, config: ClassificationConfig) -> int:
    """How many distinct words occur twice or more, up to the usual limit.

    The others become the unknown word, which is so learnt as well, and not met first in use.
    """
    split = splitter_named(config.words).split
    counts: Counter[str] = Counter()
    for text in data.sequences:
        counts.update(split(prepared(str(text), config.lowercase)))
    again = sum(1 for count in counts.values() if count > 1)
    return min(max(again, 1), DEFAULT_VOCABULARY["words"] or again)


def examples(data: LabelledSequences, preprocessing: Preprocessing) -> Examples:
    """The sequences and labels as arrays."""
    return Examples(preprocessing.encoded(data), preprocessing.numbers(data))
