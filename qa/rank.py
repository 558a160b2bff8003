"""Spans of all passages become distinct answers in order, with confidence, or none. Pure.

It must not know what a model or an article is beyond the text it is given.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from qa.confidence import Confidence, leads
from qa.records import Span

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One answer: the spans that say it, best first, and how surely they answer."""

    spans: tuple[Span, ...]
    confidence: float


def places(spans: Sequence[Span]) -> list[Span]:
    """Each place once: where windows of an article overlap, by the mean of what they scored.

    What only a window that shows less takes for an answer counts less then.
    """
    found: dict[tuple[str, int, int], list[Span]] = {}
    for span in spans:
        found.setdefault((span.article_id, span.start, span.end), []).append(span)
    return [replace(same[0], score=fmean(span.score for span in same)) for same in found.values()]


def rank(
    question: str,
    spans: Sequence[Span],
    texts: Mapping[str, str],
    confidence: Confidence,
    k: int,
) -> list[Ranked]:
    """At most `k` answers, surest first; spans that say the same are one answer."""
    groups = candidates(question, spans, texts, confidence)
    strengths = [confidence.strength(group) for group in groups]
    ahead = leads(strengths, [group[0].score for group in groups])
    ranked = [
        Ranked(group, confidence.probability(strength, lead))
        for group, strength, lead in zip(groups, strengths, ahead, strict=True)
    ]
    return sorted(ranked, key=lambda one: -one.confidence)[:k]


def candidates(
    question: str, spans: Sequence[Span], texts: Mapping[str, str], confidence: Confidence
) -> list[tuple[Span, ...]]:
    """The distinct answers among the spans, strongest first, each with all that say it.

    `texts`: article texts by id. Of spans that overlap in an article only the best counts,
    and words that all stand in the question answer nothing, unless it offers a choice ("or").
    """
    asked = set(_plain(question).split())
    echoes = asked if "or" not in asked else set()
    best = sorted(spans, key=lambda span: (-confidence.relevance(span), *_order(span)))
    groups: dict[str, list[Span]] = {}
    taken: list[Span] = []
    for span in best:
        said = _plain(texts[span.article_id][span.start : span.end])
        if not set(said.split()) <= echoes and not any(_overlap(span, other) for other in taken):
            taken.append(span)
            groups.setdefault(said, []).append(span)
    found = [tuple(group) for group in groups.values()]
    return sorted(found, key=confidence.strength, reverse=True)


def _plain(text: str) -> str:
    """By SQuAD's rule, which knows no “curly” quotes, but with them as straight ones."""
    return normalise_answer(text.translate(_STRAIGHT))


def normalise_answer(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces: SQuAD's official rule."""
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _order(span: Span) -> tuple[float, float, float, str, int, int]:
    """Every field, so that equally sure spans stand in one order however they come in."""
    return -span.score, -span.support, -span.shared, span.article_id, span.start, span.end


def _overlap(one: Span, other: Span) -> bool:
    return one.article_id == other.article_id and one.start < other.end and other.start < one.end
