"""Spans of all passages become distinct answers; the order they come in never matters."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa import Span
from qa.confidence import Confidence
from qa.rank import candidates, normalise_answer, places, rank

BY_SCORE = Confidence(score=1.0)
BY_BOTH = Confidence(score=1.0, support=1.0)
TEXTS = {
    "a": "The RAA was signed in London. It was signed by Rishi Sunak. Sunak smiled.",
    "b": "In london, Sunak signed.",
    "c": "… a the an",
}
QUESTION = "who did what, and where?"


def span(article, words, score, nth=0, support=0.5):
    start = -1
    for _ in range(nth + 1):
        start = TEXTS[article].index(words, start + 1)
    return Span(article, start, start + len(words), score, support)


def said(ranked):
    return [TEXTS[one.spans[0].article_id][one.spans[0].start : one.spans[0].end] for one in ranked]


def test_the_surest_comes_first_with_its_confidence():
    spans = [span("a", "RAA", -1.0), span("a", "London", 2.0), span("b", "signed", 1.0)]
    ranked = rank(QUESTION, spans, TEXTS, BY_SCORE, 3)
    assert said(ranked) == ["London", "signed", "RAA"]
    assert [one.confidence for one in ranked] == [
        BY_SCORE.probability(strength, 0.0) for strength in (2.0, 1.0, -1.0)
    ]


def test_spans_that_say_the_same_are_one_answer_and_all_are_kept():
    spans = [span("b", "london,", 3.0), span("a", "London", 2.0), span("a", "RAA", 2.5)]
    first, second = rank(QUESTION, spans, TEXTS, BY_SCORE, 3)
    assert first.spans == (spans[0], spans[1])
    assert second.spans == (spans[2],)


def test_the_same_words_at_two_places_of_one_article_are_two_spans_of_one_answer():
    spans = [span("a", "Sunak", 1.0), span("a", "Sunak", 2.0, nth=1), span("b", "Sunak", 0.0)]
    (only,) = rank(QUESTION, spans, TEXTS, BY_SCORE, 3)
    assert only.spans == (spans[1], spans[0], spans[2])


def test_a_place_that_several_windows_show_counts_by_the_mean_in_any_order():
    spans = [span("a", "London", score) for score in (0.1, 0.2, 0.3)] + [span("a", "Sunak", 2.5)]
    found = {frozenset(places(order)) for order in permutations(spans)}
    assert len(found) == 1
    london, sunak = sorted(*found, key=lambda one: one.start)
    assert london.score == pytest.approx(0.2)
    assert sunak == spans[3]


def test_of_overlapping_spans_of_an_article_only_the_surest_counts():
    spans = [span("a", "Rishi Sunak", 2.0), span("a", "Sunak", 3.0), span("a", "by Rishi", 1.0)]
    ranked = rank(QUESTION, spans, TEXTS, BY_SCORE, 3)
    assert said(ranked) == ["Sunak", "by Rishi"]


def test_spans_of_different_articles_do_not_overlap():
    one, other = Span("a", 0, 7, 2.0, 0.5), Span("b", 0, 9, 1.0, 0.5)
    assert [found.spans for found in rank(QUESTION, [one, other], TEXTS, BY_SCORE, 3)] == [
        (one,),
        (other,),
    ]


def test_at_most_k_answers_and_none_from_nothing():
    spans = [span("a", "RAA", 1.0), span("a", "London", 2.0)]
    assert said(rank(QUESTION, spans, TEXTS, BY_SCORE, 1)) == ["London"]
    assert rank(QUESTION, [], TEXTS, BY_SCORE, 3) == []


@pytest.mark.parametrize("words", ["the", "a the an"])
def test_a_span_that_says_nothing_is_no_answer(words):
    assert rank(QUESTION, [span("c", words, 9.0)], TEXTS, BY_SCORE, 3) == []


def test_support_decides_between_equal_scores():
    spans = [span("a", "RAA", 1.0, support=0.2), span("a", "London", 1.0, support=0.9)]
    assert said(rank(QUESTION, spans, TEXTS, BY_BOTH, 3)) == [
        "London",
        "RAA",
    ]


def test_an_answer_that_several_places_give_may_pass_a_stronger_one():
    spans = [span("a", "RAA", 2.0), span("a", "London", 1.5), span("b", "london", 1.4)]
    assert said(rank(QUESTION, spans, TEXTS, BY_SCORE, 3)) == ["RAA", "London"]
    agreeing = replace(BY_SCORE, agreement=1.0)
    first, second = rank(QUESTION, spans, TEXTS, agreeing, 3)
    assert first.spans == (spans[1], spans[2])
    assert second.spans == (spans[0],)
    assert first.confidence > second.confidence


def test_an_answer_ahead_of_the_next_is_surer_and_one_behind_it_less():
    wide = replace(BY_SCORE, margin=0.5)
    alone = rank(QUESTION, [span("a", "RAA", 3.0)], TEXTS, wide, 3)
    close = rank(QUESTION, [span("a", "RAA", 3.0), span("a", "London", 2.5)], TEXTS, wide, 3)
    assert alone[0].confidence == wide.probability(3.0, 4.0)
    assert [one.confidence for one in close] == [
        wide.probability(3.0, 0.5),
        wide.probability(2.5, -0.5),
    ]
    assert alone[0].confidence > close[0].confidence > close[1].confidence


def test_an_answer_that_does_not_beat_no_answer_gains_nothing_by_being_ahead():
    wide = replace(BY_SCORE, margin=0.5)
    (poor,) = rank(QUESTION, [span("a", "RAA", -1.0)], TEXTS, wide, 3)
    assert poor.confidence == wide.probability(-1.0, 0.0)


def test_the_lead_is_over_all_answers_not_only_those_that_are_asked_for():
    spans = [span("a", "RAA", 1.0), span("a", "London", 0.5)]
    wide = replace(BY_SCORE, margin=0.5)
    assert rank(QUESTION, spans, TEXTS, wide, 1) == rank(QUESTION, spans, TEXTS, wide, 2)[:1]


def test_candidates_are_all_the_answers_strongest_first():
    spans = [span("a", "RAA", 3.0), span("a", "London", 2.0), span("b", "london", 2.5)]
    spans += [span("a", "Rishi", 1.0), span("a", "Rishi Sunak", 0.0), span("c", "the", 9.0)]
    groups = candidates(QUESTION, spans, TEXTS, BY_SCORE)
    assert groups == [(spans[0],), (spans[2], spans[1]), (spans[3],)]
    assert [one.spans for one in rank(QUESTION, spans, TEXTS, BY_SCORE, 9)] == groups


def test_words_of_the_question_answer_nothing():
    spans = [span("a", "RAA", 3.0), span("a", "The RAA was signed", 2.0, support=1.0)]
    spans += [span("b", "Sunak signed", 1.0), span("a", "London", 0.0)]
    assert said(rank("Who was the RAA signed by?", spans, TEXTS, BY_SCORE, 3)) == [
        "Sunak signed",
        "London",
    ]


def test_curly_quotes_make_no_other_answer():
    texts = {"a": "They gave “Hamlet” there.", "b": "Then Hamlet was given."}
    spans = [Span("a", 10, 18, 1.0, 0.5), Span("b", 5, 11, 1.0, 0.5)]
    assert [len(one.spans) for one in rank("What was given?", spans, texts, BY_SCORE, 3)] == [2]
    assert rank("Who gave “Hamlet”?", spans, texts, BY_SCORE, 3) == []


def test_a_question_that_offers_a_choice_is_answered_in_its_words():
    spans = [span("a", "London", 1.0), span("c", "a the an", 3.0)]
    assert said(rank("Was it in London or Paris?", spans, TEXTS, BY_SCORE, 3)) == ["London"]


@st.composite
def spans_in_some_order(draw):
    places = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 8), st.integers(1, 4))
    spans = [
        Span(id, start, start + length, draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 1.0])))
        for id, start, length in draw(st.lists(places, max_size=8))
    ]
    return spans, draw(st.permutations(spans))


SAME_PLACE = [Span("a", 0, 3, 1.0, 0.0), Span("a", 0, 3, 0.0, 1.0)]


@given(spans_in_some_order(), st.integers(1, 4))
@example((SAME_PLACE, SAME_PLACE[::-1]), 1)
def test_the_order_of_the_spans_never_matters(orders, k):
    one, other = orders
    confidence = replace(BY_BOTH, words=0.5, agreement=0.3, margin=0.5)
    ranked = rank(QUESTION, one, TEXTS, confidence, k)
    assert ranked == rank(QUESTION, other, TEXTS, confidence, k)
    assert len(ranked) <= k
    assert [found.confidence for found in ranked] == sorted(
        (found.confidence for found in ranked), reverse=True
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Tower of London.", "tower of london"),
        ("A theory, an anthem", "theory anthem"),
        ("the-tower", "thetower"),
        ("U.S.", "us"),
        ("$1,000", "1000"),
        ("Kōmeitō\n und ÉTÉ", "kōmeitō und été"),
        ("“the” ship", "“ ” ship"),
        ("–", "–"),
        ("an", ""),
        ("?!", ""),
        ("", ""),
    ],
)
def test_answers_are_compared_as_squad_does(text, plain):
    assert normalise_answer(text) == plain


@given(st.text(max_size=30))
def test_normalising_again_only_drops_what_became_an_article(text):
    once = normalise_answer(text)
    assert once == " ".join(once.split())
    assert not {"a", "an", "the"} & set(once.split())
