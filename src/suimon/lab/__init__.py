"""Experiments: claims from the literature, run here and compared with their numbers.

One folder or file an experiment; none is needed to use the rest of the package.
"""
