"""What can go wrong with a question.

QAError
├── QuestionError      the question is empty or not text
├── QuestionTooLong    the question is longer than any question needs to be
├── FilterError        a filter of the question is no filter
├── ReaderError        the reading model can't be loaded or is not the pinned one
├── FeedbackError      what is said of an answer does not fit its article
├── FeedbackLost       what is said of answers can't be kept or read
├── LabelError         a file of labelled questions can't be used
├── TrainingError      a training run can't begin, or go on from its checkpoint
└── CitationError      a citation does not match its article: a bug, never shown

Every message is one sentence: what is wrong and what to do.
"""


class QAError(Exception):
    """Any failure of this package."""


class QuestionError(QAError):
    """The question is empty or not text."""


class QuestionTooLong(QAError):
    """The question is longer than any question needs to be."""


class FilterError(QAError):
    """A filter of the question is no filter."""


class ReaderError(QAError):
    """The reading model can't be loaded or is not the pinned one."""


class FeedbackError(QAError):
    """What is said of an answer does not fit its article."""


class FeedbackLost(QAError):
    """What is said of answers can't be kept or read."""


class LabelError(QAError):
    """A file of labelled questions can't be used."""


class TrainingError(QAError):
    """A training run can't begin, or go on from its checkpoint."""


class CitationError(QAError):
    """A citation does not match its article."""
