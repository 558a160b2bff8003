"""Which articles a page's question is asked of, from its address and for its form.

This file must not know how articles are filtered, nor HTML.
"""

from flask import request

from index import Library
from qa import Filters


def asked() -> Filters:
    """The filters as the API names them; what is empty filters nothing.

    Raises `FilterError`.
    """
    return Filters(
        sources=_all("source"),
        published_from=_one("published_from"),
        published_to=_one("published_to"),
        article_ids=_all("article_id"),
    )


def within(filters: Filters, library: Library) -> list[tuple[str, str]]:
    """Id and title of the articles that a question is kept to; an id for a title if gone."""
    found = [(id, library.article(id)) for id in filters.article_ids]
    return [(id, id if article is None else article.title) for id, article in found]


def _one(name: str) -> str | None:
    text = request.args.get(name, "").strip()
    return None if text == "" else text


def _all(name: str) -> tuple[str, ...]:
    return tuple(text for text in request.args.getlist(name) if text.strip())
