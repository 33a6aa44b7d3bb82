"""Translation: a sentence in, another one out (encoder-decoder)."""
