"""The nearest spelling among the words of some texts."""

import pytest

from index.spelling import nearest_word

TEXTS = ["Fumio Kishida met Rishi Sunak in London.", "KISHIDA and Kishida: the Kishidas' tower."]


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("Kishda", "Kishida"),
        ("kihsida", "Kishida"),
        ("SUNACK", "Sunak"),
        ("lodnon", "London"),
        ("kishida", "Kishida"),
        ("Zanzibar", None),
        ("x", None),
        ("", None),
    ],
)
def test_a_close_word_comes_as_the_texts_write_it_most(word, nearest):
    assert nearest_word(word, TEXTS) == nearest


def test_no_text_has_no_word():
    assert nearest_word("Kishida", []) is None
