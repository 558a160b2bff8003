"""A question in, cited answers out. Knows nothing of HTTP."""

from qa.ask import QA, open_qa
from qa.errors import (
    CitationError,
    FilterError,
    LabelError,
    QAError,
    QuestionError,
    QuestionTooLong,
    ReaderError,
)
from qa.records import (
    MAX_QUESTION,
    Answer,
    Citation,
    Filters,
    NearPassage,
    Question,
    Reply,
    Span,
    reply_json,
)

__all__ = [
    "MAX_QUESTION",
    "QA",
    "Answer",
    "Citation",
    "CitationError",
    "FilterError",
    "Filters",
    "LabelError",
    "NearPassage",
    "QAError",
    "Question",
    "QuestionError",
    "QuestionTooLong",
    "ReaderError",
    "Reply",
    "Span",
    "open_qa",
    "reply_json",
]
