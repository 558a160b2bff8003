"""Passages on sentence borders, each the exact slice of its article."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sources.normalise import normalise
from index.split import LAST_WORDS, OVERLAP_WORDS, PASSAGE_WORDS, sentences, split

WORDS = st.one_of(
    st.sampled_from(
        "The treaty was signed by Dr. Jones in the U.S. at 3.15 p.m. (Pool photo)(Kyodo) «Ça va?»"
        " “No!” naïve 日本。 Émile e\u0301te\u0301 👩‍👩‍👧 🙂 𝒜 한국어 ... — - ( ) [1] 1. *".split()
    ),
    st.text(min_size=1, max_size=12),
)
SPACES = st.sampled_from([" "] * 12 + [". "] * 3 + ["\n", "\n\n", "! ", "? ", "\t", "。"])
TEXTS = st.one_of(
    st.text(max_size=400),
    st.builds(
        lambda parts, times: "".join(word + space for word, space in parts) * times,
        st.lists(st.tuples(WORDS, SPACES), max_size=60),
        st.integers(1, 20),
    ),
    st.builds(
        lambda words, word: " ".join([word] * words),
        st.integers(0, 3 * PASSAGE_WORDS),
        st.text(min_size=1, max_size=300).filter(str.strip),
    ),
).map(normalise)


def numbered(count, words=10):
    """So many sentences of so many words."""
    filler = " ".join(["word"] * (words - 2))
    return " ".join(f"Sentence {number}{filler and ' '}{filler}." for number in range(count))


@given(TEXTS)
def test_every_passage_is_a_slice_of_its_article_without_space_around_it(article, text):
    for passage in split(article(text)):
        assert passage.article_id == article(text).id
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip() == passage.text != ""


@given(TEXTS)
def test_every_character_that_is_no_space_stands_in_a_passage(article, text):
    covered = set()
    for passage in split(article(text)):
        covered.update(range(passage.start, passage.end))
    assert not [place for place in range(len(text)) if place not in covered and text[place].strip()]


@given(TEXTS)
def test_no_passage_is_longer_than_the_limit(article, text):
    lengths = [len(passage.text.split()) for passage in split(article(text))]
    assert all(length <= PASSAGE_WORDS for length in lengths[:-1])
    assert all(length <= LAST_WORDS for length in lengths[-1:])


@given(TEXTS)
def test_passages_begin_and_end_where_sentences_do(article, text):
    starts, ends = {start for start, _ in sentences(text)}, {end for _, end in sentences(text)}
    for passage in split(article(text)):
        assert passage.start in starts
        assert passage.end in ends


@given(TEXTS)
def test_sentences_are_in_order_and_do_not_overlap(text):
    spans = sentences(text)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


@given(TEXTS)
def test_passages_go_on_and_repeat_at_most_one_sentence(article, text):
    spans = sentences(text)
    for one, other in pairwise(split(article(text))):
        assert one.start < other.start and one.end < other.end
        repeated = [span for span in spans if other.start <= span[0] and span[1] <= one.end]
        assert len(repeated) <= 1


@given(TEXTS)
def test_splitting_twice_gives_the_same(article, text):
    assert split(article(text)) == split(article(text))


def test_passages_overlap_by_a_sentence(article):
    text = numbered(40)
    passages = split(article(text))
    assert [passage.text.count(".") for passage in passages] == [12, 12, 12, 7]
    for one, other in pairwise(passages):
        assert text[other.start : one.end] == sentence_texts(one.text)[-1]


def test_a_short_rest_of_an_article_stays_with_its_last_passage(article):
    assert [one.text.count(".") for one in split(article(numbered(16)))] == [16]
    assert [one.text.count(".") for one in split(article(numbered(17)))] == [12, 6]
    assert [one.text.count(".") for one in split(article(numbered(27)))] == [12, 16]


def test_a_long_last_sentence_is_not_repeated(article):
    for words, repeats in ((OVERLAP_WORDS, True), (OVERLAP_WORDS + 1, False)):
        text = " ".join([numbered(2, 30), numbered(1, words), numbered(6, 30)])
        first, second = split(article(text))[:2]
        assert (second.start < first.end) == repeats


def test_a_sentence_is_not_repeated_where_it_would_crowd_out_the_next(article):
    text = " ".join([numbered(2, 30), numbered(1, 30), numbered(1, 110)])
    first, second = split(article(text))
    assert first.end < second.start
    assert len(second.text.split()) == 110


def test_an_endless_sentence_is_cut_between_words(article):
    text = "word " * (3 * PASSAGE_WORDS) + "end."
    assert [len(passage.text.split()) for passage in split(article(text))] == [120, 120, 121]


def test_a_very_long_word_stays_whole(article):
    text = "a" * 50_000
    assert [passage.text for passage in split(article(text))] == [text]


def test_a_short_article_is_one_passage(article):
    assert [passage.text for passage in split(article("Rain."))] == ["Rain."]
    assert [passage.text for passage in split(article("no full stop"))] == ["no full stop"]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_no_text_gives_no_passage(article, text):
    assert split(article(text)) == []


@pytest.mark.parametrize("after", ["", "\n", "\n\nThe next day they left.", "\nThe next day."])
@pytest.mark.parametrize("credit", ["(Pool photo)(Kyodo)", "(Kyodo)", "(Pool photo) (Kyodo) "])
def test_a_credit_stays_with_its_sentence(credit, after):
    text = f"They shook hands in London. {credit}{after}"
    assert sentence_texts(text)[0] == f"They shook hands in London. {credit}".strip()
    assert len(sentence_texts(text)) == (2 if after.strip() else 1)


def test_brackets_that_are_no_credit_stay_with_what_follows():
    assert sentence_texts("They left. (Kyodo) reported it.")[0] == "They left."
    assert sentence_texts("They left.\n(Kyodo)\nRain.")[0] == "They left."


def test_abbreviations_and_numbers_do_not_end_a_sentence():
    text = "Dr. Jones of the U.S. Navy paid 3.5 million. He left."
    assert sentence_texts(text) == [text.removesuffix(" He left."), "He left."]


def test_paragraphs_are_borders_without_a_full_stop():
    assert sentence_texts("A headline\n\nIt rained.") == ["A headline", "It rained."]


def sentence_texts(text):
    return [text[start:end] for start, end in sentences(text)]
