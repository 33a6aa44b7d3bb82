import numpy as np

from suimon.data.text.overlap import fingerprint, fingerprints, met


def test_what_counts_as_the_same_text():
    assert fingerprint("It's  GOOD.") == fingerprint("it s good")
    assert fingerprint("good") != fingerprint("goods")
    assert fingerprint("水門を 開ける。") == fingerprint("水門を 開ける")


def test_texts_without_a_letter_are_no_overlap():
    known = fingerprints(["a film", "A film!", "...", ""])
    assert known.shape == (1,)
    assert known.dtype == np.uint64
    assert met(["a  film", "another", "?!"], known).tolist() == [True, False, False]
