"""What the reader reads for a passage, and the way back to the article."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Hit, Passage, sentences
from qa.window import AROUND_WORDS, LEAD_WORDS, PARAGRAPH, whole, windows

WORDS = st.sampled_from(
    [
        "Sunak",
        "signed",
        "é",
        "Kōmeitō",
        "😀",
        "👩‍🚀",
        "x\u0302",
        "東京",
        "U.S.",
        "1,000",
        "“so”",
        "(RAA)",
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=12).map(lambda words: f"The {' '.join(words)}.")
PARAGRAPHS = st.lists(SENTENCES, min_size=1, max_size=8).map(" ".join)
TEXTS = st.lists(PARAGRAPHS, min_size=1, max_size=5).map("\n\n".join)


def numbered(count, words=10):
    """Sentences of `words` words each; the last word of each tells its number."""
    return " ".join(f"{'The ' + 'word ' * (words - 2)}n{number}." for number in range(count))


def hit(article, start, end, score=0.5):
    return Hit(Passage(article.id, start, end, article.text[start:end]), score)


def around(article, words):
    """The one window of the sentence that ends in `words`."""
    end = article.text.index(words) + len(words)
    start = max(start for start, _ in sentences(article.text) if start < end)
    (window,) = windows(article, [hit(article, start, end)])
    return window


@given(TEXTS, st.data())
def test_every_piece_is_a_slice_of_the_article_and_leads_back_to_it(article, text, data):
    one = article(text, "Ünicode 😀")
    spans = sentences(text)
    first = data.draw(st.integers(0, len(spans) - 1))
    last = data.draw(st.integers(first, len(spans) - 1))
    (window,) = windows(one, [hit(one, spans[first][0], spans[last][1])])
    for piece in window.pieces:
        there = window.text[piece.at : piece.at + piece.length]
        assert there == text[piece.start : piece.start + piece.length] != ""
        start, end = piece.start, piece.start + piece.length
        assert window.locate(*window.find(start, end)) == (start, end)
        assert window.find(start, end + 1) is None
    assert any(
        piece.start <= spans[first][0] and spans[last][1] <= piece.start + piece.length
        for piece in window.pieces
    )
    begin = data.draw(st.integers(0, len(window.text)))
    end = data.draw(st.integers(begin, len(window.text)))
    place = window.locate(begin, end)
    inside = [one for one in window.pieces if one.at <= begin and end <= one.at + one.length]
    assert (place is not None) == bool(inside)
    if place is not None:
        assert text[place[0] : place[1]] == window.text[begin:end]
    assert window.text == one.title + PARAGRAPH + "".join(
        text[piece.start : piece.start + piece.length] + PARAGRAPH for piece in window.pieces
    )


@given(TEXTS, st.data())
def test_no_part_of_the_article_is_read_twice_in_one_window(article, text, data):
    one = article(text)
    start, end = data.draw(st.sampled_from(sentences(text)))
    (window,) = windows(one, [hit(one, start, end)])
    reached = 0
    for piece in window.pieces:
        assert piece.start >= reached
        reached = piece.start + piece.length


def test_the_title_is_read_but_is_no_answer(article):
    one = article(numbered(30), "Pact signed in London")
    window = around(one, "n20.")
    assert window.text.startswith("Pact signed in London\n\n")
    assert window.locate(0, 4) is None
    assert window.locate(0, len(window.text)) is None
    assert window.article_id == one.id


def test_a_passage_far_down_is_read_with_the_lead_once(article):
    window = around(article(numbered(40)), "n30.")
    lead, passage = window.text.split(PARAGRAPH)[1:3]
    assert lead == numbered(LEAD_WORDS // 10)
    assert "n30." in passage
    assert window.text.count("n0.") == 1
    assert len(window.pieces) == 2


def test_a_passage_is_read_with_whole_sentences_on_either_side(article):
    passage = around(article(numbered(40)), "n30.").text.split(PARAGRAPH)[2]
    neighbours = AROUND_WORDS // 10
    numbers = [word for word in passage.split() if word.startswith("n")]
    assert numbers == [f"n{number}." for number in range(30 - neighbours, 31 + neighbours)]
    assert passage.startswith("The ")


@pytest.mark.parametrize("words", ["n0.", "n3.", "n9."])
def test_a_passage_near_the_lead_is_not_doubled(article, words):
    window = around(article(numbered(40)), words)
    assert len(window.pieces) == 1
    numbers = [word for word in window.text.split() if word.startswith("n")]
    assert numbers == [f"n{number}." for number in range(len(numbers))]
    assert words in numbers


def test_a_lead_of_one_long_sentence_is_read_whole(article):
    text = f"{numbered(1, words=90)} {numbered(40)}"
    window = around(article(text), "n35.")
    assert window.text.split(PARAGRAPH)[1] == numbered(1, words=90)


def test_every_passage_gets_its_window_and_the_score_of_its_articles_best(article):
    one = article(numbered(40))
    spans = sentences(one.text)
    hits = [hit(one, *spans[20], score=0.3), hit(one, *spans[2], score=0.9)]
    first, second = windows(one, hits)
    assert (first.support, second.support) == (0.9, 0.9)
    assert "n20." in first.text
    assert "n2." in second.text


def test_of_a_megabyte_without_a_space_both_ends_are_read(article):
    one = article(",".join(map(str, range(0, 900_000, 7))) + " is what Anna wrote.")
    (window,) = windows(one, [hit(one, 0, len(one.text))])
    assert len(window.text) < 10_000
    first, last = window.pieces
    assert first.start == 0
    assert last.start + last.length == len(one.text)


def test_an_article_of_one_word_is_read(article):
    one = article("Yes", "Vote")
    (window,) = windows(one, [hit(one, 0, 3)])
    assert window.text == "Vote\n\nYes\n\n"
    assert window.locate(6, 9) == (0, 3)


def test_a_whole_article_is_read_without_its_title(article):
    one = article("First.\n\nSecond 😀.", "Title")
    window = whole(one)
    assert window.text == one.text
    assert window.locate(2, 9) == (2, 9)
    assert window.locate(0, len(one.text) + 1) is None
