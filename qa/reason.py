"""Why a question has no answer, in a sentence for whoever asked it."""

import re

from index import AnyLibrary
from qa.records import Question

_WORD = re.compile(r"\b[^\W\d_]{4,}\b")
# Words that make a question, not what it is about; the term index does not hold all of them.
_FRAME = frozenset(
    "about been does from have into many much such that their then there these they this were"
    " what when where which whom whose will with".split()
)


def reason(question: Question, found: bool, library: AnyLibrary) -> str:
    """Why nothing answers; `found`: whether there were passages to read."""
    if not found and question.filters:
        return "The filters leave no article to answer from: take some of them away."
    if not found:
        return "The library holds no passage that could answer this."
    words = dict.fromkeys(_WORD.findall(question.text))
    unknown = [word for word in words if word.lower() not in _FRAME and not library.known(word)]
    if unknown:
        named = [_with_nearest(word, library.nearest_word(word)) for word in unknown]
        return f"No article mentions {', '.join(named)}."
    return "Passages were found, but none of them answers the question surely enough."


def _with_nearest(word: str, nearest: str | None) -> str:
    return f"“{word}”" if nearest is None else f"“{word}” (but “{nearest}”)"
