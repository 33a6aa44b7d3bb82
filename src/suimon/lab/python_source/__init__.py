"""Experiment: does a character network learn the grammar of Python?

The claim of many a lecture on recurrent networks is that one which reads program text character
by character comes to know its grammar. Here it is measured: :func:`write_corpus` makes the text,
:func:`parsed_share` counts which of a model's functions Python's parser accepts, and
:func:`compare` does so for a trained network, an untrained one and a 5-gram model.
``examples/demo.py`` runs all of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suimon.lab.python_source.acceptance import ParsedShare, Sampler, parsed_share
    from suimon.lab.python_source.comparison import Comparison, compare
    from suimon.lab.python_source.corpus import CorpusReport, write_corpus
    from suimon.lab.python_source.network_sampler import NetworkSampler
    from suimon.lab.python_source.ngram import NGramModel

_HOMES = {
    "Comparison": "comparison",
    "CorpusReport": "corpus",
    "NGramModel": "ngram",
    "NetworkSampler": "network_sampler",
    "ParsedShare": "acceptance",
    "Sampler": "acceptance",
    "compare": "comparison",
    "parsed_share": "acceptance",
    "write_corpus": "corpus",
}

__all__ = [
    "Comparison",
    "CorpusReport",
    "NGramModel",
    "NetworkSampler",
    "ParsedShare",
    "Sampler",
    "compare",
    "parsed_share",
    "write_corpus",
]


def __getattr__(name: str) -> Any:
    """Import the module that a public name lives in when the name is first read."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
