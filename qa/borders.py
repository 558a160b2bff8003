"""Where an answer begins and ends, trimmed as a person would. Pure."""

from collections.abc import Mapping
from unicodedata import category

_OPENERS = {")": "(", "]": "[", "”": "“", "’": "‘", '"': '"'}
_CLOSERS = {opener: closer for closer, opener in _OPENERS.items()}


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without spaces, trailing punctuation and unpaired quotes or brackets.

    A tokenizer may pass over the marks on its last letter: they stay on it.
    Never empty: a range of nothing but these stays as it is.
    """
    while end < len(text) and category(text[end])[0] == "M":
        end += 1
    first, last = start, end
    while first < last and _dangles(text[last - 1], text[first : last - 1], _OPENERS):
        last -= 1
    while first < last and _dangles(text[first], text[first + 1 : last], _CLOSERS):
        first += 1
    return (first, last) if first < last else (start, end)


def _dangles(mark: str, rest: str, partners: Mapping[str, str]) -> bool:
    return mark.isspace() or mark in ",;:" or (mark in partners and partners[mark] not in rest)
