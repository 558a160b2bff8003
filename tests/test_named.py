"""The names of a question, and whether a text mentions them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.named import mentioned, names


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Who signed the RAA with Japan?", {"raa", "japan"}),
        ("When was Mbappé's goal in 2022?", {"mbapp", "2022"}),
        ("Chandrayaan-3 landed when?", {"chandrayaan", "3"}),
        ("What did Dr. O’Neill of the U.N. say?", {"dr", "o", "neill", "u", "n"}),
        ("Where is The Who?", {"who"}),
        ("who signed the raa", set()),
        ("Who?", set()),
        ("", set()),
    ],
)
def test_words_with_a_capital_or_a_digit_are_names(question, found):
    assert names(question) == found


def test_a_text_mentions_some_of_them():
    named = names("Did Ann Lee see the Games of 2022?")
    assert mentioned(named, "The game of 2022 was seen by ANN.") == 0.75
    assert mentioned(named, "") == 0.0
    assert mentioned(frozenset(), "") == 1.0


@given(st.text("aAbBéÉ12 .,?'’-s"), st.text(max_size=300))
def test_it_is_a_share_of_whatever_is_asked(question, text):
    named = names(question)
    assert 0 <= mentioned(named, text) <= 1
    assert mentioned(named, question) == 1
