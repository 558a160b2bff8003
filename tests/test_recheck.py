"""What became of a citation in the article as it is now."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Article
from qa import Standing, recheck

ARTICLE = Article("a", "a", "T", "Anna opened it. 🙂 Then Anna left, and Anna slept.")


@pytest.mark.parametrize(
    ("start", "end", "quote", "verdict"),
    [
        (0, 4, "Anna", Standing("holds", 0, 4)),
        (23, 27, "Anna", Standing("holds", 23, 27)),
        (24, 28, "Anna", Standing("moved", 23, 27)),
        (16, 17, "🙂", Standing("holds", 16, 17)),
        (40, 44, "Anna", Standing("moved", 38, 42)),
        (3, 7, "Anna", Standing("moved", 0, 4)),
        (9999, 10003, "Anna", Standing("moved", 38, 42)),
        (0, 5, "Berta", Standing("changed")),
        (0, 0, "", Standing("changed")),
        (-4, 4, "Anna", Standing("moved", 0, 4)),
    ],
)
def test_words_hold_or_have_moved_to_the_nearest_place_or_are_nowhere(start, end, quote, verdict):
    assert recheck(ARTICLE, start, end, quote, None) == verdict


@given(st.integers(0, 60), st.integers(0, 60), st.text("An a", min_size=1, max_size=4))
def test_wherever_words_are_said_to_stand_they_do(start, end, quote):
    now = recheck(ARTICLE, start, end, quote, None)
    if now.verdict == "changed":
        assert quote not in ARTICLE.text
    else:
        assert ARTICLE.text[now.start : now.end] == quote
        assert (now.verdict == "holds") == ((now.start, now.end) == (start, end))


def test_with_a_digest_any_other_text_is_a_change():
    digest = ARTICLE.text_digest
    assert recheck(ARTICLE, 0, 4, None, digest) == Standing("holds", 0, 4)
    assert recheck(replace(ARTICLE, title="Another"), 0, 4, None, digest).verdict == "holds"
    other = replace(ARTICLE, text=ARTICLE.text + " More.")
    assert recheck(other, 0, 4, None, digest) == Standing("changed")
    assert recheck(other, 0, 4, "Anna", digest) == Standing("holds", 0, 4)
    assert recheck(ARTICLE, 0, 999, None, digest) == Standing("changed")
    most = ARTICLE.text[:-1]
    assert recheck(ARTICLE, 0, -1, most, None) == Standing("moved", 0, len(most))


def test_an_article_that_is_not_there_is_gone():
    assert recheck(None, 0, 4, "Anna", None) == Standing("gone")
