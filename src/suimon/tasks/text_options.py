"""The values of options about texts that several tasks have; no torch is imported here."""

from typing import Literal

UnitName = Literal["chars", "bytes", "words", "bpe"]
WordSplitter = Literal["whitespace", "marks", "sudachi", "janome"]
