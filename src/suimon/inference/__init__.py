"""Running a trained network: sessions that carry state, and sampling."""

from suimon.inference.sampling import check_sampling, distribution, draw, sample
from suimon.inference.session import Session, map_state

__all__ = ["Session", "check_sampling", "distribution", "draw", "map_state", "sample"]
