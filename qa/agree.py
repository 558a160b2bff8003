"""Which citations bear an answer out independently, and which answers take turns in time. Pure.

It must not know how an answer was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from qa.rank import normalise_answer
from qa.records import Answer, Citation

SAME = 0.8  # share of words, of all in two sentences, from which on one is a copy of the other
SUPPORTED = 0.8  # confidence from which on an answer may stand against another


@dataclass(frozen=True, slots=True)
class Era:
    """An answer, and the ISO days of the first and the last article that gives it."""

    answer: Answer
    first: str
    last: str


def independent(citations: Sequence[Citation]) -> tuple[tuple[Citation, ...], ...]:
    """The citations by who says it: one group an article, copies of its sentence folded in.

    Groups and their members stay in the order given; the first of a group stands for it.
    """
    groups: list[list[int]] = []
    for number, one in enumerate(citations):
        same = [group for group in groups if any(_one_voice(one, citations[at]) for at in group)]
        joined = sorted([*chain.from_iterable(same), number])
        groups = [group for group in groups if group not in same] + [joined]
    return tuple(tuple(citations[at] for at in group) for group in sorted(groups))


def eras(answers: Sequence[Answer]) -> tuple[Era, ...]:
    """Well supported answers that differ, each given by older articles than the next; or none.

    Only answers that share no word and are alike numbers or not are held against each other,
    and none whose sentence names the other: a list is not a change.
    """
    taken: list[Era] = []
    for answer in answers:
        days = [citation.published for citation in answer.citations]
        known = sorted(day for day in days if day is not None)
        if not known or len(known) < len(days) or answer.confidence < SUPPORTED:
            continue
        era = Era(answer, known[0], known[-1])
        if all(_rivals(era, other) for other in taken):
            taken.append(era)
    return tuple(sorted(taken, key=lambda era: era.first)) if len(taken) > 1 else ()


def _rivals(one: Era, other: Era) -> bool:
    apart = one.last < other.first or other.last < one.first
    said, against = _words(one.answer.text), _words(other.answer.text)
    alike = _counts(one.answer.text) == _counts(other.answer.text)
    return (
        apart
        and alike
        and not said & against
        and not any(against <= _sentence(citation) for citation in one.answer.citations)
        and not any(said <= _sentence(citation) for citation in other.answer.citations)
    )


def _one_voice(one: Citation, other: Citation) -> bool:
    return one.article_id == other.article_id or _copied(one, other)


def _copied(one: Citation, other: Citation) -> bool:
    words, others = _sentence(one), _sentence(other)
    return len(words & others) >= SAME * len(words | others)


def _sentence(citation: Citation) -> frozenset[str]:
    return _words(citation.before + citation.quote + citation.after)


def _words(text: str) -> frozenset[str]:
    return frozenset(normalise_answer(text).split())


def _counts(text: str) -> bool:
    return any(sign.isdigit() for sign in text)
