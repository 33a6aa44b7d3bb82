import math
import random

import numpy as np
import torch

from suimon import SequenceClassifier
from suimon.tasks.classification.weighting import WeightedEmbedding


def test_weights_by_hand():
    embedding = WeightedEmbedding(4, 2)
    embedding.learn([np.array([1, 1, 2]), np.array([1]), np.array([1, 2, 3])])
    idf = [math.log(4 / (1 + n)) + 1 for n in (1, 3, 2, 1)]  # unit 0 was never met
    mean = (4 * idf[1] + 2 * idf[2] + idf[3]) / 7
    expected = torch.tensor([value / mean for value in idf])
    torch.testing.assert_close(embedding.weights_of_units, expected)
    found = embedding(torch.tensor([[3]]))[0, 0]
    torch.testing.assert_close(found, expected[3] * embedding.weight[3])


def notes(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Notes by two kinds of author: the same common words, and one rare word that tells."""
    chance = random.Random(seed)
    common = [f"common{n}" for n in range(8)]
    rare = {"nurse": [f"n{n}" for n in range(40)], "miner": [f"m{n}" for n in range(40)]}
    texts, authors = [], []
    for n in range(count):
        author = ("nurse", "miner")[n % 2]
        words = chance.choices(common, k=24)
        words.insert(chance.randrange(24), chance.choice(rare[author]))
        texts.append(" ".join(words))
        authors.append(author)
    return texts, authors


def test_it_helps_where_rare_words_tell():
    train, test = notes(240, seed=1), notes(200, seed=2)
    reached = {}
    for weighting in ("none", "tfidf"):
        options = {"weighting": weighting, "embedding": 16}
        scores = []
        for seed in range(2):
            model = SequenceClassifier(hidden_size=16, epochs=8, random_state=seed, options=options)
            scores.append(model.fit(*train).score(*test))
        reached[weighting] = float(np.mean(scores))
    assert reached["tfidf"] > reached["none"] + 0.05, reached
