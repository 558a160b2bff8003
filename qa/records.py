"""What goes in and what comes out: questions, spans, citations, answers, replies.

This file must not know how any of them is found. `reply_json` is the one shape of a
reply in JSON; the command line and the service both send it.
"""

from dataclasses import asdict, dataclass
from typing import Any

from index import Passage
from qa.errors import QuestionError, QuestionTooLong

MAX_QUESTION = 500  # characters; the longest question of SQuAD has 25 words


@dataclass(frozen=True, slots=True)
class Question:
    """A question: not empty, bounded, spaces folded.

    Raises `QuestionError` when there is nothing to ask, `QuestionTooLong` past
    `MAX_QUESTION` characters.
    """

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > MAX_QUESTION:
            raise QuestionTooLong(
                f"the question has {len(self.text):,} characters; ask in at most {MAX_QUESTION}"
            )
        text = " ".join(self.text.encode(errors="ignore").decode().replace("\0", " ").split())
        if not any(character.isalnum() for character in text):
            raise QuestionError("the question is empty: type a question in words")
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class Span:
    """Words that may answer: `start`, `end` in the article; scores compare across passages.

    `score`: start plus end logit of the span, minus those of "no answer here".
    `support`: the retrieval score, 0 to 1, of the passage it was read in.
    `log_share`: natural logarithm of the share that its two ends have among all words of the
    window; 0 when no other words compete.
    """

    article_id: str
    start: int
    end: int
    score: float
    support: float
    log_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: `article.text[start:end] == quote`.

    `before` and `after` complete the sentence around the quote, so that no client has to
    count characters. Offsets are Unicode code points, end exclusive.
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
    """

    question: str
    answers: tuple[Answer, ...]
    passages: tuple[NearPassage, ...]
    reason: str | None
    calibrated: bool
    revision: int
    took_ms: float


def reply_json(reply: Reply) -> dict[str, Any]:
    """A reply as plain JSON types, the same from the command line and the service."""
    return {
        "question": reply.question,
        "answers": [
            {
                "text": answer.text,
                "confidence": answer.confidence,
                "sure": answer.sure,
                "citations": [asdict(citation) for citation in answer.citations],
            }
            for answer in reply.answers
        ],
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
        "took_ms": reply.took_ms,
    }
