"""Acronyms and the words they stand for, mined from one article."""

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.acronyms import find_acronyms

PIECES = st.sampled_from(
    "Reciprocal Access Agreement (RAA) RAA (AB) A B Ab Ba of the and é É ß ı İ 🙂 - . , ' ’ ( ) (("
    " (A&B) (A-1) Group Seven USA U.S. (x) \n \u0301".split(" ")
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map(" ".join))
TEXTS |= st.lists(PIECES, max_size=60).map("".join)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "They signed a Reciprocal Access Agreement (RAA) in London.",
            {"RAA": "Reciprocal Access Agreement"},
        ),
        ("Artificial intelligence (AI) grows.", {"AI": "Artificial intelligence"}),
        ("gross domestic product (GDP) fell", {"GDP": "gross domestic product"}),
        ("the United States of America (USA)", {"USA": "United States of America"}),
        ("a Gravitational-Wave Observatory (GWO)", {"GWO": "Gravitational-Wave Observatory"}),
        (
            "the Space Telescope Science Institute (STScI)",
            {"STScI": "Space Telescope Science Institute"},
        ),
        ("La Société Générale (SG) a dit", {"SG": "Société Générale"}),
    ],
)
def test_a_short_form_in_brackets_is_found(text, found):
    assert find_acronyms(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "They met on the Reciprocal Access Agreement. Later the RAA was signed.",
            {"RAA": "Reciprocal Access Agreement"},
        ),
        ("The RAA. Reciprocal Access Agreement.", {"RAA": "Reciprocal Access Agreement"}),
        (
            "Office for the Coordination of Humanitarian Affairs; OCHA said",
            {"OCHA": "Office for the Coordination of Humanitarian Affairs"},
        ),
        ("Gravitational-Wave Observatory. GWO", {"GWO": "Gravitational-Wave Observatory"}),
        ("the Suez Canal\nAuthority. SCA", {"SCA": "Suez Canal\nAuthority"}),
        ("They left the United States. The US sent more.", {"US": "United States"}),
    ],
)
def test_a_short_form_in_use_is_found_by_initials(text, found):
    assert find_acronyms(text) == found


def test_the_first_name_with_the_initials_wins():
    text = "the Asian Bank and the African Bank. AB"
    assert find_acronyms(text) == {"AB": "Asian Bank"}


def test_the_form_in_brackets_wins():
    text = "Alpha Beta. AB. the African Bank (AB)"
    assert find_acronyms(text) == {"AB": "African Bank"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The RAA was signed.",
        "they reached a reciprocal access agreement. RAA",
        "She met Reciprocal. Access Agreement came later. RAA",
        "She met Reciprocal, Access and Agreement. RAA",
        "He met Ann.Bob left. AB",
        "A heading of Access\n\nBank opened. AB",
        "J. K. Rowling wrote it. JKR",
        "J K Rowling wrote it. JKR",
        "World Health ORGANIZATION. WHO",
        "They shook hands (Kyodo).",
        "It ended. Rain fell (RAA).",
        "World Health (who)",
        "World Health Organization (2)",
        "NATO (NATO)",
        "(AB)",
        "of the and. OTA",
        "Ursula Schmidt of the United Steel Workers spoke. The US sent 300 troops.",
        "In Syria the army fought on. On Monday the IS group fled. OM",
    ],
)
def test_nothing_is_found_where_nothing_is_defined(text):
    assert find_acronyms(text) == {}


def test_a_long_form_never_begins_inside_a_word():
    text = "x" * 200 + "ab" + "c" * 120 + " de fg (BDF)"
    assert find_acronyms(text) == {}
    assert find_acronyms("b" * 300 + "d (BD)") == {}


@given(TEXTS)
def test_every_long_form_is_a_slice_of_the_text_within_a_sentence(text):
    for short, long in find_acronyms(text).items():
        assert short in text and long in text
        assert len(long) > len(short) and long.strip() == long
        assert not set(".!?;:(") & set(long)
        assert long[0].casefold()[0] == short[0].casefold()


@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,6}", fullmatch=True), min_size=2, max_size=8))
def test_any_capitalised_name_is_found_by_its_initials_and_in_brackets(words):
    name, short = " ".join(words), "".join(word[0] for word in words)
    assert find_acronyms(f"It is the {name}. So {short} said.") == {short: name}
    assert find_acronyms(f"it is {name} ({short})")[short].endswith(words[-1])


def every_short_form(first, count):
    endings = itertools.product(string.ascii_uppercase, repeat=4)
    return " ".join(first + "".join(ending) for ending in itertools.islice(endings, count))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "(AB" * 66_000,
        "(ABCDEFGHIJ)" * 16_000,
        "Ab(AB)" * 33_000,
        "a" * 200_000 + " (AB)",
        "a " * 100_000 + "(BC)",
        "A" * 200_000,
        "Ab " * 66_000 + "ABABABAB",
        "Ab" + " of" * 66_000 + " AB",
        "Ab of of of " * 16_000 + "AAAAAAAA",
        every_short_form("A", 33_000) + " Ab Ac",
        every_short_form("A", 16_000) + " Ax" * 33_000,
        "(" * 200_000,
        "A&-" * 66_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_of_200_000_characters_takes_no_time_to_speak_of(text):
    assert len(find_acronyms(text)) < 10
