"""What the article page shows around a highlighted range; pure.

This file must not know HTML.
"""

from dataclasses import dataclass

from index import Article
from web.fragment import link_to_words
from web.mentions import mentions
from web.wording import web_link

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """Which of how many mentions of the same words a range is, and those beside it."""

    number: int
    count: int
    previous: Range | None
    next: Range | None


def mention(article: Article, start: int, end: int) -> Mention:
    """Where the range stands among all mentions of its words in the article."""
    found = mentions(article.text, start, end)
    at = found.index((start, end))
    return Mention(
        number=at + 1,
        count=len(found),
        previous=found[at - 1] if at > 0 else None,
        next=found[at + 1] if at + 1 < len(found) else None,
    )


def publisher(article: Article, span: Range | None) -> str | None:
    """The publisher's page, at the words of `span`; None when its address is none of the web.

    A PDF is opened at the page of the words, as in RFC 8118: `#page=7`.
    """
    link = web_link(article.url)
    if link is None or span is None:
        return link
    page = article.page(span[0])
    if page is None:
        return link_to_words(link, article.text, *span)
    return link if "#" in link else f"{link}#page={page}"
