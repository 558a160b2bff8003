"""Files of labelled questions: SQuAD 1.1 and 2.0 JSON, read and checked.

It must not know how a question is answered.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from index import Article
from qa.errors import LabelError


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with its accepted answers, none for unanswerable, and its paragraph's id."""

    question: str
    answers: tuple[str, ...]
    article_id: str


def load_labels(path: Path) -> tuple[list[Article], list[Labelled]]:
    """The paragraphs of a file, each an article of its own, and the questions about them.

    Raises `LabelError` when it is not SQuAD JSON, an offset is wrong, or nothing is asked.
    """
    articles: dict[str, Article] = {}
    questions: list[Labelled] = []
    for title, paragraph in _paragraphs(path):
        article = _article(title, paragraph["context"])
        articles.setdefault(article.id, article)
        questions.extend(_questions(path, paragraph, article))
    if not questions:
        raise LabelError(f"{path} holds no question")
    return list(articles.values()), questions


def _paragraphs(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        return [
            (str(entry.get("title", path.stem)), paragraph)
            for entry in data
            for paragraph in entry["paragraphs"]
            if isinstance(paragraph["context"], str) and isinstance(paragraph["qas"], list)
        ]
    except OSError as error:
        raise LabelError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LabelError(f"{path} is not SQuAD 1.1 or 2.0 JSON") from error


def _article(title: str, text: str) -> Article:
    origin = "paragraph:" + sha256(text.encode()).hexdigest()
    id = sha256(origin.encode()).hexdigest()[:16]
    return Article(id, origin, title.replace("_", " "), text)


def _questions(path: Path, paragraph: dict[str, Any], article: Article) -> list[Labelled]:
    found = []
    for row in paragraph["qas"]:
        try:
            answers = () if row.get("is_impossible") else tuple(row["answers"])
            for answer in answers:
                start = answer["answer_start"]
                if article.text[start : start + len(answer["text"])] != answer["text"]:
                    raise LabelError(
                        f"{path}: question {row.get('id')}: the answer “{answer['text']}” does"
                        f" not stand at {start}"
                    )
            texts = tuple(dict.fromkeys(answer["text"] for answer in answers))
            found.append(Labelled(str(row["question"]), texts, article.id))
        except (TypeError, KeyError, AttributeError) as error:
            raise LabelError(f"{path}: question {row!r:.80} is not a SQuAD row") from error
    return found
