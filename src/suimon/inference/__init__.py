"""Running a trained network: sessions that carry state, the step engine, and sampling."""

from suimon.inference.beam_search import Hypothesis, beam_search
from suimon.inference.engine import PRECISIONS, StepEngine
from suimon.inference.sampling import check_sampling, distribution, draw, pick, sample
from suimon.inference.session import Session, map_state

__all__ = [
    "PRECISIONS",
    "Hypothesis",
    "Session",
    "StepEngine",
    "beam_search",
    "check_sampling",
    "distribution",
    "draw",
    "map_state",
    "pick",
    "sample",
]
