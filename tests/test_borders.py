"""Where an answer begins and ends, trimmed as a person would."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qa.borders import trim

PIECES = st.sampled_from([*"ab.,;: \n()[]“”‘’\"'", "é", "👩‍🚀", "U.S."])


def test_the_marks_on_the_last_letter_stay_on_it():
    text = "by Adébáyo\u0323\u0300, who"
    assert trim(text, 3, 10) == (3, 12)


def trimmed(text):
    start, end = trim(text, 0, len(text))
    return text[start:end]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (" Rishi Sunak ", "Rishi Sunak"),
        ("Rishi Sunak,", "Rishi Sunak"),
        ("; 2023: \n", "2023"),
        ("Tower of London)", "Tower of London"),
        ("(the RAA", "the RAA"),
        ("[sic", "sic"),
        ("“hugely significant", "hugely significant"),
        ("hugely significant”", "hugely significant"),
        ("“hugely significant,", "hugely significant"),
        ("hugely significant,”", "hugely significant"),
        ('"hugely significant', "hugely significant"),
        ('hugely significant,"', "hugely significant"),
        ("(“the RAA", "the RAA"),
        ("the RAA”)", "the RAA"),
        (", (the RAA", "the RAA"),
    ],
)
def test_spaces_marks_and_unpaired_quotes_go(words, kept):
    assert trimmed(words) == kept


@pytest.mark.parametrize(
    "words",
    [
        "Acme Inc.",
        "the U.S.",
        "Ferdinand Marcos Jr.",
        "Reciprocal Access Agreement (RAA)",
        "“hugely significant”",
        '"hugely significant"',
        "“a” and “b”",
        "[sic]",
        "(a) and (b)",
        "£1.8 billion",
        "7%",
        "Brian O’Neill",
        "10,000",
        "1:59:40",
        "Kōmeitō",
        "x",
    ],
)
def test_what_belongs_to_the_answer_stays(words):
    assert trimmed(words) == words


@pytest.mark.parametrize("words", [",", " ", "”", "(", ",;", '"', "”)"])
def test_a_range_of_nothing_else_stays_as_it_is(words):
    assert trim(f"a{words}b", 1, 1 + len(words)) == (1, 1 + len(words))


def test_what_stands_outside_the_range_is_not_looked_at():
    text = "He said “it works”, twice."
    start = text.index("it")
    assert trim(text, start, text.index(",")) == (start, text.index("”"))


@given(st.lists(PIECES, min_size=1, max_size=12).map("".join), st.data())
@example('a,"', None)
def test_never_empty_never_outside_and_done_in_one_go(text, data):
    start, end = 0, len(text)
    if data is not None:
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
    first, last = trim(text, start, end)
    assert start <= first < last <= end
    assert trim(text, first, last) == (first, last)


@given(st.lists(PIECES, min_size=1, max_size=12).map("".join))
def test_words_and_sentence_ends_are_never_taken(text):
    assume(any(character.isalnum() for character in text))
    first, last = trim(text, 0, len(text))
    lost = text[:first] + text[last:]
    assert not any(character.isalnum() or character == "." for character in lost)
