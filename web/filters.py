"""Which articles a page's question is asked of, from its address and for its form.

This file must not know how articles are filtered, nor HTML.
"""

from dataclasses import dataclass

from flask import request

from index import AnyLibrary
from qa import Filters


@dataclass(frozen=True, slots=True)
class Form:
    """The filters that are kept, the sources to choose from, ids and titles kept to."""

    kept: Filters
    sources: tuple[str, ...]
    within: tuple[tuple[str, str], ...]


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


def form(kept: Filters, library: AnyLibrary) -> Form:
    """What the form offers; a source that is kept to stands in it though the library has none."""
    known = [source for source, _ in library.sources()]
    more = [source for source in kept.sources if source not in known]
    articles = [(id, library.article(id)) for id in kept.article_ids]
    within = [(id, id if article is None else article.title) for id, article in articles]
    return Form(kept, tuple(known + more), tuple(within))


def _one(name: str) -> str | None:
    text = request.args.get(name, "").strip()
    return None if text == "" else text


def _all(name: str) -> tuple[str, ...]:
    return tuple(text for text in request.args.getlist(name) if text.strip())
