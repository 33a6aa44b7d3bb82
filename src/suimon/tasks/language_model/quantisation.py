"""What int8 costs a trained run: its validation loss in either precision, measured once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from suimon.data.text import TextPart
from suimon.errors import CheckpointError, DataError
from suimon.inference.engine import StepEngine
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.data import read_paths
from suimon.tasks.language_model.model import LanguageNetwork
from suimon.tasks.language_model.objective import measure_surprise
from suimon.tasks.language_model.stepping import stepping_network
from suimon.training.atomic import write_atomically
from suimon.training.run_directory import RunDirectory

QUANTISATION = "quantisation.json"
MOST_UNITS = 200_000
"""Of the validation text: two losses on the same units differ far less than either varies."""


@dataclass(frozen=True)
class QuantisationLoss:
    """Validation loss in both precisions.

    Attributes:
        weights: checksum of the weights that it was measured with.
        fp32_loss: mean nats a unit.
        int8_loss: the same of the quantised network.
        units: of the validation text, that both were measured on.
    """

    weights: str
    fp32_loss: float
    int8_loss: float
    units: int

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"int8 changes the validation loss by {self.int8_loss - self.fp32_loss:+.4f} nats a "
            f"unit: {self.fp32_loss:.4f} in fp32, {self.int8_loss:.4f} in int8 "
            f"({self.units:,} units)"
        )


def quantisation_loss(
    run: RunDirectory, network: LanguageNetwork, config: LanguageModelConfig
) -> tuple[QuantisationLoss | None, str | None]:
    """What int8 costs, from the run's notes or measured now and noted there.

    Args:
        run: the run's directory, where ``quantisation.json`` keeps the numbers.
        network: its network.
        config: its options.

    Returns:
        The losses, ``None`` where they cannot be measured; and a line to tell the user, ``None``
        where there is nothing new.

    Raises:
        BackendError: the network cannot run in int8.
    """
    weights = weights_checksum(network)
    known = _noted(run, weights)
    if known is not None:
        return known, None
    engine = stepping_network(network, "int8")
    assert isinstance(engine, StepEngine)
    try:
        part = _validation_part(run, config)
    except (DataError, CheckpointError) as error:
        return None, f"what int8 changes was not measured: {error}"
    measured = QuantisationLoss(
        weights,
        measure_surprise(network, part).loss,
        measure_surprise(engine, part).loss,
        len(part) - 1,
    )
    try:
        note = json.dumps(asdict(measured), indent=1) + "\n"
        write_atomically(run.path / QUANTISATION, note.encode())
    except CheckpointError as error:
        return measured, f"{measured}; it will be measured again: {error}"
    return measured, str(measured)


def weights_checksum(network: LanguageNetwork) -> str:
    """SHA-256 of the names and values of all weights."""
    digest = hashlib.sha256()
    for name, weight in network.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _noted(run: RunDirectory, weights: str) -> QuantisationLoss | None:
    """What was measured with these weights; nothing where it was others, or the note is damaged."""
    try:
        noted: dict[str, Any] = json.loads((run.path / QUANTISATION).read_bytes())
        loss = QuantisationLoss(**noted)
    except (OSError, ValueError, TypeError):
        return None
    return loss if loss.weights == weights else None


def _validation_part(run: RunDirectory, config: LanguageModelConfig) -> TextPart:
    """The beginning of the run's validation text.

    Raises:
        DataError: the text is not there any more, or was never a file.
        CheckpointError: it is another text than it was.
    """
    paths = run.config().get("data", {}).get("paths", [])
    if not paths or "-" in paths:
        raise DataError(f"{run.path} does not name the files that its text came from")
    split = read_paths(paths, config)
    if split.train.corpus.units.state() != run.preprocess()["units"]:
        raise CheckpointError(f"the text is not the one that {run.path} was trained on")
    return split.valid.head(MOST_UNITS + 1)
