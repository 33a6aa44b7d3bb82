"""Image rows: an image is a sequence of rows; the next ones are learnt from those so far."""
