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


@pytest.mark.model
def test_no_answer_begins_or_ends_where_a_long_window_is_cut_in_a_word(article):
    window = whole(article("Chernyakhovsk and Szczebrzeszyn " * 90))
    row = load_tokenizer(DEFAULT_READER / TOKENIZER).encode("Where?", window.text)
    cut = 0
    for part in (row, *row.overflowing):
        layout = lay_out(part, window)
        begin = [part.offsets[token][0] for token in np.flatnonzero(layout.first)[3:]]
        end = [part.offsets[token][1] for token in np.flatnonzero(layout.last)[3:]]
        places = [place for place in (*begin, *end) if 0 < place < len(window.text)]
        assert not any(window.text[place - 1 : place + 1].isalnum() for place in places)
        own = np.flatnonzero(layout.sentence > 0)
        cut += int(not layout.first[own[0]]) + int(not layout.last[own[-1]])
    assert cut
