"""Text: from files to truncated-BPTT batches, in memory that does not grow with the text.

The way of a text, one module a station::

    paths --sources--> documents --decoding, aozora, pieces--> pieces of text
          --units--> token ids --corpus, cache--> one memory-mapped array
          --split--> training and validation part --streams, evaluation--> SequenceBatch

Names are imported on first use, so that reading an option's default costs no import of torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suimon.data.text.corpus import Corpus, corpus_of_text, load_corpus
    from suimon.data.text.evaluation import evaluation_windows
    from suimon.data.text.split import Split, TextPart, split_corpus, whole
    from suimon.data.text.streams import TokenStreams
    from suimon.data.text.units import Units, UnitsOptions, fit_units, units_from_state

_HOMES = {
    "Corpus": "corpus",
    "Split": "split",
    "TextPart": "split",
    "TokenStreams": "streams",
    "Units": "units",
    "UnitsOptions": "units",
    "corpus_of_text": "corpus",
    "evaluation_windows": "evaluation",
    "fit_units": "units",
    "load_corpus": "corpus",
    "split_corpus": "split",
    "units_from_state": "units",
    "whole": "split",
}

__all__ = [
    "Corpus",
    "Split",
    "TextPart",
    "TokenStreams",
    "Units",
    "UnitsOptions",
    "corpus_of_text",
    "evaluation_windows",
    "fit_units",
    "load_corpus",
    "split_corpus",
    "units_from_state",
    "whole",
]


def __getattr__(name: str) -> Any:
    """Import the module that a public name lives in when the name is first read."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
