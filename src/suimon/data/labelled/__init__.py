"""Sequences with a label each: from tables, folders and archives, for classification."""
