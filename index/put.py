"""Articles that come by themselves, under an id of their giver's, not from a file.

This file must not know who gives them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.build import build_articles
from index.errors import SourceError
from index.place import Place
from index.records import GIVEN, Article
from index.report import Report
from index.sources import make_article

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", re.ASCII)


def given_article(id: str, fields: Mapping[str, object]) -> Article:
    """The article of these fields, `text` and what front matter may say, under its own id.

    Raises `SourceError` when the id or the text can't be one.
    """
    if _ID.fullmatch(id) is None:
        raise SourceError(
            "an id is 1 to 64 letters, digits or any of . _ ~ -, a letter or a digit first"
        )
    text = str(fields.get("text", ""))
    try:
        return replace(make_article(GIVEN + id, id, text, fields), id=id)
    except SourceError as error:
        raise SourceError(f"the article {error}") from error


def is_given(article: Article) -> bool:
    """Whether the article came by itself, so that no file holds it."""
    return article.origin == GIVEN + article.id


def put(id: str, fields: Mapping[str, object], place: Place, embedder: str) -> Report:
    """Bring this one article to the library, new or changed. Raises what building raises."""
    article = given_article(id, fields)
    return _bring([article], id, place, embedder)


def remove(id: str, place: Place, embedder: str) -> Report:
    """Take an article that came by itself out of the library. Raises what building raises."""
    return _bring([], id, place, embedder)


def _bring(articles: Sequence[Article], id: str, place: Place, embedder: str) -> Report:
    return build_articles(articles, place, embedder, lambda it: it == GIVEN + id, ids=[id])
