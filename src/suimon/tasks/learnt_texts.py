"""Which texts a run has learnt from, kept beside its network, so that those of a test are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.text.overlap import fingerprints, met
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.making_runs import Notify
from suimon.training.run_directory import RunDirectory
from suimon.training.tensor_file import read_tensors, write_tensors

LEARNT = "learnt.safetensors"
LEARNT_TARGETS = "learnt_targets.safetensors"
"""Of what the language model has learnt from that writes, where there is one."""

Fingerprints = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class LearntTexts:
    """The texts that a network learns from, those of the language model it starts from included.

    Attributes:
        texts: of the training data.
        start: what the network begins with.
        marks: see :func:`~suimon.data.text.overlap.fingerprint`.
        file: where they are kept in the run.
    """

    texts: Sequence[str]
    start: LanguageModelStart | None = None
    marks: bool = False
    file: str = LEARNT

    def attend(self, run: RunDirectory, notify: Notify) -> Mapping[str, Mapping[str, float]]:
        """Leave the file in the run, unless it is there; there is nothing to compare with."""
        if not (run.path / self.file).exists():
            learnt = fingerprints(self.texts, marks=self.marks)
            if self.start is not None:
                earlier, notices = self.start.fingerprints(marks=self.marks)
                learnt = np.union1d(learnt, earlier)
                for line in notices:
                    notify(line)
            tensors = {"learnt": torch.from_numpy(learnt.view(np.int64))}
            write_tensors(run.path / self.file, tensors, {})
        return {}


def read_learnt(folder: Path, file: str = LEARNT) -> Fingerprints | None:
    """The fingerprints that :class:`LearntTexts` left in a run; ``None`` where there are none.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not (folder / file).exists():
        return None
    return read_tensors(folder / file)[0]["learnt"].numpy().view(np.uint64)


def overlap(
    texts: Sequence[str], learnt: Fingerprints | None, *, marks: bool = False
) -> dict[str, Any]:
    """How many texts were learnt from, as ``suimon evaluate`` says it; nothing if not known.

    Returns:
        ``overlap``: ``count``, how many of the texts, and ``share``.
    """
    if learnt is None:
        return {}
    count = int(met(texts, learnt, marks=marks).sum())
    return {"overlap": {"count": count, "share": count / max(len(texts), 1)}}
