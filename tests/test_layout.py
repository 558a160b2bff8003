"""Which sentences a row has, and which of them nearly tie."""

import numpy as np
import pytest

from qa.layout import Layout, lay_out
from qa.reader import DEFAULT_READER, TOKENIZER, load_tokenizer
from qa.window import whole

SENTENCES = [-1, 1, 1, 2, 2, 3, 3]
FREE = np.ones(7, dtype=np.bool_)
LAYOUT = Layout(np.array(SENTENCES), FREE, FREE, [(0, 4), (5, 9), (10, 14)])


def scores(*peaks):
    """Scores of seven tokens: 0 for "not answered here" and these for every other one."""
    return np.array([0, *(one for peak in peaks for one in (peak, peak - 1))], dtype=np.float32)


@pytest.mark.parametrize(
    ("peaks", "rivals"),
    [((1, 3, -3), [2, 1]), ((3, 0, 2), [1, 3]), ((9, 1, 1), []), ((-9, 1, -9), [])],
)
def test_two_sentences_that_nearly_tie_are_rivals_the_best_first(peaks, rivals):
    found = scores(*peaks)
    assert LAYOUT.rivals(LAYOUT.best(found, found)) == rivals


def test_of_some_sentences_no_other_is_told():
    found = scores(5, 3, 4)
    assert {best.first for best in LAYOUT.only([2, 3]).best(found, found)} == {3, 4, 5, 6}


def test_a_sentence_alone_has_no_rival_whatever_else_stands_in_it():
    alone = Layout(np.array([-1, 1, 1, 1, 1, 1, 1]), FREE, FREE, [(0, 14)])
    found = scores(3, 3, 3)
    assert alone.rivals(alone.best(found, found)) == []


def test_where_nothing_may_be_said_nothing_is_a_rival():
    nowhere = Layout(np.full(7, -1), FREE, FREE, [])
    assert nowhere.rivals(nowhere.best(scores(1, 1, 1), scores(1, 1, 1))) == []


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
