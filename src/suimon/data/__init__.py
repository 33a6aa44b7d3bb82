"""Data: from a user's files to :class:`~suimon.data.batch.SequenceBatch`, and nothing of models."""
