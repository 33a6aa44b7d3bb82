"""A trained language model at work: write, foretell, judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from suimon.data.text import TextPart, Units, corpus_of_text, load_corpus, whole
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import preprocess_of, units_of
from suimon.tasks.language_model.model import LanguageNetwork, build_network
from suimon.tasks.language_model.objective import Surprise, measure_surprise
from suimon.tasks.language_model.quantisation import QuantisationLoss, quantisation_loss
from suimon.tasks.language_model.stepping import stepping_network
from suimon.tasks.language_model.writing import Piece, Writer
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.training.run_directory import RunDirectory

UNKNOWN_SHOWN = 10


class TrainedLanguageModel:
    """A network, its vocabulary and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode.
        units: its vocabulary.
        config: complete options.
    """

    def __init__(self, network: LanguageNetwork, units: Units, config: LanguageModelConfig) -> None:
        self.network = network.eval()
        self.units = units
        self.config = config

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's text into tokens, JSON-able."""
        return preprocess_of(self.units, self.config)

    def writer(self, *, count: int = 1, seed: int | None = None, precision: str = "fp32") -> Writer:
        """A writer that reads and writes in turns, as for a conversation.

        It has the weights as they are now. Precisions and errors as for :meth:`stream`.
        """
        network = stepping_network(self.network, precision)
        return Writer(network, self.units, count=count, seed=seed)

    def quantisation_loss(
        self, run: RunDirectory | str | Path
    ) -> tuple[QuantisationLoss | None, str | None]:
        """What int8 costs this model, see :func:`.quantisation.quantisation_loss`.

        Args:
            run: the directory that the model was loaded from.
        """
        directory = run if isinstance(run, RunDirectory) else RunDirectory.open(run)
        return quantisation_loss(directory, self.network, self.config)

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        count: int = 1,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        until: str | None = None,
        seed: int | None = None,
        precision: str = "fp32",
    ) -> Iterator[Piece]:
        """Go on from a prompt, in pieces as they are written.

        Args:
            prompt: what to go on from; not among the pieces. See :meth:`unknown`.
            length: units (characters, bytes, words or sub-words) to write at most.
            count: texts to write side by side.
            temperature: 0 takes the likeliest unit each time, 1 the network's own shares.
            top_k: draw from so many of the likeliest units only.
            top_p: draw from the fewest likeliest units with this share together.
            until: stop a text once it has written this.
            seed: the same texts for the same seed; ``None``: other ones each time.
            precision: what weights and activations are rounded to where they are multiplied:
                ``fp32``, ``bf16`` or ``int8``, each quicker than the one before.

        Returns:
            An iterator of :class:`~suimon.tasks.language_model.writing.Piece`.

        Raises:
            ConfigError: an option is out of range.
            BackendError: this network or machine cannot run in that precision.
        """
        writer = self.writer(count=count, seed=seed, precision=precision)
        writer.read(prompt)
        return writer.write(length, temperature=temperature, top_k=top_k, top_p=top_p, until=until)

    def generate(self, prompt: str = "", **options: Any) -> str:
        """What the model writes after a prompt, as one string; options as for :meth:`stream`."""
        return "".join(piece.text for piece in self.stream(prompt, **options, count=1))

    def generate_many(self, prompt: str = "", *, count: int, **options: Any) -> list[str]:
        """``count`` texts written side by side; options as for :meth:`stream`."""
        texts = [""] * count
        for row, text in self.stream(prompt, count=count, **options):
            texts[row] += text
        return texts

    def unknown(self, text: str) -> dict[str, int]:
        """What of a text the vocabulary does not have, and how often it occurs.

        Each such unit is read as the one that stands for all others, and is never written.
        """
        return self.units.unknown(text)

    def unknown_notice(self, text: str) -> str | None:
        """One line on what of a text the model does not know; ``None`` where it knows all."""
        found = self.unknown(text)
        if not found:
            return None
        shown = ", ".join(repr(unit) for unit in list(found)[:UNKNOWN_SHOWN])
        more = f" and {len(found) - UNKNOWN_SHOWN} more" if len(found) > UNKNOWN_SHOWN else ""
        return (
            f"the model never saw {shown}{more} in training ({sum(found.values())} in this text): "
            "each is read as the one unknown unit"
        )

    def evaluate(self, paths: Sequence[str | Path], *, encoding: str | None = None) -> dict:
        """How well the model foretells the text of some files.

        Args:
            paths: files, folders, globs, or ``-`` for standard input, read as one text.
            encoding: how the files are written; ``None``: as those of the training were.

        Returns:
            ``loss`` (mean nats a unit), ``bits_per_char`` (of the original text, whatever the
            units), ``perplexity``, ``tokens`` (units foretold: all but the first), ``characters``
            (that these cover), ``unknown`` (units outside the vocabulary, which make bits per
            character look better than they are), ``notices`` (what to tell the user).

        Raises:
            DataError: a path or its content cannot be used.
        """
        corpus = load_corpus(
            list(paths),
            units=self.units,
            encoding=encoding or self.config.encoding,
            aozora=self.config.aozora,
        )
        part = whole(corpus)
        notices = list(corpus.notices)
        if part.unknown:
            examples = ", ".join(map(repr, corpus.unknown_examples))
            notices.append(f"{part.unknown:,} units are outside the vocabulary, such as {examples}")
        found = self._measure(part)
        return {
            "loss": found.loss,
            "bits_per_char": found.bits_per_char,
            "perplexity": found.perplexity,
            "tokens": found.units,
            "characters": found.characters,
            "unknown": part.unknown,
            "notices": notices,
        }

    def surprise(self, text: str) -> Surprise:
        """How well the model foretells a text.

        Raises:
            DataError: the text is too short: nothing follows anything.
        """
        return self._measure(whole(corpus_of_text(text, units=self.units)))

    def _measure(self, part: TextPart) -> Surprise:
        """By the step engine where it can: 1.2 to 1.6 times as quick as the layers in float32."""
        network = stepping_network(self.network)
        return measure_surprise(network, part)

    def score(self, text: str) -> float:
        """Mean log-probability a unit, in nats: the higher the better. See :meth:`surprise`."""
        return -self.surprise(text).loss

    def bits_per_char(self, text: str) -> float:
        """Bits a character of a text: the lower the better. See :meth:`surprise`."""
        return self.surprise(text).bits_per_char


def load(run: RunDirectory | str | Path) -> TrainedLanguageModel:
    """The trained model of a run directory: its best weights, or the last where none are best yet.

    Args:
        run: the directory.

    Raises:
        CheckpointError: there is no run, it is another task's, a newer suimon's, or damaged.
        ConfigError: its ``config.toml`` was given a value that cannot work.
    """
    directory = opened(run, DESCRIPTION.name)
    config = options_of(directory, DESCRIPTION)
    units = units_of(directory.preprocess())
    network = build_network(config, units.size)
    take_weights(network, directory)
    return TrainedLanguageModel(network, units, config)
