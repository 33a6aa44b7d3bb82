"""A trained network at work on images: complete them, draw new ones, judge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.images import ImageRows, Images
from suimon.data.images.grid import check_picture, save_grid
from suimon.errors import ConfigError
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.tasks.rows.config import DESCRIPTION, RowsConfig
from suimon.tasks.rows.data import LEVELS, Preprocessing, read
from suimon.tasks.rows.model import RowNetwork
from suimon.tasks.rows.objective import AT_ONCE, judged, network_for, upper_half
from suimon.training.run_directory import RunDirectory

MOST_DRAWN = 64
"""Images that a picture shows."""
_SIDE_BY_SIDE = 8

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class TrainedRowGenerator:
    """A network, the form of its images, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        preprocessing: of images.
        config: complete options.
    """

    def __init__(
        self, network: RowNetwork, preprocessing: Preprocessing, config: RowsConfig
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.config = config

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's image into the network's input, JSON-able."""
        return self.preprocessing.state()

    @torch.inference_mode()
    def completed(self, rows: npt.NDArray[np.floating[Any]]) -> Floats:
        """Images completed from their first rows, in a closed loop.

        Args:
            rows: ``(N, T_0, I)`` in 0 to 1, I pixels times colours.

        Returns:
            ``(N, T, I)``, the rows given first.
        """
        height = self.preprocessing.form.height
        parts = [
            self.network.completed(
                torch.from_numpy(np.ascontiguousarray(part, np.float32)).transpose(0, 1),
                height,
                self.network.output.mean,
            )
            for part in np.array_split(rows, -(-len(rows) // AT_ONCE))
        ]
        return torch.cat(parts, dim=1).transpose(0, 1).numpy()

    @torch.inference_mode()
    def samples(self, count: int, seed: int = 0) -> Floats:
        """Whole images by chance, each row drawn by those drawn before it: ``(N, T, I)``.

        Args:
            count: N.
            seed: the same images for the same seed.

        Raises:
            ConfigError: the network was trained on means alone.
        """
        form = self.preprocessing.form
        chance = torch.Generator().manual_seed(seed)
        draw = self.network.output.draw
        parts = [
            self.network.completed(
                torch.zeros(0, min(AT_ONCE, count - start), form.width * form.channels),
                form.height,
                lambda numbers: draw(numbers, chance),
                stride=1,
            )
            for start in range(0, count, AT_ONCE)
        ]
        return torch.cat(parts, dim=1).transpose(0, 1).numpy()

    def predictions(
        self,
        paths: Sequence[str | Path],
        *,
        given: int | None = None,
        picture: str | None = None,
        sample: int | None = None,
        sample_seed: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """What the network makes of the images of some files, as the command line prints it.

        Args:
            paths: as in training; none where images are sampled.
            given: rows of each that are shown; ``None``: the upper half.
            picture: a PNG file to draw originals beside completed ones into, or samples.
            sample: draw so many images instead.
            sample_seed: decides them.

        Returns:
            For each image ``place``, where it stands, ``mse`` of the completed pixels, and
            ``repeat_last_row_mse``; for each sample its ``place``, and ``mean``, its brightness.

        Raises:
            DataError: a path or its content cannot be used.
            ConfigError: options contradict each other or the run, or the picture cannot be written.
        """
        if picture is not None:
            check_picture(picture)
        if sample is None:
            yield from self._completions(paths, given, picture)
            return
        if paths or given is not None:
            raise ConfigError("samples are drawn from nothing: leave out INPUT and --given")
        if picture is None:
            raise ConfigError("samples are drawn into a picture: name it by --picture FILE.png")
        drawn = self.samples(sample, sample_seed)
        shown = [self._pixels(image) for image in drawn[:MOST_DRAWN]]
        save_grid(_in_lines(shown, _SIDE_BY_SIDE), picture)
        for n, image in enumerate(drawn):
            yield {"place": f"sample {n + 1}", "mean": float(image.mean())}

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as a line of text."""
        value = found["mse"] if "mse" in found else found["mean"]
        return f"{value:.5f}\t{found['place']}"

    def evaluate(self, paths: Sequence[str | Path], *, given: int | None = None) -> dict[str, Any]:
        """How well the network says rows, and completes the images of some files.

        Args:
            paths: as in training.
            given: rows of each that are shown; ``None``: the upper half.

        Returns:
            ``mse``, mean squared error of a completed pixel, black 0 and white 1;
            ``repeat_last_row_mse`` and ``mean_image_mse``, those of repeating the last row shown
            and of the training images' mean; ``loss``, as in training; ``nats`` and
            ``bits_per_pixel`` of the next row, where the network says chances, else
            ``next_row_mse``; ``given``; and ``images``, how many.

        Raises:
            DataError: a path or its content cannot be used.
            ConfigError: as many rows are given as there are.
        """
        given = self._given(given)
        data = ImageRows(self._read(paths))
        found = judged(self.network, data, given)
        mean = np.array(self.preprocessing.mean_image)[given:]
        squares = sum(
            float(((data[n][given:] / LEVELS - mean) ** 2).mean()) for n in range(len(data))
        )
        likely = self.network.output.drawn
        of_next = (
            {"nats": found.next_row, "bits_per_pixel": found.next_row / math.log(2)}
            if likely
            else {"next_row_mse": found.next_row}
        )
        return {
            "mse": found.completion_mse,
            "repeat_last_row_mse": found.repeat_last_row_mse,
            "mean_image_mse": squares / len(data),
            "loss": found.loss,
            **of_next,
            "given": given,
            "images": len(data),
        }

    def _completions(
        self, paths: Sequence[str | Path], given: int | None, picture: str | None
    ) -> Iterator[dict[str, Any]]:
        given = self._given(given)
        data = ImageRows(self._read(paths))
        shown: list[list[Bytes]] = []
        for start in range(0, len(data), AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, len(data)))
            rows = np.stack([data[n] for n in numbers]).astype(np.float32) / LEVELS  # (B, T, I)
            whole = self.completed(rows[:, :given])
            if len(shown) < MOST_DRAWN:
                pairs = zip(rows, whole, strict=True)
                shown += [[self._pixels(image) for image in pair] for pair in pairs]
            if picture is not None and (numbers.stop == len(data)):
                pairs = shown[:MOST_DRAWN]
                save_grid(
                    _in_lines([image for pair in pairs for image in pair], _SIDE_BY_SIDE), picture
                )
            errors = np.square(whole - rows)[:, given:].mean(axis=(1, 2))
            repeated = np.square(rows[:, given - 1 : given] - rows[:, given:]).mean(axis=(1, 2))
            for n, error, other in zip(numbers, errors, repeated, strict=True):
                yield {
                    "place": data.images.place(n),
                    "mse": float(error),
                    "repeat_last_row_mse": float(other),
                }

    def _pixels(self, image: npt.NDArray[np.floating[Any]]) -> Bytes:
        """``(height, width, channels)`` of rows in 0 to 1."""
        return (image * LEVELS).round().astype(np.uint8).reshape(self.preprocessing.form.shape)

    def _given(self, given: int | None) -> int:
        form = self.preprocessing.form
        if given is None:
            return upper_half(form)
        if given >= form.height:
            raise ConfigError(
                f"given = {given} leaves nothing to complete: the images have {form.height} rows; "
                "give fewer"
            )
        return given

    def _read(self, paths: Sequence[str | Path]) -> Images:
        return read(paths, self.config, self.preprocessing.form)


def _in_lines(images: list[Bytes], width: int) -> list[list[Bytes]]:
    """Images in lines of equal length, the last one filled up with white ones."""
    white = np.full_like(images[0], LEVELS)
    filled = images + [white] * (-len(images) % min(width, len(images)))
    width = min(width, len(images))
    return [filled[n : n + width] for n in range(0, len(filled), width)]


def load(run: RunDirectory | str | Path) -> TrainedRowGenerator:
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
    return TrainedRowGenerator(network, preprocessing, config)
