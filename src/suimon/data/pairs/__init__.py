"""Pairs of texts, a source and a target each: from parallel files, tables and lines."""

from suimon.data.pairs.reading import read_pairs, read_sources
from suimon.data.pairs.sentences import SentencePairs

__all__ = ["SentencePairs", "read_pairs", "read_sources"]
