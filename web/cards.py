"""What the search page shows of each answer beyond the reply itself.

This file must not know HTML, nor how an answer is found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from index import Article
from qa import Answer, Citation, Reply
from web import quotation, wording

Find = Callable[[str], Article | None]
Place = Callable[[Citation], str]


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, where the publisher has it, and its forms to copy."""

    citation: Citation
    link: str | None
    texts: quotation.Texts


@dataclass(frozen=True, slots=True)
class Card:
    """An answer and its citations, best first."""

    answer: Answer
    cited: tuple[Cited, ...]


def cards(reply: Reply, find: Find, place: Place) -> list[Card]:
    """A card an answer; `find` gives an article by id, `place` our own address of a citation."""
    return [Card(answer, tuple(_cited(answer, find, place))) for answer in reply.answers]


def _cited(answer: Answer, find: Find, place: Place) -> Iterator[Cited]:
    for citation in answer.citations:
        article = find(citation.article_id)
        author = None if article is None else article.author
        link = wording.web_link(citation.url)
        checked_at = place(citation) if link is None else link
        yield Cited(citation, link, quotation.texts(citation, author, checked_at))
