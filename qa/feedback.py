"""What people say of answers, kept as rows of SQuAD 2.0 in the library's folder.

It must not know who said it, nor through what.
"""

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from index import Article, sentences
from qa.errors import FeedbackError, FeedbackLost
from qa.records import Question

Verdict = Literal["right", "wrong", "wrong_words", "no_answer", "right_words"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FILE = "feedback.jsonl"
LIMIT = 50_000_000  # bytes of the file
_AROUND = 600  # characters of whole sentences kept on either side of the words
_ANSWERS = ("right", "right_words")  # the words answer the question
_NO_ANSWER = ("wrong", "no_answer")  # what was shown answers nothing there


def feedback_row(
    article: Article, question: str, verdict: Verdict, start: int, end: int, quote: str
) -> dict[str, Any]:
    """A row: the words at `start`:`end` of the article, and what was said of them.

    Raises `FeedbackError` when the article has not these words there, and what `Question`
    raises. Of "wrong_words" only the passage is right, so the row has no answer.
    """
    text = article.text
    if not (0 <= start < end <= len(text) and text[start:end] == quote):
        raise FeedbackError(
            f"article {article.id} does not say that from {start} to {end}: send start, end and"
            " quote as a citation gives them"
        )
    opening, closing = _around(text, start, end)
    words = [{"text": quote, "answer_start": start - opening}]
    return {
        "id": uuid4().hex,
        "verdict": verdict,
        "article_id": article.id,
        "title": article.title,
        "published": article.published,
        "context": text[opening:closing],
        "question": Question(question).text,
        "is_impossible": verdict in _NO_ANSWER,
        "answers": words if verdict in _ANSWERS else [],
        "plausible_answers": [] if verdict in _ANSWERS else words,
    }


def keep_feedback(folder: Path, row: dict[str, Any]) -> None:
    """Add a row to the file. Raises `FeedbackLost` when it is full or can't be written."""
    path = folder / FILE
    line = json.dumps(row).encode() + b"\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.seek(0, os.SEEK_END)
            if before + len(line) > LIMIT:
                raise FeedbackLost(f"{FILE} is full: export it and move it away")
            try:
                if file.write(line) < len(line):  # a part of it, where the disk is full then
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
    except OSError as error:
        raise FeedbackLost(f"{FILE} can't be written: {error.strerror}") from error


def export_feedback(folder: Path) -> dict[str, Any]:
    """All rows that say what the answer is, or that there is none, as one SQuAD 2.0 file.

    Raises `FeedbackLost` when the file can't be read.
    """
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        data = [_entry(row) for row in rows if row["verdict"] in (*_ANSWERS, *_NO_ANSWER)]
    except FileNotFoundError:
        data = []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedbackLost(f"{FILE} can't be read: look for a damaged line in it") from error
    return {"version": "v2.0", "data": data}


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    """A row as an article of its own."""
    told = ("id", "question", "is_impossible", "answers", "plausible_answers")
    asked = {name: row[name] for name in told}
    return {
        "title": row["title"],
        "published": row.get("published"),
        "paragraphs": [{"context": row["context"], "qas": [asked]}],
    }


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the whole sentences around the words begin and end, within reach of them."""
    inside = [(a, b) for a, b in sentences(text) if a >= start - _AROUND and b <= end + _AROUND]
    return (
        min([start, *(a for a, _ in inside)]),
        max([end, *(b for _, b in inside)]),
    )
