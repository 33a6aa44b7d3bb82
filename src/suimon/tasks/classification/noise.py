"""The class "none of these": which sequences are noise, a user's own and those that are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suimon.data.labelled import LabelledSequences
from suimon.data.labelled.noise import Noise, NumberNoise, UnitNoise, WithNoise
from suimon.errors import ConfigError, DataError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.data import Examples, Preprocessing
from suimon.tasks.classification.rejecting import REJECTED
from suimon.tasks.labels import listed, rank


def is_learnt(config: ClassificationConfig) -> bool:
    """Whether the options ask for a class of noise."""
    return config.noise > 0 or config.noise_label is not None


def without_noise(
    data: LabelledSequences, config: ClassificationConfig
) -> tuple[LabelledSequences, LabelledSequences | None]:
    """The sequences of the classes, and those that are labelled as noise, ``None`` without any.

    Noise bears the label that the options name, or "none of these"; where there is no class of
    noise no label is one.
    """
    name = config.noise_label or REJECTED
    if not is_learnt(config) or data.labels is None or name not in data.labels:
        return data, None
    noise = [n for n, label in enumerate(data.labels) if label == name]
    others = [n for n, label in enumerate(data.labels) if label != name]
    return data.take(others), data.take(noise)


def check(data: LabelledSequences, config: ClassificationConfig) -> None:
    """Look at what is asked for before anything is made.

    Raises:
        ConfigError: a class is called "none of these"; noise is asked for of data of which none
            can be made.
        DataError: no sequence has the label that noise should have, or all have it.
    """
    if data.labels is None:
        return
    labels = set(data.labels)
    rejects = is_learnt(config) or config.reject_below is not None
    if rejects and REJECTED in labels and config.noise_label != REJECTED:
        raise ConfigError(
            f"a class is called {REJECTED!r}, which is said where none fits: rename it, or learn "
            f"it as noise by noise_label = {REJECTED!r}"
        )
    if config.noise_label is not None and config.noise_label not in labels:
        raise DataError(
            f"no sequence has the label {config.noise_label!r} that noise_label names; there are: "
            f"{listed(sorted(labels, key=rank))}"
        )
    if labels == {config.noise_label}:
        raise DataError(
            f"all {len(data):,} sequences have the label {config.noise_label!r}, which noise_label "
            "names: there is nothing to tell apart"
        )
    if config.noise > 0 and data.kind == "video":
        raise ConfigError(
            f"noise = {config.noise:g} is made of texts, series, recordings and images, and the "
            "data is video: leave it out, or name a label of your own noise by noise_label"
        )


def with_noise(
    learnt: Examples,
    judged: Examples,
    given: Sequence[LabelledSequences | None],
    read: Preprocessing,
    share: float,
    seed: int,
) -> tuple[Examples, Examples]:
    """The examples to learn from and to judge by, with noise as one more class behind the others.

    Args:
        learnt: of the classes, to learn from.
        judged: likewise, to judge by.
        given: what of each is labelled as noise.
        read: how sequences become arrays.
        share: how many to make for each of the classes'. To learn from they are others in each
            epoch, to judge by always the same.
        seed: decides them.
    """
    parts = [_and_given(part, own, read) for part, own in zip((learnt, judged), given, strict=True)]
    if not share:
        return parts[0], parts[1]
    noise: Noise
    if read.units is None:
        noise = NumberNoise(learnt.sequences)
    else:
        noise = UnitNoise(learnt.sequences, read.units.size)
    made = []
    for number, (part, classes) in enumerate(zip(parts, (learnt, judged), strict=True)):
        count = max(1, round(share * len(classes)))
        sequences = WithNoise(part.sequences, noise, count, seed=2 * seed + number)
        labels = np.concatenate([part.labels, np.full(count, len(read.labels))])
        made.append(Examples(sequences, labels))
    return made[0], made[1]


def _and_given(classes: Examples, noise: LabelledSequences | None, read: Preprocessing) -> Examples:
    if noise is None:
        return classes
    sequences = [*classes.sequences, *read.encoded(noise)]
    labels = np.concatenate([classes.labels, np.full(len(noise), len(read.labels))])
    return Examples(sequences, labels)
