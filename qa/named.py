"""The names and numbers of a question, as stems: what an article must mention to be about them."""

import re

from index import stems

_WORD = re.compile(r"\w(?:(?!['’]s\b)[\w'’.-])*")  # without the "'s" of "Britain's"


def names(question: str) -> frozenset[str]:
    """Stems of the question's words with a capital or a digit; one that begins it needs a digit."""
    return frozenset(
        stem
        for word in _WORD.finditer(question)
        if any(sign.isdigit() for sign in word[0]) or (word.start() > 0 and word[0][0].isupper())
        for stem in stems(word[0])
    )


def mentioned(named: frozenset[str], text: str) -> float:
    """The share of them that a text mentions, 0 to 1; 1 when there are none."""
    return len(named.intersection(stems(text))) / len(named) if named else 1.0
