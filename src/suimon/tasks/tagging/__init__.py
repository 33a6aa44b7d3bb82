"""Tagging: a sequence in, a label for each of its steps out (many-to-many, aligned)."""
