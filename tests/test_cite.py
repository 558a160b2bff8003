"""Citations are slices of their article, with the sentence around them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import CitationError, Span
from qa.cite import check, cite
from qa.rank import Ranked

TEXT = (
    "The pact was signed in London 🇬🇧 today. Sunak met Kishida 😀 there. Sunak smiled."
    "\n\nA new paragraph says that Sunak left."
)


def cited(article, *places):
    spans = tuple(Span(article.id, start, end, 1.0, 0.5) for start, end in places)
    (answer,) = cite([Ranked(spans, 0.75)], {article.id: article}, 0.5)
    return answer


def test_an_answer_is_the_words_of_its_first_citation(article):
    one = article(TEXT, "A title")
    first, second = TEXT.index("Sunak"), TEXT.index("Kishida")
    answer = cited(one, (first, first + 5), (second, second + 7))
    assert answer.text == answer.citations[0].quote == "Sunak"
    assert answer.citations[1].quote == "Kishida"
    assert answer.confidence == 0.75
    assert answer.citations[0].title == "A title"


def test_the_sentence_around_the_quote_is_completed(article):
    start = TEXT.index("Kishida")
    (citation,) = cited(article(TEXT), (start, start + 7)).citations
    assert citation.before == "Sunak met "
    assert citation.after == " 😀 there."


def test_a_second_occurrence_of_the_same_words_keeps_its_own_offsets(article):
    starts = [at for at in range(len(TEXT)) if TEXT.startswith("Sunak", at)]
    assert len(starts) == 3
    answer = cited(article(TEXT), *((at, at + 5) for at in starts))
    assert [one.start for one in answer.citations] == starts
    assert [one.after for one in answer.citations][1:] == [" smiled.", " left."]


def test_offsets_count_code_points_after_an_emoji(article):
    start = TEXT.index("there")
    (citation,) = cited(article(TEXT), (start, start + 5)).citations
    assert TEXT[citation.start : citation.end] == citation.quote == "there"
    assert citation.before == "Sunak met Kishida 😀 "


def test_a_long_sentence_is_shown_in_part(article):
    text = f"{'w' * 500} Sunak {'w' * 500}"
    start = text.index("Sunak")
    (citation,) = cited(article(text), (start, start + 5)).citations
    assert len(citation.before) == len(citation.after) == 400


def test_a_quote_over_two_sentences_is_completed_to_both_ends(article):
    start, end = TEXT.index("there"), TEXT.index(" smiled")
    (citation,) = cited(article(TEXT), (start, end)).citations
    assert citation.before == "Sunak met Kishida 😀 "
    assert citation.after == " smiled."


def test_what_is_known_of_the_article_is_in_the_citation(article):
    one = article(TEXT)
    known = type(one)(one.id, "origin", "T", TEXT, "https://example.org/x", "S", "2023-01-11", "A")
    (citation,) = cited(known, (4, 8)).citations
    assert (citation.article_id, citation.title, citation.url, citation.source) == (
        one.id,
        "T",
        "https://example.org/x",
        "S",
    )
    assert citation.published == "2023-01-11"


@given(
    st.lists(
        st.sampled_from(["ab", "é", "😀", "👩‍🚀", ".", " ", "\n\n", "A", "e\u0301"]), min_size=1
    ),
    st.data(),
)
def test_before_quote_and_after_are_one_slice_of_the_article(article, pieces, data):
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    (citation,) = cited(article(text), (start, end)).citations
    assert text[citation.start : citation.end] == citation.quote
    around = text[start - len(citation.before) : end + len(citation.after)]
    assert around == citation.before + citation.quote + citation.after


def test_words_that_do_not_stand_there_are_not_cited(article):
    one = article(TEXT)
    (citation,) = cited(one, (4, 8)).citations
    check(citation, one)
    with pytest.raises(CitationError, match=f"{one.id} at 4:8"):
        check(citation, article("The deal was signed in London."))


@pytest.mark.parametrize("place", [(5, 5), (9, 4), (-3, 2), (0, 10_000), (10_000, 10_001)])
def test_a_range_that_is_none_is_not_cited(article, place):
    with pytest.raises(CitationError):
        cited(article(TEXT), place)


def test_no_spans_give_no_answers():
    assert cite([], {}, 0.5) == ()


def test_an_answer_is_sure_from_the_promised_confidence_on(article):
    one = article(TEXT)
    spans = (Span(one.id, 4, 8, 1.0, 0.5),)
    ranked = [Ranked(spans, confidence) for confidence in (0.9, 0.75, 0.7499, 0.0)]
    answers = cite(ranked, {one.id: one}, 0.75)
    assert [answer.sure for answer in answers] == [True, True, False, False]
    assert [answer.confidence for answer in answers] == [0.9, 0.75, 0.7499, 0.0]
    assert not any(answer.sure for answer in cite(ranked, {one.id: one}, 2.0))


def test_a_citation_of_a_pdf_names_the_page_it_begins_on(article):
    starts = (0, TEXT.index("there"), TEXT.index("A new"), len(TEXT))
    one = replace(article(TEXT), page_starts=starts)
    places = [(at, at + 5) for at in range(len(TEXT)) if TEXT.startswith("Sunak", at)]
    assert [citation.page for citation in cited(one, *places).citations] == [1, 2, 3]
    assert cited(article(TEXT), places[0]).citations[0].page is None
