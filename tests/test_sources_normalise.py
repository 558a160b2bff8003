import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SourceError
from index.sources.normalise import decode, normalise, one_line, shorten

# The characters that the rules are about, more often than chance would bring them.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(
            "\r\n\t\v\f\0\x85\u2028 \xa0\u202f\u3000\xad\ufeff\ud800e\u0301\u1100\u1161"
        ),
        st.characters(exclude_categories=()),
    )
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb\rc\vd\fe\u2028f\x85g", "a\nb\nc\nd\ne\nf\ng"),
        ("cafe\u0301", "caf\u00e9"),
        ("co\u00adoperate \ufeffnow", "cooperate now"),
        ("10\u00a0000\u202fkm", "10 000 km"),
        ("a\0b\x08c\x7fd\x9be\ud800f", "abcdef"),
        ("a  \t\nb", "a\nb"),
        ("a\n\n \n\n\nb", "a\n\nb"),
        ("\n\n  a\tb \n", "a\tb"),
        ("👩\u200d🚀 na\u200cme", "👩\u200d🚀 na\u200cme"),
        (" \r\n\0", ""),
    ],
)
def test_text_takes_its_canonical_form(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


@given(TEXTS)
def test_normalising_twice_changes_nothing(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once


@given(TEXTS)
def test_nothing_but_canonical_text_is_left(raw: str) -> None:
    text = normalise(raw)
    assert unicodedata.is_normalized("NFC", text)
    assert {unicodedata.category(char) for char in text if char not in "\n\t"}.isdisjoint(
        {"Cc", "Cs"}
    )
    assert not {"\r", "\xa0", "\xad", "\ufeff"} & set(text)
    assert "\n\n\n" not in text
    assert all(line == line.rstrip() for line in text.split("\n"))
    assert text == text.strip()
    text.encode()


@given(TEXTS)
def test_a_label_is_one_line(raw: str) -> None:
    line = one_line(raw)
    assert "\n" not in line
    assert "  " not in line
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("naïve 🏆".encode(), "naïve 🏆"),
        ("naïve".encode("utf-8-sig"), "naïve"),
        ("naïve 🏆".encode("utf-16"), "naïve 🏆"),
        (b"\xfe\xff" + "naïve".encode("utf-16-be"), "naïve"),
        (b"", ""),
    ],
)
def test_utf_8_and_marked_utf_16_are_decoded(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("naïve".encode("latin-1"), "is not UTF-8 text (byte 0xef at 2)"),
        (b"\xef\xbb\xbfna\xefve", "is not UTF-8 text (byte 0xef at 5)"),
        (b"\xed\xa0\x80", "is not UTF-8 text (byte 0xed at 0)"),
        (b"\xff\xfea\x00\x00\xd8", "is not UTF-16 text (at byte 4)"),
        (b"\xff\xfea", "is not UTF-16 text (at byte 2)"),
    ],
)
def test_other_bytes_are_refused_rather_than_guessed(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode(data)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [("short", 5, "short"), ("two words", 7, "two…"), ("unbroken", 5, "unbr…")],
)
def test_long_labels_are_cut_between_words(text: str, length: int, expected: str) -> None:
    assert shorten(text, length) == expected
