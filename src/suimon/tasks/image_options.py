"""The values of options about images that several tasks have; no torch is imported here."""

from typing import Literal

ColorName = Literal["grey", "rgb"]

SIZE = (
    "Rows and columns that images are brought to, 28 or 28x20 (left out: the first image's, its "
    "longer side 64 at most; those of an IDX file stay)."
)
COLOR = "Whether images are read in grey or in colours (left out: as the first one is)."
