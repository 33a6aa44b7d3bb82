"""Forecasting: the past of series in, their next values and how sure they are out."""
