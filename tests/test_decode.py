"""The best legal spans of one row of scores, against a plain search over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.decode import MAX_TOKENS, best_spans

EVERY = 1000


WHOLE = st.integers(-8, 8).map(float)


@st.composite
def rows(draw, scores=WHOLE):
    """Scores of one row: question first, then sentences, then tokens that are no answer."""
    before = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 6), max_size=4))
    paragraph = [-1] * before
    for number, length in enumerate(lengths):
        paragraph += [number] * length
    paragraph += [-1] * draw(st.integers(0, 2))
    tokens = len(paragraph)
    first = [True, *draw(st.lists(st.booleans(), min_size=tokens - 1, max_size=tokens - 1))]
    start, end = (draw(st.lists(scores, min_size=tokens, max_size=tokens)) for _ in range(2))
    return (
        np.array(start, dtype=np.float32),
        np.array(end, dtype=np.float32),
        np.array(paragraph, dtype=np.int64),
        np.array(first),
        np.append(np.array(first[1:], dtype=bool), True),
    )


def legal(row):
    start, end, paragraph, first, last = row
    null = start[0] + end[0]
    for begin in range(len(start)):
        for stop in range(begin, min(len(start), begin + MAX_TOKENS)):
            inside = paragraph[begin] >= 0 and len(set(paragraph[begin : stop + 1])) == 1
            score = float(start[begin]) + float(end[stop]) - float(null)
            if inside and first[begin] and last[stop] and np.isfinite(score):
                yield begin, stop, score


@given(rows(), st.integers(0, 6))
def test_the_best_spans_are_those_of_a_search_over_all(row, count):
    chosen = best_spans(*row, count)
    left = list(legal(row))
    for begin, stop, score in chosen:
        assert (begin, stop, score) in left
        assert score == max(score for _, _, score in left)
        left = [one for one in left if one[1] < begin or one[0] > stop]
    assert len(chosen) == count or left == []


@given(rows())
def test_chosen_spans_are_in_order_and_never_overlap(row):
    chosen = best_spans(*row, EVERY)
    scores = [best.score for best in chosen]
    assert scores == sorted(scores, reverse=True)
    tokens = [token for best in chosen for token in range(best.first, best.last + 1)]
    assert len(tokens) == len(set(tokens))
    assert all(row[2][token] >= 0 for token in tokens)


@given(rows(st.sampled_from([1.0, -2.0, np.nan, np.inf, -np.inf])))
def test_scores_that_are_no_numbers_are_never_chosen(row):
    for begin, stop, score in best_spans(*row, EVERY):
        assert np.isfinite(score)
        assert np.isfinite(row[0][[0, begin]]).all()
        assert np.isfinite(row[1][[0, stop]]).all()


def test_a_row_without_a_score_for_no_answer_gives_nothing():
    scores = np.array([np.nan, 3, 3], dtype=np.float32)
    every = np.ones(3, dtype=bool)
    assert best_spans(scores, scores, np.array([-1, 0, 0]), every, every, 5) == []


def test_the_score_is_start_plus_end_minus_no_answer():
    start = np.array([1, 0, 4, 0], dtype=np.float32)
    end = np.array([2, 0, 0, 5], dtype=np.float32)
    every = np.ones(4, dtype=bool)
    [best] = best_spans(start, end, np.array([-1, 0, 0, 0]), every, every, 1)
    assert (best.first, best.last, best.score) == (2, 3, 6.0)


@pytest.mark.parametrize("length", [MAX_TOKENS, MAX_TOKENS + 1])
def test_no_span_is_longer_than_the_longest_answer(length):
    tokens = length + 1
    start, end = np.zeros(tokens, dtype=np.float32), np.zeros(tokens, dtype=np.float32)
    start[1] = end[-1] = 9
    paragraph = np.array([-1] + [0] * length)
    every = np.ones(tokens, dtype=bool)
    [(begin, stop, score)] = best_spans(start, end, paragraph, every, every, 1)
    assert stop - begin < MAX_TOKENS
    assert ((begin, stop) == (1, length)) == (length == MAX_TOKENS)
    assert score == (18 if length == MAX_TOKENS else 9)


def test_fewer_than_asked_when_there_are_not_enough():
    scores = np.zeros(3, dtype=np.float32)
    every = np.ones(3, dtype=bool)
    assert best_spans(scores, scores, np.array([-1, -1, -1]), every, every, 3) == []
    assert len(best_spans(scores, scores, np.array([-1, 0, 1]), every, every, 3)) == 2


def test_the_scores_given_stay_as_they_are():
    start, end = np.zeros(4, dtype=np.float32), np.ones(4, dtype=np.float32)
    every = np.ones(4, dtype=bool)
    best_spans(start, end, np.array([-1, 0, 0, 0]), every, every, 3)
    assert (start == 0).all() and (end == 1).all()
