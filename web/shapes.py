"""The JSON shapes of the API, in one place; a reply's own shape is `qa.reply_json`.

This file must not know any route. Offsets count Unicode code points.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from index import Article

DEFAULT_ANSWERS = 3


def _whole_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a character: a lone surrogate is not text") from error
    return text


class AskRequest(BaseModel):
    """A question as JSON; `k` is how many answers at most."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    question: Annotated[str, AfterValidator(_whole_text)]
    k: int = DEFAULT_ANSWERS


class ArticleSummary(BaseModel):
    """An article in a list."""

    id: str
    title: str
    url: str | None
    source: str | None
    published: str | None
    author: str | None


class ArticleFull(ArticleSummary):
    """An article with its text, the one that offsets count in."""

    text: str


class ArticlePage(BaseModel):
    """Part of the list of articles, newest first; `total` counts all of them."""

    total: int
    offset: int
    limit: int
    revision: int
    articles: list[ArticleSummary]


class Health(BaseModel):
    """The process is up."""

    status: str = "ok"


class Ready(BaseModel):
    """Questions can be answered, from this many articles and passages."""

    status: str = "ready"
    revision: int
    articles: int
    passages: int
    notes: list[str]


class Problem(BaseModel):
    """What went wrong (RFC 9457): `detail` is a sentence for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def article_summary(article: Article) -> ArticleSummary:
    """An article without its text and without where its file lies."""
    return ArticleSummary(
        id=article.id,
        title=article.title,
        url=article.url,
        source=article.source,
        published=article.published,
        author=article.author,
    )


def article_full(article: Article) -> ArticleFull:
    """An article with its text."""
    return ArticleFull(**article_summary(article).model_dump(), text=article.text)
