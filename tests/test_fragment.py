"""Text fragments: read back as a browser reads them, they name one place, the right one."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sources.normalise import normalise
from web.fragment import link_to_words, text_directive

texts = st.lists(st.sampled_from("one two One, the-end é & x, \n \n\n 🙂 5 1,000 it's".split(" ")))
anything = st.text(max_size=40).map(normalise)
alike = st.text(st.sampled_from("aA áÁ ﬁfi ßẞss İiı ΣσςͅΙ e\u0301\u05c1ᾳ²2"), max_size=40).map(
    normalise
)
characters = st.text(st.sampled_from("ab \n-,&%é🙂'."), max_size=80)


def pattern(part):
    return r"\s+".join(re.escape(word) for word in unquote(part).split())


def places(directive, text):
    """Every place that a browser may take the directive to mean, overlapping ones too."""
    *parts, suffix = directive.split(",") if ",-" in directive else [*directive.split(","), None]
    prefix = parts.pop(0)[:-1] if parts[0].endswith("-") else None
    first, *last = parts
    words = pattern(first)
    before = "" if prefix is None else pattern(prefix) + r"\s*"
    after = "" if suffix is None else r"\s*" + pattern(suffix[1:])
    starts = re.finditer(f"(?={before}({words}))", text, re.IGNORECASE)
    if not last:
        exact = re.finditer(f"(?={before}({words}){after})", text, re.IGNORECASE)
        return [found.span(1) for found in exact]
    ends = re.compile(f"({pattern(last[0])}){after}", re.IGNORECASE)
    found = [(start.start(1), ends.search(text, start.end(1))) for start in starts]
    return [(start, end.end(1)) for start, end in found if end is not None]


def draw_range(data, text):
    start = data.draw(st.integers(0, len(text) - 1))
    return start, data.draw(st.integers(start + 1, len(text)))


@given(st.data(), st.one_of(characters, texts.map(" ".join), anything, alike))
def test_a_directive_names_one_place_that_holds_the_words(data, text):
    text = text or "x"
    start, end = draw_range(data, text)
    directive = text_directive(text, start, end)
    if directive is None:
        return
    ((first, last),) = places(directive, text)
    wanted = text[start:end].strip()
    at = text.index(wanted, start)
    assert first <= at and at + len(wanted) <= last
    assert not re.search(r"\w", text[first : min(first, at)])
    assert re.fullmatch(r"[\w%.~,-]*", directive, re.ASCII)


@given(st.data(), st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True))
def test_words_that_differ_always_have_a_directive(data, numbers):
    words = [f"w{number}" for number in numbers]
    text = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    start = sum(len(word) + 1 for word in words[:first])
    end = start + len(" ".join(words[first : first + data.draw(st.integers(1, 40))]))
    assert places(text_directive(text, start, end), text) == [(start, end)]


TEXT = (
    "Japan met Britain. Japan signed with Britain.\n"
    "A well-known pact, said Japan's paper: 50% & more."
)


@pytest.mark.parametrize(
    ("words", "nth", "directive"),
    [
        ("pact", 0, "pact"),
        ("Japan", 0, "Japan,-met"),
        ("Japan", 1, "Britain.-,Japan,-signed"),
        ("Britain", 1, "with-,Britain,-."),
        ("paper", 0, "paper"),
        ("well-known", 0, "well%2Dknown"),
        ("50% & more", 0, "50%25%20%26%20more"),
        ("apan signe", 0, "Japan%20signed"),
        ("Britain.\nA well", 0, "with-,Britain.,A%20well,-%2Dknown"),
    ],
)
def test_directives_as_they_are_written(words, nth, directive):
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(words, start + 1)
    assert text_directive(TEXT, start, start + len(words)) == directive


def test_a_long_range_is_named_by_its_ends():
    text = "Before. " + " ".join(f"word{n}" for n in range(60)) + " After."
    assert text_directive(text, 8, len(text) - 7) == (
        "word0%20word1%20word2%20word3%20word4,word55%20word56%20word57%20word58%20word59"
    )


def test_the_same_everywhere_cannot_be_named():
    assert text_directive("ha " * 100, 150, 152) is None
    assert text_directive("   ", 0, 2) is None


def test_accents_and_letter_case_do_not_tell_places_apart():
    assert text_directive("Élan is not elan", 0, 4) == "%C3%89lan,-is"


def test_an_address_that_has_a_fragment_keeps_it():
    assert (
        link_to_words("https://a.example/x", "one two", 4, 7) == "https://a.example/x#:~:text=two"
    )
    assert link_to_words("https://a.example/#s", "one two", 4, 7) == (
        "https://a.example/#s:~:text=two"
    )
    assert link_to_words("https://a.example/", "a a", 0, 1) == "https://a.example/#:~:text=a,-a"
    assert link_to_words("https://a.example/", "a " * 99, 90, 91) == "https://a.example/"
