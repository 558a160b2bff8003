"""Acronyms and what they stand for, mined from one article's text. Pure.

Two ways to define one: beside it in brackets, "Reciprocal Access Agreement (RAA)", found
as in Schwartz and Hearst (2003, "A simple algorithm for identifying abbreviation
definitions in biomedical text"); or just by use, "the Reciprocal Access Agreement ... the
RAA", found by the initials of capitalised words.
"""

import re
from collections.abc import Iterator

_SHORT = r"[A-Z][A-Za-z0-9&-]{1,9}"
_BRACKETED = re.compile(rf"\(({_SHORT})\)")
_SHORT_ALONE = re.compile(r"\b[A-Z]{2,8}\b")
_WORD = re.compile(r"[^\W\d_][\w'’]*")
_JOINING = frozenset("a an and at by de for in of on or the to with".split())
_GOES_ON = re.compile(r"\s[A-Z][a-z]")
_GAPS = frozenset([" ", "-", "\n"])  # between two words of a name; a line may end in it
_MOST_LETTERS = 8


def find_acronyms(text: str) -> dict[str, str]:
    """Short forms used in `text`, each with the long form the text itself gives for it."""
    found = _in_brackets(text)
    wanted = set(_SHORT_ALONE.findall(text)) - found.keys()
    if wanted:
        found.update(_by_initials(text, wanted))
    return found


def _in_brackets(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _BRACKETED.finditer(text):
        short = match[1]
        if sum(character.isupper() for character in short) >= 2:
            long = _long_form(short, _last_words(text, match.start()))
            if long is not None:
                found.setdefault(short, long)
    return found


def _last_words(text: str, end: int) -> str:
    """The whole words of the last 150 characters before `end`."""
    start = max(0, end - 150)
    while 0 < start < end and not text[start - 1].isspace():
        start += 1
    return text[start:end].rstrip()


def _long_form(short: str, before: str) -> str | None:
    """The shortest ending of `before` that holds the letters of `short` in order.

    The first letter must begin a word; at most min(len + 5, 2 × len) words are looked at.
    """
    letters = [character.lower() for character in short if character.isalnum()]
    limit = min(len(letters) + 5, len(letters) * 2)
    starts = [word.start() for word in re.finditer(r"\S+", before)][-limit:]
    earliest = starts[0] if starts else len(before)
    position = len(before)
    for index in range(len(letters) - 1, -1, -1):
        position -= 1
        while position >= earliest and not (
            before[position].lower() == letters[index]
            and (index > 0 or position == 0 or not before[position - 1].isalnum())
        ):
            position -= 1
        if position < earliest:
            return None
    long = before[position:]
    one_sentence = not re.search(r"[.!?;:()\n]", long)
    return long if one_sentence and len(long) > len(short) else None


def _by_initials(text: str, wanted: set[str]) -> dict[str, str]:
    """Names whose capitalised words begin with the letters of a wanted short form."""
    words = list(_WORD.finditer(text))
    firsts = {short[0] for short in wanted}
    found: dict[str, str] = {}
    for index, word in enumerate(words):
        # A name begins with no such word: "In Syria" begins a sentence.
        if word[0][0] not in firsts or word[0].lower() in _JOINING:
            continue
        after_the = index > 0 and words[index - 1][0].lower() == "the"
        in_brackets = text[word.start() - 1 : word.start()] == "("  # "the EU (European Union)"
        for initials, end in _names(text, words, index):
            # Two letters fit many names: Ursula Schmidt, and the United Steel Workers, for the US.
            # With "the" before and no name after, 41 of 47 in 12,000 texts were meant; else half.
            meant = (after_the or in_brackets) and not _GOES_ON.match(text, end)
            if (meant or len(initials) > 2) and initials in wanted:
                found.setdefault(initials, text[word.start() : end])
    return found


def _names(text: str, words: list[re.Match[str]], index: int) -> Iterator[tuple[str, int]]:
    """Initials and end of each name that begins at word `index`, the shortest first."""
    initials, previous_end = "", None
    for position in range(index, len(words)):
        word = words[position]
        if previous_end is not None and text[previous_end : word.start()] not in _GAPS:
            return
        previous_end = word.end()
        if word[0][0].isupper() and not word[0].isupper():
            initials += word[0][0]
            if len(initials) > 1:
                yield initials, word.end()
            if len(initials) == _MOST_LETTERS:
                return
        elif not initials or word[0] not in _JOINING:
            return
