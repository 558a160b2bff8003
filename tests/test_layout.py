"""Which sentence each token of a row stands in."""

import numpy as np
import pytest

from qa.layout import lay_out
from qa.reader import DEFAULT_READER, TOKENIZER, load_tokenizer
from qa.window import whole


@pytest.mark.model
def test_each_token_stands_in_the_sentence_that_it_is_cut_from(article):
    window = whole(article("One hut. Two wells, 😀 and a mill! Three?"))
    row = load_tokenizer(DEFAULT_READER / TOKENIZER).encode("How many?", window.text)
    layout = lay_out(row, window)
    for number, (start, end) in enumerate(layout.places, 1):
        here = [row.offsets[token] for token in np.flatnonzero(layout.sentence == number)]
        assert here and all(start <= first < last <= end for first, last in here)
        assert layout.text(window, number) == window.text[start:end]
    parts = np.array([-1 if one is None else one for one in row.sequence_ids])
    assert ((layout.sentence > 0) == (parts == 1)).all()
