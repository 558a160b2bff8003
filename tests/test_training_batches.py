"""Examples as tokens: targets on the words they were on, rows of a question side by side."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.decode import MAX_TOKENS
from qa.reader import DEFAULT_READER, TOKENIZER, load_tokenizer
from qa.training.batches import _MULTIPLE, Row, batches, rows
from qa.training.windows import Example

TEXT = "The old bridge was built by Mary Stone in 1907, “so they say” 😀, for Zoë Łuk of Kōmeitō."


class Showing(Random):
    """Draws the least share, so that no word is hidden."""

    def uniform(self, a, b):
        return a


SHOWN = Showing()
LONG = " ".join(f"On day {day} it rained in the valley." for day in range(120))


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(DEFAULT_READER / TOKENIZER)


def example(text, *words, weights=None):
    places = [(text.index(word), text.index(word) + len(word)) for word in words]
    shares = [1 / len(words) for _ in words] if weights is None else weights
    targets = [(*place, share) for place, share in zip(places, shares, strict=True)]
    return Example("Who built it?", text, tuple(targets))


def text_of(tokenizer, row):
    """Lower-case words of each target, as its tokens say them."""
    return [tokenizer.decode(list(row.ids[first : last + 1])) for first, last, _ in row.targets]


def test_targets_are_the_tokens_of_the_answers(tokenizer):
    (row,) = rows(tokenizer, [example(TEXT, "Mary Stone", "1907", "Zoë Łuk", "Kōmeitō")], SHOWN)
    assert text_of(tokenizer, row) == ["mary stone", "1907", "zoe łuk", "komeito"]
    assert sum(weight for _, _, weight in row.targets) == pytest.approx(1)


def test_an_answer_may_end_in_a_mark_that_no_token_holds(tokenizer):
    text = "It was opened by Ade\u0301ba\u0301yo\u0323\u0300 on Monday."
    (row,) = rows(tokenizer, [example(text, "Ade\u0301ba\u0301yo\u0323\u0300")], SHOWN)
    assert text_of(tokenizer, row) == ["adebayo"]


def test_the_context_is_the_text_without_the_question_and_the_marks(tokenizer):
    (row,) = rows(tokenizer, [example(TEXT, "1907")], SHOWN)
    first, end = row.context
    assert tokenizer.decode(list(row.ids[first:end])).startswith("the old bridge")
    assert end == len(row.ids) - 1
    assert tokenizer.decode(list(row.ids[:first])) == "who built it?"


def test_a_question_that_is_too_long_is_cut_as_when_it_is_asked(tokenizer):
    one = replace(example(TEXT, "1907"), question="Who built it " * 200)
    (row,) = rows(tokenizer, [one], SHOWN)
    assert text_of(tokenizer, row) == ["1907"]
    assert row.context[0] == 128 + 2


def test_an_example_without_an_answer_has_no_target(tokenizer):
    (row,) = rows(tokenizer, [Example("Who?", TEXT, ())], SHOWN)
    assert row.targets == ()


def test_a_long_text_is_several_rows_and_those_without_the_answer_say_so(tokenizer):
    found = rows(tokenizer, [example(LONG, "day 119")], SHOWN)
    assert len(found) > 2
    assert [bool(row.targets) for row in found] == [False] * (len(found) - 1) + [True]
    assert text_of(tokenizer, found[-1]) == ["day 119"]
    assert all(len(row.ids) <= 384 for row in found)


def test_weights_of_a_part_that_shows_some_answers_add_up_to_one(tokenizer):
    found = rows(tokenizer, [example(LONG, "day 0", "day 119", weights=[0.8, 0.2])], SHOWN)
    assert [sum(weight for _, _, weight in row.targets) for row in found if row.targets] == [1, 1]


def test_an_answer_longer_than_any_is_left_out_with_the_row_that_has_no_other(tokenizer):
    words = " ".join(f"w{number}" for number in range(MAX_TOKENS + 1))
    text = f"It was said that {words} by Mary."
    assert rows(tokenizer, [example(text, words)], SHOWN) == []
    (row,) = rows(tokenizer, [example(text, words, "Mary")], SHOWN)
    assert text_of(tokenizer, row) == ["mary"]
    assert [weight for _, _, weight in row.targets] == [1]


def test_rows_of_several_examples_keep_their_order(tokenizer):
    found = rows(tokenizer, [example(TEXT, "1907"), Example("Who?", "It rained.", ())], SHOWN)
    assert [bool(row.targets) for row in found] == [True, False]


def made(length, targets=(), question=3):
    """A row of this many tokens, the first ones of them the question's."""
    return Row(tuple(range(1, length + 1)), (question, length - 1), tuple(targets))


GROUPS = st.lists(st.lists(st.integers(6, 384), min_size=1, max_size=3), max_size=25)


@given(GROUPS, st.integers(0, 5))
def test_every_row_comes_once_and_those_of_a_question_together(lengths, seed):
    questions = [[made(length, [(4, 4, 1.0)]) for length in group] for group in lengths]
    found = list(batches(questions, 4096, Random(seed)))
    together = []
    for batch in found:
        sizes = batch.mask.sum(axis=1)
        for number in range(int(batch.group.max()) + 1):
            together.append([int(size) for size in sizes[batch.group == number]])
        assert (np.diff(batch.group) >= 0).all()
    assert sorted(together) == sorted(lengths)


@given(GROUPS, st.integers(0, 5))
def test_a_batch_is_no_larger_than_asked_and_its_width_one_of_few(lengths, seed):
    questions = [[made(length) for length in group] for group in lengths]
    for batch in batches(questions, 2048, Random(seed)):
        count, width = batch.ids.shape
        assert width % _MULTIPLE == 0
        assert width - _MULTIPLE < batch.mask.sum(axis=1).max() <= width
        assert count * width <= 2048


def test_a_question_larger_than_a_batch_is_a_batch_of_its_own():
    found = list(batches([[made(300), made(300)], [made(300)]], 400, Random(0)))
    assert sorted(len(batch.ids) for batch in found) == [1, 2]


def test_no_questions_make_no_batches():
    assert list(batches([], 4096, Random(0))) == []


def test_a_batch_says_of_each_row_what_it_is():
    one = made(7, [(3, 4, 0.75), (5, 5, 0.25)])
    (batch,) = batches([[one, made(5)]], 4096, Random(0))
    assert batch.ids.shape == batch.mask.shape == batch.types.shape == batch.legal.shape
    assert batch.ids.shape == (2, _MULTIPLE)
    assert batch.ids[0, :8].tolist() == [1, 2, 3, 4, 5, 6, 7, 0]
    assert batch.mask.sum(axis=1).tolist() == [7, 5]
    assert batch.types[0, :8].tolist() == [0, 0, 0, 1, 1, 1, 1, 0]
    assert np.flatnonzero(batch.legal[0]).tolist() == [3, 4, 5]
    assert np.flatnonzero(batch.legal[1]).tolist() == [3]
    assert batch.group.tolist() == [0, 0]
    assert batch.target_row.tolist() == [0, 0]
    assert batch.target_first.tolist() == [3, 5]
    assert batch.target_last.tolist() == [4, 5]
    assert batch.target_weight.tolist() == [0.75, 0.25]


def test_the_types_are_those_that_the_tokenizer_gives(tokenizer):
    given = [example(TEXT, "1907"), Example("When, and where was it?", LONG, ())]
    found = rows(tokenizer, given, SHOWN)
    (batch,) = batches([found], 4096, Random(0))
    encodings = tokenizer.encode_batch([(one.question, one.text) for one in given])
    parts = [part for one in encodings for part in (one, *one.overflowing)]
    for number, part in enumerate(parts):
        assert batch.types[number, : len(part.ids)].tolist() == part.type_ids
        assert batch.ids[number, : len(part.ids)].tolist() == part.ids


def test_a_seed_draws_the_same_batches_and_another_others():
    questions = [[made(length)] for length in range(10, 210)]
    drawn = [
        [batch.ids.tolist() for batch in batches(questions, 512, Random(s))] for s in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_some_words_are_hidden_but_none_of_an_answer_or_the_question(tokenizer):
    given, random = example(TEXT, "Mary Stone", "1907"), Random(3)
    drawn = [rows(tokenizer, [given], random)[0] for _ in range(200)]
    (whole,) = rows(tokenizer, [given], SHOWN)
    mask = tokenizer.token_to_id("[MASK]")
    hidden = [{at for at, id in enumerate(row.ids) if id == mask} for row in drawn]
    assert all(
        id in (mask, before) for row in drawn for id, before in zip(row.ids, whole.ids, strict=True)
    )
    answers = {at for first, last, _ in whole.targets for at in range(first, last + 1)}
    assert set().union(*hidden) == set(range(*whole.context)) - answers
    share = sum(map(len, hidden)) / (200 * (len(range(*whole.context)) - len(answers)))
    assert 0.05 < share < 0.1
