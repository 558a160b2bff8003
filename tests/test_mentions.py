"""The same words elsewhere: whole words, in order, the range itself always among them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.mentions import LONGEST, mentions

TEXT = "🙂 Japan and Britain. JAPAN\nand  Britain, Japanese and Britain; japan and britain"


def said(words):
    start = TEXT.index(words)
    return [TEXT[slice(*one)] for one in mentions(TEXT, start, start + len(words))]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (
            "Japan and Britain",
            ["Japan and Britain", "JAPAN\nand  Britain", "japan and britain"],
        ),
        ("Japanese", ["Japanese"]),
        ("apan", ["apan"]),
        ("Japan", ["Japan", "JAPAN", "japan"]),
        ("🙂", ["🙂"]),
    ],
)
def test_the_same_words_are_found_whole(words, found):
    assert said(words) == found


def test_signs_are_signs():
    assert mentions("a.c abc (a.c", 0, 3) == [(0, 3), (9, 12)]


def test_a_long_range_is_not_looked_for():
    text = ("x" * LONGEST + "yz ") * 2
    assert mentions(text, 0, LONGEST + 2) == [(0, LONGEST + 2)]


@given(st.text("ab \n.🙂", min_size=1, max_size=40), st.data())
def test_mentions_are_in_order_and_apart_with_the_range_among_them(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = mentions(text, start, end)
    assert (start, end) in found
    assert all(one[1] <= two[0] for one, two in pairwise(found))
    assert all(text[slice(*one)].split() == text[start:end].split() for one in found)
