"""A question in, cited answers out. Knows nothing of HTTP."""

from qa.agree import Era, eras, independent
from qa.ask import QA, open_qa
from qa.errors import (
    CitationError,
    FeedbackError,
    FeedbackLost,
    FilterError,
    LabelError,
    QAError,
    QuestionError,
    QuestionTooLong,
    ReaderError,
)
from qa.feedback import export_feedback, feedback_row, keep_feedback
from qa.recheck import Standing, recheck
from qa.records import (
    MAX_NAMES,
    MAX_QUESTION,
    Answer,
    Citation,
    Filters,
    NearPassage,
    Question,
    Reply,
    Span,
    answer_json,
    reply_json,
)

__all__ = [
    "MAX_NAMES",
    "MAX_QUESTION",
    "QA",
    "Answer",
    "Citation",
    "CitationError",
    "Era",
    "FeedbackError",
    "FeedbackLost",
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
    "Standing",
    "answer_json",
    "eras",
    "export_feedback",
    "feedback_row",
    "independent",
    "keep_feedback",
    "open_qa",
    "recheck",
    "reply_json",
]
