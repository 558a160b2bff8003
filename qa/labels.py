"""Files of labelled questions: SQuAD 1.1 and 2.0 JSON, read and checked.

It must not know how a question is answered.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from index import Article
from qa.errors import LabelError, QuestionError, QuestionTooLong
from qa.records import Question, is_day


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with its accepted answers, none for unanswerable, and its paragraph's id.

    `places`: where the answers stand in the paragraph, (start, end), most agreed first.
    """

    question: str
    answers: tuple[str, ...]
    article_id: str
    places: tuple[tuple[int, int], ...] = ()


def load_labels(path: Path) -> tuple[list[Article], list[Labelled]]:
    """The paragraphs of a file, each an article of its own, and the questions about them.

    Beside an article's `title` the file may say on which day it was `published`.
    Raises `LabelError` when it is not SQuAD JSON or nothing is asked, and names every row
    that can't be used: nothing is dropped in silence.
    """
    articles: dict[str, Article] = {}
    questions: list[Labelled] = []
    wrong: list[str] = []
    for title, published, paragraph in _paragraphs(path):
        article = _article(title, published, paragraph["context"])
        articles.setdefault(article.id, article)
        for row in paragraph["qas"]:
            try:
                questions.append(_labelled(row, article))
            except LabelError as error:
                wrong.append(str(error))
    if wrong:
        raise LabelError(
            f"{path}: {len(wrong):,} of {len(wrong) + len(questions):,} questions can't be used:"
            + "".join(f"\n  {sentence}" for sentence in wrong)
        )
    if not questions:
        raise LabelError(f"{path} holds no question")
    return list(articles.values()), questions


def _paragraphs(path: Path) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Each with its article's title and day."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))["data"]
        found = [
            (str(entry.get("title", path.stem)), entry.get("published"), paragraph)
            for entry in data
            for paragraph in entry["paragraphs"]
        ]
        for title, published, paragraph in found:
            title.encode()  # half a character is no text: ValueError
            if published is not None and not is_day(published):
                raise LabelError(
                    f"{path}: “{title:.60}” was published “{published!s:.30}”: give a day as"
                    " YYYY-MM-DD"
                )
            text, asked = paragraph["context"], paragraph["qas"]
            if not (isinstance(text, str) and text.strip() and isinstance(asked, list)):
                raise LabelError(f"{path}: a paragraph of “{title:.60}” has no text or questions")
            text.encode()
        return found
    except OSError as error:
        raise LabelError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabelError(f"{path} is not SQuAD 1.1 or 2.0 JSON") from error


def _article(title: str, published: str | None, text: str) -> Article:
    origin = "paragraph:" + sha256(text.encode()).hexdigest()
    id = sha256(origin.encode()).hexdigest()[:16]
    return Article(id, origin, title.replace("_", " "), text, published=published)


def _labelled(row: Any, article: Article) -> Labelled:
    """One row. Raises `LabelError` with what is wrong with it."""
    try:
        answers = [] if row.get("is_impossible") else list(row["answers"])
        places = [(one["answer_start"], one["answer_start"] + len(one["text"])) for one in answers]
        for answer, (start, end) in zip(answers, places, strict=True):
            if start < 0 or start == end or article.text[start:end] != answer["text"]:
                raise LabelError(
                    f"question {row.get('id')}: the answer “{answer['text']:.60}” does not stand"
                    f" at {start}"
                )
        texts = tuple(dict.fromkeys(answer["text"] for answer in answers))
        question = Question(" ".join(str(row["question"]).split())).text
    except (QuestionError, QuestionTooLong) as error:
        raise LabelError(f"question {row.get('id')}: {error}") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise LabelError(f"question {row!r:.80} is not a SQuAD row") from error
    return Labelled(question, texts, article.id, tuple(dict.fromkeys(places)))


def kept_out(article_id: str) -> bool:
    """Whether the paragraph is of the half that is kept out of a library to test silence."""
    return int(article_id, 16) // 10 % 2 == 1
