"""The JSON shapes that go out, in one place; a reply's own values come from `qa.reply_json`.

This file must not know any route. Offsets count Unicode code points, end exclusive.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from index import Article

DEFAULT_ANSWERS = 3
_ID = "224202a45aec7f5f"
_TITLE = "Military access pact between Britain and Japan takes effect"
_QUESTION = "when did the RAA come into force?"


def said(description: str, *examples: Any) -> Any:
    """A field with what the documentation says of it."""
    return Field(description=description, examples=list(examples))


class Shape(BaseModel):
    """Whatever is sent as JSON, with no field that is not named here."""

    model_config = ConfigDict(extra="forbid")


class Citation(Shape):
    """Where an answer stands; `before`, `quote` and `after` make up its sentence."""

    article_id: str = said("The article.", _ID)
    title: str = said("The article's title.", _TITLE)
    url: str | None = said("Where it was published.", "https://example.org/raa")
    source: str | None = said("Who published it.", "Citespan Seeds: World desk")
    published: str | None = said("The day of publication.", "2023-10-16")
    start: int = said("First code point of the words in the article's text.", 91)
    end: int = said("The code point after the last of the words.", 109)
    before: str = said("The sentence before the words.", "The pact entered into force on ")
    quote: str = said("The words: `text[start:end]` of the article.", "Sunday, 15 October")
    after: str = said("The sentence after the words.", ".")
    page: int | None = said("The page of a PDF on which the words begin, from 1.", 7)


class Answer(Shape):
    """The exact words that answer, with every place that says so."""

    text: str = said("The words, as the first citation has them.", "Sunday, 15 October")
    confidence: float = said("How surely they answer, 0 to 1.", 0.89)
    sure: bool = said("Whether that is enough for the promised share to be right.", True)
    citations: list[Citation] = said("Where they stand, best first; one at least.")


class Passage(Shape):
    """A passage that was retrieved."""

    article_id: str = said("The article.", _ID)
    title: str = said("The article's title.", _TITLE)
    start: int = said("First code point of the passage in the article's text.", 0)
    end: int = said("The code point after its last.", 32)
    text: str = said("The passage.", "The pact entered into force on …")
    score: float = said("How well it fits the question, 0 to 1.", 0.83)


class Reply(Shape):
    """Everything about one question; no answer is a reply with a reason."""

    question: str = said("The question as it was understood.", _QUESTION)
    answers: list[Answer] = said("The answers, surest first.")
    passages: list[Passage] = said("The passages that were found, best first.")
    reason: str | None = said("Why there is no answer; null when there is.", None)
    calibrated: bool = said("Whether confidences are probabilities of being right.", True)
    revision: int = said("The revision of the library that answered.", 1)
    partial: bool = said("Whether there was no time to read what may answer better.", False)
    took_ms: float = said("Milliseconds from question to reply.", 210.4)
    timings: dict[str, float] = said("Milliseconds by stage.", {"embed": 9.1, "read": 180.2})


class SearchReply(Shape):
    """The passages for a question; nothing has been read for answers."""

    question: str = said("The question as it was understood.", _QUESTION)
    passages: list[Passage] = said("The passages, best first.")
    revision: int = said("The revision of the library that was searched.", 1)
    took_ms: float = said("Milliseconds from question to reply.", 20.4)


class ArticleSummary(Shape):
    """An article in a list."""

    id: str = said("The article's id.", _ID)
    title: str = said("The title.", _TITLE)
    url: str | None = said("Where it was published.", "https://example.org/raa")
    source: str | None = said("Who published it.", "Citespan Seeds: World desk")
    published: str | None = said("The day of publication.", "2023-10-16")
    author: str | None = said("Who wrote it.", "World desk")


class ArticleFull(ArticleSummary):
    """An article with its text, the one that offsets count in."""

    text: str = said("The text.", "The pact entered into force on Sunday, 15 October.")
    digest: str = said("SHA-256 of the text in UTF-8, in hex.", "9f86d081884c7d65…")
    page_starts: list[int] = said("Where in the text each page of a PDF begins.", [0, 2310])


class ArticlePage(Shape):
    """Part of the list of articles, newest first."""

    total: int = said("How many articles the whole list has.", 30)
    offset: int = said("How many stand before this part.", 0)
    limit: int = said("How many this part has at most.", 20)
    revision: int = said("The revision of the library.", 1)
    articles: list[ArticleSummary] = said("The articles.")


class Standing(Shape):
    """What became of a citation."""

    verdict: Literal["holds", "moved", "changed", "gone"] = said(
        "The words stand there (holds), elsewhere in the article (moved), nowhere in it"
        " (changed), or there is no such article (gone).",
        "holds",
    )
    start: int | None = said("Where the words stand now; null if they do not.", 91)
    end: int | None = said("Where they end.", 109)
    revision: int = said("The revision of the library.", 1)


class Cell(Shape):
    """One question asked of one article."""

    answer: Answer | None = said("The surest answer, if there is one.")
    reason: str | None = said("Why there is none.", None)


class Row(Shape):
    """One article, with a cell for each question."""

    article_id: str = said("The article.", _ID)
    title: str = said("Its title.", _TITLE)
    cells: list[Cell] = said("A cell for each question, in order.")


class Table(Shape):
    """Questions × articles."""

    questions: list[str] = said("The columns.", ["when?"])
    rows: list[Row] = said("The rows, in the order asked.")


class Kept(Shape):
    """Feedback was kept."""

    id: str = said("The id of the row.", "5f0c6c8e5d5d4b9c8a3b2d1e0f9a8b7c")


class Squad(Shape):
    """Feedback as a SQuAD 2.0 file, which `citespan eval` reads."""

    version: str = said("Which SQuAD.", "v2.0")
    data: list[dict[str, Any]] = said("Titles with paragraphs, questions and answers.", [])


class IndexStatus(Shape):
    """A change of the library: the one that runs, or the last one."""

    state: Literal["idle", "running", "done", "failed"] = said("How it stands.", "running")
    job: str | None = Field(default=None, description="What it does.", examples=["index"])
    done: int = Field(default=0, description="Files that are read.", examples=[12])
    total: int = Field(default=0, description="Files to read.", examples=[30])
    detail: str | None = Field(default=None, description="Why it failed.", examples=[None])
    report: dict[str, Any] | None = Field(
        default=None,
        description="What it did, as `citespan index --json` tells it.",
        examples=[{"added": 1, "changed": 0, "revision": 2}],
    )


class Health(Shape):
    """The process is up."""

    status: str = Field(default="ok", description="Always “ok”.", examples=["ok"])


class Ready(Shape):
    """Questions can be answered, from this many articles and passages."""

    status: str = Field(default="ready", description="Always “ready”.", examples=["ready"])
    revision: int = said("The revision of the library.", 1)
    articles: int = said("Articles in it.", 30)
    passages: int = said("Passages in it.", 129)
    notes: list[str] = said("What had to be mended when it was opened.", [])


class Problem(Shape):
    """What went wrong (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always this.", examples=["about:blank"])
    title: str = said("The status in words.", "Bad Request")
    status: int = said("The HTTP status.", 400)
    detail: str = said("A sentence for people: what is wrong and what to do.", "Type a question.")


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
    summary = article_summary(article).model_dump()
    return ArticleFull(
        **summary,
        text=article.text,
        digest=article.text_digest,
        page_starts=list(article.page_starts),
    )
