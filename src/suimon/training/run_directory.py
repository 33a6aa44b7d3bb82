"""A run on disk: everything that training leaves and everything that using the model needs.

The files and the order in which they are written are described in
``docs/design/0001-run-directory.md``. No torch is imported before tensors are read or written, so
that runs are listed at once.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import tomli_w

from suimon.errors import CheckpointError, ConfigError
from suimon.training.atomic import cannot_write, checksum, sync_directory, write_atomically
from suimon.training.versions import FORMAT_VERSION, refuse_newer

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST, CONFIG, PREPROCESS = "manifest.json", "config.toml", "preprocess.json"
MODEL, CHECKPOINT, ENVIRONMENT = "model.safetensors", "checkpoint.safetensors", "environment.json"
MODEL_PREFIX = "model."


@dataclass(frozen=True)
class SavedWeights:
    """A model's weights as a run keeps them.

    Attributes:
        tensors: for ``model.load_state_dict``.
        step: optimiser steps taken to reach them.
        loss: validation loss, ``None`` where they were never evaluated.
        metrics: the task's further numbers at that evaluation.
    """

    tensors: dict[str, Tensor]
    step: int
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


class RunDirectory:
    """The directory of one run. Make one with :meth:`create` or :meth:`open`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        task: str,
        config: Mapping[str, Any],
        preprocess: Mapping[str, Any],
    ) -> Self:
        """Make a new run; it appears complete or not at all.

        In a process of ``torchrun`` other than the first nothing is written: the first one does
        it, and the loop waits for it.

        Args:
            path: where; must not exist, or be an empty directory.
            task: the task's name.
            config: tables of options, e.g. ``{"training": {...}, "model": {...}}``; options that
                are ``None`` are left out of the file.
            preprocess: all that turns a user's input into tensors, JSON-able.

        Raises:
            ConfigError: something is there already, or the place cannot be written.
        """
        run = cls(path)
        if _is_other_process():
            return run
        run.refuse_existing()
        preprocess_file = _json(preprocess)
        manifest = {
            "task": task,
            "format_version": FORMAT_VERSION,
            "sha256": {PREPROCESS: checksum(preprocess_file)},
        }
        try:
            run.path.parent.mkdir(parents=True, exist_ok=True)
            nursery = Path(tempfile.mkdtemp(prefix=f".{run.path.name}.", dir=run.path.parent))
        except OSError as error:
            raise ConfigError(f"cannot make a run at {path}: {error.strerror}") from error
        try:
            nursery.chmod(0o755)  # mkdtemp makes it private
            write_atomically(nursery / PREPROCESS, preprocess_file)
            write_atomically(nursery / CONFIG, _toml(config))
            write_atomically(nursery / MANIFEST, _json(manifest))
            nursery.replace(run.path)
            sync_directory(run.path.parent)
        except OSError as error:
            raise cannot_write(run.path, error) from error
        finally:
            shutil.rmtree(nursery, ignore_errors=True)
        return run

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """An existing run.

        Raises:
            CheckpointError: there is none at that path, or a newer suimon wrote it.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise CheckpointError(f"there is no run at {path}: no such directory")
        if not (run.path / MANIFEST).is_file():
            raise CheckpointError(f"{path} is not a run: it has no {MANIFEST}")
        refuse_newer(run.path, run._manifest().get("format_version"))
        return run

    @classmethod
    def find(cls, directory: Path | str) -> list[Self]:
        """The runs directly inside a directory, by name; those of a newer suimon too."""
        return [cls(manifest.parent) for manifest in sorted(Path(directory).glob(f"*/{MANIFEST}"))]

    def refuse_existing(self) -> None:
        """Check that a new run can be made here, before the time to prepare one is spent.

        Only in the first process of ``torchrun``: for the others, the first may have just made it.

        Raises:
            ConfigError: something is there already.
        """
        if _is_other_process():
            return
        if (self.path / MANIFEST).exists():
            raise ConfigError(
                f"{self.path} exists already: go on with it by --resume, or choose another --out"
            )
        with suppress(NotADirectoryError):
            if not self.path.exists() or not any(self.path.iterdir()):
                return
        raise ConfigError(f"{self.path} exists and is not a run: choose another --out")

    @property
    def task(self) -> str:
        """The task's name."""
        return self._manifest()["task"]

    def config(self) -> dict[str, Any]:
        """The tables of ``config.toml``."""
        try:
            return tomllib.loads((self.path / CONFIG).read_text(encoding="utf-8"))
        except OSError as error:
            raise CheckpointError(
                f"cannot read {self.path / CONFIG}: {error.strerror}; restore it from a copy"
            ) from error
        except ValueError as error:
            raise CheckpointError(
                f"{self.path / CONFIG} is not TOML ({error}): correct it"
            ) from error

    def replace_config(self, config: Mapping[str, Any]) -> None:
        """Change the options, as when a run is resumed with another budget."""
        write_atomically(self.path / CONFIG, _toml(config))

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's input into tensors, verified by the manifest's checksum."""
        file = self.path / PREPROCESS
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CheckpointError(f"cannot read {file}: {error.strerror}") from error
        if checksum(data) != self._manifest().get("sha256", {}).get(PREPROCESS):
            raise CheckpointError(
                f"{file} is damaged (its contents do not match the manifest's checksum): restore "
                "it from a copy, or train into a new directory"
            )
        return json.loads(data)

    def has_model(self) -> bool:
        """Whether the run was evaluated, so that there is a best model."""
        return (self.path / MODEL).exists()

    def has_checkpoint(self) -> bool:
        """Whether there is a state to go on from."""
        return (self.path / CHECKPOINT).exists()

    def weights(self) -> SavedWeights:
        """The best model, or the last checkpoint's where none was evaluated yet.

        Raises:
            CheckpointError: there is neither, or the file is damaged.
        """
        from suimon.training.tensor_file import read_tensors

        if not self.has_model() and self.has_checkpoint():
            tensors, header = read_tensors(self.path / CHECKPOINT)
            model = {
                name.removeprefix(MODEL_PREFIX): tensor
                for name, tensor in tensors.items()
                if name.startswith(MODEL_PREFIX)
            }
            return SavedWeights(model, step=header["counters"]["step"])
        tensors, header = read_tensors(self.path / MODEL)
        return SavedWeights(tensors, header["step"], header["loss"], header["metrics"])

    def save_weights(self, weights: SavedWeights) -> None:
        """Write ``model.safetensors``."""
        from suimon.training.tensor_file import write_tensors

        header = {"step": weights.step, "loss": weights.loss, "metrics": dict(weights.metrics)}
        write_tensors(self.path / MODEL, weights.tensors, header)

    def environment(self) -> dict[str, Any]:
        """What the run was last trained with; empty before it was."""
        file = self.path / ENVIRONMENT
        return _read_json(file) if file.exists() else {}

    def save_environment(self, environment: Mapping[str, Any]) -> None:
        """Write ``environment.json``."""
        write_atomically(self.path / ENVIRONMENT, _json(environment))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training this run at the same time.

        Raises:
            ConfigError: another process is training it.
        """
        try:
            import fcntl
        except ImportError:  # not a POSIX system: no such lock
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"{self.path} is being trained by another process: wait for it, or stop it"
                ) from None
            except OSError:  # a network file system without locks
                pass
            yield
        finally:
            os.close(descriptor)

    def _manifest(self) -> dict[str, Any]:
        manifest = _read_json(self.path / MANIFEST)
        if "task" not in manifest:
            raise CheckpointError(f"{self.path / MANIFEST} is not a manifest of suimon")
        return manifest


def _is_other_process() -> bool:
    """Whether this is a process of ``torchrun`` other than the first, which alone writes."""
    return int(os.environ.get("RANK", "0")) > 0


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise CheckpointError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(f"{file} is damaged: restore it from a copy") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{file} is damaged: it holds no table; restore it from a copy")
    return value


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _toml(tables: Mapping[str, Any]) -> bytes:
    return tomli_w.dumps(_without_none(tables)).encode()


def _without_none(tables: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no null; an option left out has its default, which is then ``None``."""
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in tables.items()
        if value is not None
    }
