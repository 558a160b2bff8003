"""What the search page shows of each answer beyond the reply itself.

This file must not know HTML, nor how an answer is found.
"""

from collections.abc import Callable
from dataclasses import dataclass

from index import Article
from qa import Answer, Citation, Reply, independent
from web import dates, quotation, reading, wording

Find = Callable[[str], Article | None]
Place = Callable[[Citation], str]


@dataclass(frozen=True, slots=True)
class Voice:
    """A citation that counts, where the publisher has it, and its forms to copy.

    `told`: what the dates in its sentence mean.
    `copies`: the same sentence in other articles, or the same answer elsewhere in this one.
    """

    citation: Citation
    link: str | None
    texts: quotation.Texts
    told: tuple[dates.Told, ...]
    copies: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """An answer and the articles that say so independently, best first."""

    answer: Answer
    voices: tuple[Voice, ...]


def cards(reply: Reply, find: Find, place: Place) -> list[Card]:
    """A card an answer; `find` gives an article by id, `place` our own address of a citation."""
    return [
        Card(
            answer,
            tuple(_voice(group, find, place) for group in independent(answer.citations)),
        )
        for answer in reply.answers
    ]


def _voice(group: tuple[Citation, ...], find: Find, place: Place) -> Voice:
    citation, *copies = group
    article = find(citation.article_id)
    author = None if article is None else article.author
    link = _link(citation, article)
    checked_at = place(citation) if link is None else link
    return Voice(
        citation=citation,
        link=link,
        texts=quotation.texts(citation, author, checked_at),
        told=tuple(dates.told(quotation.sentence(citation), citation.published)),
        copies=tuple(copies),
    )


def _link(citation: Citation, article: Article | None) -> str | None:
    """The publisher's page at the quote; only the page when the article is another by now."""
    span = citation.start, citation.end
    if article is None or article.text[slice(*span)] != citation.quote:
        return wording.web_link(citation.url)
    return reading.publisher(article, span)
