"""The yardstick beside a classifier of texts: words and pairs of words, their order forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.text.units.splitters import splitter_named
from suimon.errors import ConfigError

MOST_WORDS = 8_000_000
"""Words of training texts that are counted at most: of a larger set texts spread evenly over it."""

WORDS_A_MINUTE = 1_000_000
"""Where the budget is in minutes, no more words for each than this, about a tenth of the time."""

MOST_TERMS = 200_000
"""Words and pairs kept, those of the most texts."""

PENALTY = 10.0  # scikit-learn's C; of 1, 3 and 10 the best on sst2's development split
ITERATIONS = 200


@dataclass(frozen=True)
class BagOfWords:
    r"""Logistic regression on TF-IDF of words and of pairs of neighbours.

    ::

        x_v    = n_v idf_v,    idf_v = ln((1 + N) / (1 + N_v)) + 1
        logits = W x / |x| + b

    with n_v how often term v occurs in a text, and N_v in how many of the N training texts.

    Shapes: V terms, C classes.

    Attributes:
        terms: the number of each word, and of each pair as two words with a blank between.
        idf: ``(V,)``.
        coefficients: ``(C, V)``, W.
        intercept: ``(C,)``, b.
        splitter: how texts are cut into words.

    Source: G. Salton and C. Buckley (1988), Term-weighting approaches in automatic text retrieval,
        with scikit-learn's smoothing of the idf.
    """

    terms: Mapping[str, int]
    idf: npt.NDArray[np.float64]
    coefficients: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]
    splitter: str

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: npt.NDArray[np.int64],
        classes: int,
        splitter: str,
        *,
        most_words: int = MOST_WORDS,
    ) -> Self:
        """Learn from texts; of very many only some are taken, spread evenly over all.

        Args:
            texts: as the network is given them.
            labels: ``(N,)`` class numbers, of two classes at least.
            classes: C.
            splitter: how texts are cut into words.
            most_words: how many words they may have together.

        Raises:
            ConfigError: scikit-learn is not installed.
        """
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import LogisticRegression
        except ImportError as error:
            raise ConfigError(
                "scikit-learn is not installed, so that no bag of words is trained beside: "
                "pip install 'suimon[text]'"
            ) from error
        chosen = _spread(texts, splitter, most_words)
        analyser: Any = partial(_terms, splitter=splitter)  # declared to be a string there
        vectorizer = TfidfVectorizer(analyzer=analyser, max_features=MOST_TERMS)
        features = vectorizer.fit_transform([texts[n] for n in chosen])
        regression = LogisticRegression(C=PENALTY, max_iter=ITERATIONS)
        regression.fit(features, labels[chosen])
        found = regression.coef_, np.atleast_1d(regression.intercept_)
        # Of two classes scikit-learn keeps the difference alone.
        halves = [np.stack([-part[0] / 2, part[0] / 2]) for part in found]
        coefficients, intercept = halves if len(regression.classes_) == 2 else found
        rows = regression.classes_  # a class that no text was taken of is never likely
        whole = np.zeros((classes, features.shape[1]))
        whole[rows] = coefficients
        constant = np.full(classes, -np.inf)
        constant[rows] = intercept
        terms = {str(term): int(n) for term, n in vectorizer.vocabulary_.items()}
        return cls(terms, np.asarray(vectorizer.idf_, np.float64), whole, constant, splitter)

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """The probability of each class, ``(N, C)``."""
        logits = np.tile(self.intercept, (len(texts), 1))
        for n, text in enumerate(texts):
            counts = Counter(
                self.terms[term] for term in _terms(text, self.splitter) if term in self.terms
            )
            if not counts:
                continue
            known = np.fromiter(counts, np.int64, len(counts))
            x = np.fromiter(counts.values(), np.float64, len(counts)) * self.idf[known]
            logits[n] += self.coefficients[:, known] @ (x / np.linalg.norm(x))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def tensors(self) -> dict[str, Tensor]:
        """All of it but the splitter's name."""
        ranked = sorted(self.terms, key=self.terms.__getitem__)
        text = "\n".join(ranked).encode("utf-8", "surrogatepass")
        return {
            "terms": torch.from_numpy(np.frombuffer(text, np.uint8).copy()),
            "idf": torch.from_numpy(self.idf.astype(np.float32)),
            "coefficients": torch.from_numpy(self.coefficients.astype(np.float32)),
            "intercept": torch.from_numpy(self.intercept.astype(np.float32)),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Any], splitter: str) -> Self:
        """What :meth:`tensors` described."""
        text = tensors["terms"].numpy().tobytes().decode("utf-8", "surrogatepass")
        numbers = {name: tensors[name].double().numpy() for name in tensors if name != "terms"}
        terms = {term: n for n, term in enumerate(text.split("\n"))}
        return cls(terms, splitter=splitter, **numbers)


def _terms(text: str, splitter: str) -> list[str]:
    """The words of a text, then its pairs of neighbours."""
    words = [word.replace("\n", " ") for word in splitter_named(splitter).split(text)]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _spread(texts: Sequence[str], splitter: str, most_words: int) -> npt.NDArray[np.int64]:
    """The numbers of texts, spread evenly, that have about ``most_words`` words together."""
    sample = range(0, len(texts), -(-len(texts) // 1000))
    split = splitter_named(splitter).split
    words = sum(len(split(texts[n])) for n in sample) / len(sample) * len(texts)
    count = min(len(texts), max(1, int(len(texts) * most_words / max(words, 1))))
    return np.linspace(0, len(texts) - 1, count).astype(np.int64)
