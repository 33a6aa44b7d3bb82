"""The baseline: a character model that knows only the last four characters.

It has the letters, the words and the punctuation of its text, but cannot count brackets or
remember an indentation, which is what the network is said to learn.
"""

import random
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

import numpy as np

from suimon.errors import ConfigError


class NGramModel:
    r"""Counts of every character after every context of ``order - 1`` characters.

    With ``n(c, x)`` how often character ``x`` followed context ``c`` in the text, the next one is
    drawn from::

        p(x | c) = n(c, x)^(1/temperature) / sum_x' n(c, x')^(1/temperature)

    Back-off: where ``c`` never stood in the text before a character, its first character is
    dropped until what is left did; the empty context always did. (Contexts made by sampling always
    did, save for one that only the very end of the text has, so this matters for prompts alone.)
    No smoothing: it would only add characters that cannot follow.

    Args:
        text: what to count, one character or more.
        order: length of the context and the next character together, 1 or more.

    Source: C. E. Shannon (1948), A Mathematical Theory of Communication, §3: approximations to
        English by the frequencies of letter groups.

    Example:
        >>> model = NGramModel("ababab", order=2)
        >>> model.sampler(temperature=0.5, seed=0)("a", count=1, limit=5, done=lambda text: False)
        ['ababa']
    """

    def __init__(self, text: str, order: int = 5) -> None:
        if not text:
            raise ConfigError("an n-gram model needs a text to count; this one is empty")
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        alphabet, codes = np.unique(points, return_inverse=True)  # (V,), (characters,)
        if order < 1 or len(alphabet) ** order >= 2**63:
            raise ConfigError(
                f"order {order} does not fit {len(alphabet)} distinct characters: give 1 to "
                f"{int(63 / np.log2(max(2, len(alphabet))))}"
            )
        self.order = order
        self._alphabet = [chr(point) for point in alphabet]
        self._code = {character: code for code, character in enumerate(self._alphabet)}
        self._codes = codes
        self._tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._following: dict[str, tuple[list[str], list[int]]] = {}

    def following(self, context: str) -> tuple[list[str], list[int]]:
        """The characters that may come next and how often each did, after backing off."""
        known = self._following.get(context)
        if known is None:
            known = self._counted(context)
            while not known[0]:
                context = context[1:]
                known = self._counted(context)
            self._following[context] = known
        return known

    def _counted(self, context: str) -> tuple[list[str], list[int]]:
        """What followed exactly this context; nothing where it never stood in the text."""
        V = len(self._alphabet)
        key = 0
        for character in context:
            if character not in self._code:
                return [], []
            key = key * V + self._code[character]
        keys, counts = self._table(len(context) + 1)
        # Grams are sorted, so those that share a context stand together.
        first, last = np.searchsorted(keys, [key * V, (key + 1) * V])
        characters = [self._alphabet[gram % V] for gram in keys[first:last].tolist()]
        return characters, counts[first:last].tolist()

    def _table(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Every gram of ``length`` characters as one number in base V, sorted, and its count."""
        if length not in self._tables:
            windows = max(0, len(self._codes) - length + 1)
            grams = np.zeros(windows, dtype=np.int64)
            for place in range(length):
                grams = grams * len(self._alphabet) + self._codes[place : place + windows]
            self._tables[length] = np.unique(grams, return_counts=True)
        return self._tables[length]

    def sampler(self, *, temperature: float, seed: int) -> "NGramSampler":
        """Something that writes texts with this model, the same ones for the same seed."""
        return NGramSampler(self, temperature, seed)


class NGramSampler:
    """Writes texts with an :class:`NGramModel`; see there for the distribution."""

    def __init__(self, model: NGramModel, temperature: float, seed: int) -> None:
        self._model = model
        self._power = 1 / temperature
        self._random = random.Random(seed)
        self._drawn_from: dict[str, tuple[list[str], list[float]]] = {}

    def __call__(
        self, prompt: str, *, count: int, limit: int, done: Callable[[str], bool]
    ) -> list[str]:
        """Return ``count`` texts from ``prompt``, each up to ``done`` or ``limit`` characters."""
        return [self._one(prompt, limit, done) for _ in range(count)]

    def _one(self, text: str, limit: int, done: Callable[[str], bool]) -> str:
        while len(text) < limit and not done(text):
            text += self._next(text[max(0, len(text) - self._model.order + 1) :])
        return text

    def _next(self, context: str) -> str:
        if context not in self._drawn_from:
            characters, counts = self._model.following(context)
            most = max(counts)  # scaled, so that a low temperature does not overflow
            weights = ((count / most) ** self._power for count in counts)
            self._drawn_from[context] = characters, list(accumulate(weights))
        characters, cumulative = self._drawn_from[context]
        place = bisect(cumulative, self._random.random() * cumulative[-1])
        return characters[min(place, len(characters) - 1)]
