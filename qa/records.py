"""What goes in and what comes out: questions, spans, citations, answers, replies.

This file must not know how any of them is found. `reply_json` is the one shape of a
reply in JSON; the command line and the service both send it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from index import Passage, one_line
from qa.errors import FilterError, QuestionError, QuestionTooLong

_CONTROL = re.compile("[\x00-\x1f]")  # between words, wherever they come from
MAX_QUESTION = 500  # characters; the longest question of SQuAD has 25 words
MAX_NAMES = 100  # sources, or articles, that one question is kept to


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles a question is asked of: those that are all of this; empty for all.

    `sources`: names, exactly as citations give them. `published_from`, `published_to`: ISO
    days, both inclusive, that leave out articles without a date; "as of a day" is `published_to`.
    Raises `FilterError`.
    """

    sources: tuple[str, ...] = ()
    published_from: str | None = None
    published_to: str | None = None
    article_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for day in (self.published_from, self.published_to):
            if day is not None and not is_day(day):
                raise FilterError("a date to filter by must be a day such as 2023-01-31")
        if self.published_from and self.published_to and self.published_from > self.published_to:
            raise FilterError(
                f"no day is both from {self.published_from} and to {self.published_to}:"
                " exchange the two dates"
            )
        if "" in (*self.sources, *self.article_ids):
            raise FilterError("a source or an article to filter by has no name: leave it out")
        try:
            "".join((*self.sources, *self.article_ids)).encode()
        except UnicodeEncodeError as error:
            raise FilterError("a source or an article to filter by is not in UTF-8") from error
        # As articles are: what is copied from a PDF or a file's name may be written otherwise.
        object.__setattr__(self, "sources", tuple(map(one_line, self.sources)))
        if max(len(self.sources), len(self.article_ids)) > MAX_NAMES:
            raise FilterError(f"filter by at most {MAX_NAMES} sources and {MAX_NAMES} articles")

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Question:
    """A question: not empty, bounded, in articles' form; `filters` say of which articles.

    Raises `QuestionError` when there is nothing to ask, `QuestionTooLong` past
    `MAX_QUESTION` characters.
    """

    text: str
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        if len(self.text) > MAX_QUESTION:
            raise QuestionTooLong(
                f"the question has {len(self.text):,} characters; ask in at most {MAX_QUESTION}"
            )
        text = one_line(_CONTROL.sub(" ", self.text))
        if not any(character.isalnum() for character in text):
            raise QuestionError("the question is empty: type a question in words")
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class Span:
    """Words that may answer: `start`, `end` in the article; scores compare across passages.

    `score`: start plus end logit of the span, minus those of "no answer here".
    `support`: the retrieval score, 0 to 1, of its article: that of the best passage there.
    `shared`: share of the question's telling words that its sentence holds, 0 to 1.
    """

    article_id: str
    start: int
    end: int
    score: float
    support: float
    shared: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: `article.text[start:end] == quote`.

    `before` and `after` complete the sentence around the quote, so that no client has to
    count characters. Offsets are Unicode code points, end exclusive. `page`: the number, from
    1, of the page of a PDF on which the quote begins.
    """

    article_id: str
    title: str
    url: str | None
    source: str | None
    published: str | None
    start: int
    end: int
    before: str
    quote: str
    after: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with at least one citation: `text == citations[0].quote`.

    `sure`: its confidence is one from which on the promised share of answers is right.
    """

    text: str
    confidence: float
    sure: bool
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class NearPassage:
    """A retrieved passage with its article's title, as shown beside or instead of answers."""

    passage: Passage
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything about one question; no answer is a result with a reason, not an error.

    `reason`: None when there are answers. `revision`: the library that answered.
    `calibrated`: the confidences are probabilities fitted with these models.
    `partial`: time ran out before every passage was read. `timings`: milliseconds by stage.
    """

    question: str
    answers: tuple[Answer, ...]
    passages: tuple[NearPassage, ...]
    reason: str | None
    calibrated: bool
    revision: int
    took_ms: float
    partial: bool = False
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)


def reply_json(reply: Reply) -> dict[str, Any]:
    """A reply as plain JSON types, the same from the command line and the service."""
    return {
        "question": reply.question,
        "answers": [answer_json(answer) for answer in reply.answers],
        "passages": [
            {
                "article_id": near.passage.article_id,
                "title": near.title,
                "start": near.passage.start,
                "end": near.passage.end,
                "text": near.passage.text,
                "score": near.score,
            }
            for near in reply.passages
        ],
        "reason": reply.reason,
        "calibrated": reply.calibrated,
        "revision": reply.revision,
        "partial": reply.partial,
        "took_ms": reply.took_ms,
        "timings": dict(reply.timings),
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as plain JSON types."""
    return {
        "text": answer.text,
        "confidence": answer.confidence,
        "sure": answer.sure,
        "citations": [asdict(citation) for citation in answer.citations],
    }


def is_day(text: object) -> bool:
    """Whether it is a day as YYYY-MM-DD."""
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
