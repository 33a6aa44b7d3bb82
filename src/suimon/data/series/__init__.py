"""Series over time: tables in long or wide form, their frequency, their gaps."""

from suimon.data.series.frequency import Frequency, infer_frequency, parse_frequency
from suimon.data.series.panel import Panel, Series

__all__ = ["Frequency", "Panel", "Series", "infer_frequency", "parse_frequency"]
