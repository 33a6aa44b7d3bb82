"""From images and their captions to the batches that the network reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.data.images import ImageForm, Images
from suimon.data.images.captions import Captioned, Form, Pictures, form_of_pictures, read_captioned
from suimon.data.labelled.batches import SequenceBatches, padded_tokens
from suimon.data.labelled.scale import LEAST_DEVIATION, scale_of
from suimon.data.text.units import Units, UnitsOptions, fit_units, units_from_state
from suimon.errors import CheckpointError, DataError
from suimon.tasks.captioning.config import CaptioningConfig

LEVELS = 255


@dataclass(frozen=True)
class Preprocessing:
    """What pictures must be like, and how captions are cut.

    Attributes:
        form: of all pictures.
        units: of captions.
        lowercase: whether captions are read in small letters.
        longest: most units of a caption met in training.
        mean: of each number of features; empty for images.
        deviation: likewise.
    """

    form: Form
    units: Units
    lowercase: bool
    longest: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        of_images = isinstance(self.form, ImageForm)
        return {
            "images": self.form.state() if isinstance(self.form, ImageForm) else None,
            "features": None if of_images else list(self.form),  # pyright: ignore[reportArgumentType]
            "units": self.units.state(),
            "lowercase": self.lowercase,
            "longest": self.longest,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            images, features = state["images"], state["features"]
            form = tuple(features) if images is None else ImageForm.from_state(images)
            units = units_from_state(state["units"])
            scale = tuple(state["mean"]), tuple(state["deviation"])
            return cls(form, units, state["lowercase"], state["longest"], *scale)
        except KeyError as error:
            raise CheckpointError(
                f"preprocess.json has no {error}; the run is not one of captioning"
            ) from None

    @property
    def boundary(self) -> int:
        """The unit that is start and end of a caption."""
        return self.units.size

    def tokens(self, caption: str) -> npt.NDArray[np.int64]:
        """A caption as units, its end included."""
        units = self.units.encode(prepared(caption, self.lowercase)).astype(np.int64)
        return np.append(units, self.boundary)

    def text(self, tokens: Sequence[int]) -> str:
        """Units as a caption."""
        return self.units.decode(list(tokens)).strip()

    def as_written(self, caption: str) -> str:
        """A caption as the network would write it: small letters, words apart."""
        return self.text(self.tokens(caption)[:-1].tolist())

    def batch_of(self, pictures: Pictures, numbers: Sequence[int]) -> Tensor:
        """Pictures as ``(B, …)`` float32: images in 0 to 1, features standardised."""
        stacked = np.stack([pictures[n] for n in numbers])
        if isinstance(self.form, ImageForm):
            return torch.from_numpy(stacked).float() / LEVELS
        deviation = np.maximum(np.array(self.deviation, np.float32), np.float32(LEAST_DEVIATION))
        return torch.from_numpy((stacked - np.array(self.mean, np.float32)) / deviation)


@dataclass(frozen=True)
class Examples:
    """Captions ready for the network, and the pictures that they are of.

    Attributes:
        pictures: read when they are asked for.
        tokens: ``(T_b,)`` each, the end included.
        picture_of: the number of each caption's picture.
        preprocessing: that made them.
    """

    pictures: Pictures
    tokens: Sequence[npt.NDArray[np.int64]]
    picture_of: npt.NDArray[np.int64]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.tokens)

    def with_pictures(self, batch: SequenceBatch) -> SequenceBatch:
        """From units ``(T, B)`` beside numbers of captions to pictures beside targets."""
        assert batch.targets is not None
        assert batch.lengths is not None
        numbers = self.picture_of[batch.targets.numpy()].tolist()
        steps = torch.arange(len(batch.inputs))
        outside = steps[:, None] >= batch.lengths  # (T, B)
        return replace(
            batch,
            inputs=self.preprocessing.batch_of(self.pictures, numbers),
            targets=batch.inputs.masked_fill(outside, IGNORED_TARGET),
        )


class CaptionBatches:
    """Captions with their pictures batch by batch; a picture comes once for each caption of it.

    Args:
        examples: what there is.
        batch_size: captions of all processes together.
        seed: decides the order.
        rank: which process this is, from 0.
        world_size: how many processes share a batch.
    """

    def __init__(
        self, examples: Examples, batch_size: int, *, seed: int, rank: int, world_size: int
    ) -> None:
        self._examples = examples
        self._captions = SequenceBatches(
            examples.tokens,
            np.arange(len(examples)),
            batch_size,
            padded_tokens,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )
        self.batches_per_epoch = self._captions.batches_per_epoch

    def next_batch(self) -> SequenceBatch:
        """Inputs: pictures ``(B, …)``; targets: units ``(T, B)``; lengths: those of captions."""
        return self._examples.with_pictures(self._captions.next_batch())

    def state_dict(self) -> dict[str, int]:
        """See :meth:`SequenceBatches.state_dict`."""
        return self._captions.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """See :meth:`SequenceBatches.load_state_dict`."""
        self._captions.load_state_dict(state)


def prepared(caption: str, lowercase: bool) -> str:
    """A caption as its units are cut from it: in one line, perhaps in small letters."""
    caption = " ".join(caption.split())
    return caption.lower() if lowercase else caption


def read(
    paths: Sequence[str | Path], config: CaptioningConfig, form: Form | None = None
) -> Captioned:
    """The captioned pictures of a folder, by the options.

    Raises:
        DataError: it is not one folder, or cannot be used.
    """
    if len(paths) != 1:
        raise DataError(
            f"{len(paths)} paths are given: name one folder, with images and captions.csv in it"
        )
    return read_captioned(
        paths[0], size=config.size, color=config.color, form=form, encoding=config.encoding
    )


def split(data: Captioned, valid_fraction: float, seed: int) -> tuple[Captioned, Captioned]:
    """A share of the pictures, with all their captions, for validation; one at least.

    Raises:
        DataError: there is one picture only.
    """
    count = len(data.pictures)
    if count < 2:
        raise DataError(
            f"{data.pictures.place(0)} is the only image, which cannot be both learnt and "
            "validated: give more, or name --valid-files"
        )
    order = np.random.RandomState(seed).permutation(count).tolist()
    kept = min(count - 1, max(1, round(valid_fraction * count)))
    return data.of_pictures(order[kept:]), data.of_pictures(order[:kept])


def fitted(data: Captioned, config: CaptioningConfig) -> Preprocessing:
    """What is learnt of the training captions before the network."""
    options = UnitsOptions(config.units, config.vocabulary, config.words)
    units = fit_units(options, (prepared(text, config.lowercase) for text in data.captions))
    made = Preprocessing(form_of_pictures(data.pictures), units, config.lowercase, 0)
    made = replace(made, longest=max(len(made.tokens(text)) for text in data.captions))
    if isinstance(data.pictures, Images):
        return made
    chosen = np.unique(data.picture_of).tolist()
    mean, deviation = scale_of(data.pictures.take(chosen))
    return replace(made, mean=mean, deviation=deviation)


def examples(data: Captioned, preprocessing: Preprocessing, longest: int) -> Examples:
    """The captions as units.

    Each picture is looked at once, so that a broken one is named before a run is begun.

    Raises:
        DataError: a caption is longer than allowed, or a picture cannot be read.
    """
    for number in np.unique(data.picture_of).tolist():
        _ = data.pictures[number]
    tokens = [preprocessing.tokens(text) for text in data.captions]
    for n, row in enumerate(tokens):
        if len(row) > longest + 1:
            raise DataError(
                f"a caption of {data.pictures.place(int(data.picture_of[n]))} has {len(row) - 1:,} "
                f"units, and {longest:,} are allowed: shorten it, or raise --longest"
            )
    return Examples(data.pictures, tokens, data.picture_of, preprocessing)
