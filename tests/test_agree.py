"""Copies count once, articles count once, and only a change over time is shown as one."""

from hypothesis import given
from hypothesis import strategies as st

from qa import Answer, Citation, eras, independent


def cited(article, sentence, quote, published="2020-01-01"):
    before, _, after = sentence.partition(quote)
    start = len(before)
    end = start + len(quote)
    return Citation(article, article, None, None, published, start, end, before, quote, after)


def answer(*citations, confidence=0.9):
    return Answer(citations[0].quote, confidence, True, citations)


SIGNED = "Japan and Britain signed the pact in London on Wednesday."
FIRST = cited("a", SIGNED, "London")


def test_a_sentence_printed_twice_counts_once():
    again = cited(
        "b", "Japan and Britain signed the pact in London on Wednesday, AP says.", "London"
    )
    other = cited("c", "It was in London that the two ministers met and signed.", "London")
    assert independent((FIRST, again, other)) == ((FIRST, again), (other,))


def test_an_article_that_says_it_twice_counts_once():
    twice = cited("a", "Nowhere but in London would both have come.", "London")
    assert independent((FIRST, twice)) == ((FIRST, twice),)


def test_a_sentence_with_another_word_in_each_place_is_independent():
    other = cited("b", "The pact was signed in London by both ministers this week.", "London")
    assert independent((FIRST, other)) == ((FIRST,), (other,))


def test_articles_that_share_a_sentence_are_one_voice_whichever_comes_first():
    own = cited("b", "It was in London that the two ministers met.", "London")
    copied = cited("b", SIGNED, "London")
    assert independent((FIRST, own, copied)) == ((FIRST, own, copied),)
    assert independent((own, FIRST, copied)) == ((own, FIRST, copied),)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.text("xyz ", min_size=1, max_size=8)), max_size=8
    )
)
def test_every_citation_is_in_one_group_in_order(drawn):
    citations = tuple(
        Citation(article, "T", None, None, None, at, at + 1, said, "q", "")
        for at, (article, said) in enumerate(drawn)
    )
    groups = independent(citations)
    assert sorted((one for group in groups for one in group), key=lambda one: one.start) == list(
        citations
    )
    assert [group[0].start for group in groups] == sorted(group[0].start for group in groups)
    assert all(
        [one.start for one in group] == sorted(one.start for one in group) for group in groups
    )
    articles = {one.article_id for one in citations}
    assert len(groups) <= len(articles)


KIPCHOGE = answer(cited("a", "The record is Kipchoge's.", "Kipchoge", "2022-09-25"))
KIPTUM = answer(cited("b", "Kiptum holds the record.", "Kiptum", "2023-10-08"))


def test_answers_of_older_and_newer_articles_stand_in_date_order():
    old, new = eras((KIPTUM, KIPCHOGE))
    assert (old.answer, old.first, old.last) == (KIPCHOGE, "2022-09-25", "2022-09-25")
    assert (new.answer, new.first, new.last) == (KIPTUM, "2023-10-08", "2023-10-08")


def test_an_answer_lasts_from_its_first_article_to_its_last():
    more = cited("c", "No one beats Kipchoge.", "Kipchoge", "2019-01-02")
    old, _ = eras((answer(KIPCHOGE.citations[0], more), KIPTUM))
    assert (old.first, old.last) == ("2019-01-02", "2022-09-25")


def test_one_answer_alone_does_not_differ():
    assert eras(()) == eras((KIPTUM,)) == ()


def test_what_is_no_change_is_not_shown_as_one():
    same_day = answer(cited("c", "Kiptum holds it.", "Kiptum", "2022-09-25"))
    undated = answer(cited("c", "Kiptum holds it.", "Kiptum", None))
    weak = answer(*KIPTUM.citations, confidence=0.79)
    longer = answer(cited("c", "Eliud Kipchoge holds it.", "Eliud Kipchoge", "2023-10-08"))
    number = answer(cited("c", "It is at 2:00:35.", "2:00:35", "2023-10-08"))
    both = answer(cited("c", "Kiptum took it from Kipchoge.", "Kiptum", "2023-10-08"))
    for other in (same_day, undated, weak, longer, number, both):
        assert eras((KIPCHOGE, other)) == eras((other, KIPCHOGE)) == ()


def test_dates_that_interleave_are_no_change():
    later = cited("c", "Kipchoge has the record again.", "Kipchoge", "2024-01-01")
    assert eras((answer(KIPCHOGE.citations[0], later), KIPTUM)) == ()
