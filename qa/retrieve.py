"""A question becomes the best passages: the ranking by meaning and the one by words, fused.

It must not know what reads the passages afterwards.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from index import AnyLibrary, Embedder, Hit
from qa.records import Filters, Question

CANDIDATES = 100  # passages taken from each ranking
DENSE_WEIGHT = 0.6  # the rest is on the words; 0.55 to 0.65 measure the same
_ACRONYM = re.compile(r"(?<!\w)[^\W_][\w&-]{1,9}(?!\w)")
_ASKS_MEANING = re.compile(
    r"\b(stands? for|short for|abbreviat|acronym)"
    r"|\b(meaning|full (name|form)) of (the )?\S+\W*$"
    r"|^what( is|'s|’s| does) (an? |the )?\S+( mean)?\W*$",
    re.IGNORECASE,
)
# Words that are also acronyms (WHO, IT, US, AIDS): expanded only when typed in capitals.
_PLAIN_WORDS = frozenset(
    "a aid aids all am an and any are art as at be by can cop did do does end for had has have"
    " he her him his how if in is it its led let may me my no not of on one or our out pact"
    " ram sad said she so start stem than that the then they this to up us was we were what"
    " when where who whom why will with you".split()
)

Ranking = Sequence[tuple[int, float]]
Vector = NDArray[np.float32]


def retrieve(library: AnyLibrary, embedder: Embedder, question: Question, k: int) -> list[Hit]:
    """At most `k` passages for the question, best first, with fused scores from 0 to 1."""
    text, vector = embed(library, embedder, question)
    return search(library, text, vector, question.filters, k)


def embed(library: AnyLibrary, embedder: Embedder, question: Question) -> tuple[str, Vector]:
    """The question with its acronyms spelled out beside them, and its vector."""
    text = expand(question.text, library.expansions, keep=True)
    [vector] = embedder.encode([text])
    return text, vector


def search(library: AnyLibrary, text: str, vector: Vector, filters: Filters, k: int) -> list[Hit]:
    """At most `k` passages that pass the filters: these hold while the library is searched, so
    they never leave fewer than there are.
    """
    dense, words = library.rankings(text, vector, CANDIDATES, _allowed(library, filters))
    return library.hits(fuse(dense, words, DENSE_WEIGHT)[:k])


def _allowed(library: AnyLibrary, filters: Filters) -> NDArray[np.int64] | None:
    """The passages that pass the filters; None for all of them."""
    if not filters:
        return None
    return library.numbers(
        filters.sources, filters.published_from, filters.published_to, filters.article_ids
    )


def fuse(dense: Ranking, words: Ranking, weight: float) -> list[tuple[int, float]]:
    """Convex combination: weight × cosine + (1 − weight) × BM25 / the best BM25.

    Bruch et al. 2023, "An analysis of fusion functions for hybrid retrieval". `dense` holds the
    cosine of every passage; what `words` does not hold would stand below its last one, and
    counts half as much as that. Scores are from 0 to 1; best first, ties by number.
    """
    matches = {number: score / words[0][1] for number, score in words}
    below = min(matches.values(), default=0.0) / 2
    total = {
        number: weight * max(0.0, cosine) + (1 - weight) * matches.get(number, below)
        for number, cosine in dense
    }
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


def expand(text: str, expansions: Callable[[str], list[str]], *, keep: bool) -> str:
    """The question with its acronyms spelled out, as the library itself defines them.

    "who signed the RAA?" becomes "who signed the Reciprocal Access Agreement?", or with
    `keep` "who signed the RAA (Reciprocal Access Agreement)?". Without `keep`, a question that
    asks what an acronym stands for stays as it is: spelled out, it would answer itself.
    """
    if not keep and _ASKS_MEANING.search(text):
        return text

    def spelled_out(match: re.Match[str]) -> str:
        short = match[0]
        if short.lower() in _PLAIN_WORDS and not short.isupper():
            return short
        for long in expansions(short)[:1]:
            if long.lower() not in text.lower():
                return f"{short} ({long})" if keep else long
        return short

    return _ACRONYM.sub(spelled_out, text)
