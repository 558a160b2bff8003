"""A QA made by hand, and a server that has one: what the tests of `web` stand on.

Run as a program, it serves: `python tests/web_fakes.py PORT FOLDER KIND`, the KIND one of `APPS`.
"""

import math
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from uuid import uuid4

from flask import Flask

from index import Article, Failure, LibraryMissing, Passage
from qa import Answer, Citation, Filters, NearPassage, QAError, Question, ReaderError, Reply
from web import Settings, create_app
from web.serve import serve

ALL = Filters()
PACT = Article(
    id="00000000000000aa",
    origin="articles/pact.txt",
    title="Japan and Britain sign a defence pact",
    text=(
        "🇯🇵🤝🇬🇧 Japan and Britain met in London. On Wednesday Japan and Britain signed the RAA.\n\n"
        "It lets forces of each train in the other's country.\nNobody had signed such a pact"
        " before.\n \n\nThe talks took a year."
    ),
    url="https://www.example.org/pact?a=1&b=2",
    source="The Example",
    published="2023-01-11",
    author="A. Writer",
)
WORDS = "Japan and Britain"
SECOND = PACT.text.index(WORDS, PACT.text.index(WORDS) + 1)

NASTY = '"><svg onload=alert(1)>'
EVIL = Article(
    id="00000000000000bb",
    origin="articles/evil.html",
    title=f"<script>alert('title')</script>{NASTY}",
    text=f"Before </p> <script>alert('text')</script> & {NASTY} &amp; after.",
    url="javascript:alert(1)",
    source=f"<b>source</b>{NASTY}",
    published="<i>soon</i>",
    author=NASTY,
)


def citation(article: Article, start: int, end: int) -> Citation:
    """The words of an article from `start` to `end`, with a little around them."""
    return Citation(
        article_id=article.id,
        title=article.title,
        url=article.url,
        source=article.source,
        published=article.published,
        start=start,
        end=end,
        before=article.text[max(0, start - 13) : start],
        quote=article.text[start:end],
        after=article.text[end : end + 16],
    )


def reply(*citations: Citation, reason: str | None = None) -> Reply:
    """One answer with these citations, or none for a reason."""
    answers = (Answer(citations[0].quote, 0.93, True, citations),) if citations else ()
    near = tuple(
        NearPassage(Passage(one.id, 0, 20, one.text[:20]), one.title, 0.5) for one in (PACT, EVIL)
    )
    return Reply(
        "who signed the RAA?", answers, near, reason, calibrated=True, revision=7, took_ms=12.5
    )


@dataclass(frozen=True)
class FakeCounts:
    articles: int
    passages: int


@dataclass
class FakeLibrary:
    stored: tuple[Article, ...] = (PACT, EVIL)
    failed: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    revision: int = 7

    def reach(self) -> None:
        pass

    def article(self, article_id: str) -> Article | None:
        return next((one for one in self.stored if one.id == article_id), None)

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]:
        return self._titled(words)[offset : offset + limit]

    def count_articles(self, words: str) -> int:
        return len(self._titled(words))

    def _titled(self, words: str) -> list[Article]:
        return [one for one in self.stored if words.lower() in one.title.lower()]

    def sources(self) -> list[tuple[str, int]]:
        return [(one.source, 1) for one in self.stored if one.source is not None]

    def counts(self) -> FakeCounts:
        return FakeCounts(len(self.stored), 3 * len(self.stored))

    def failures(self) -> list[Failure]:
        return list(self.failed)


@dataclass
class FakeQA:
    """Answers every question with `replied`; `broken` is raised by whatever is touched."""

    replied: Reply = field(
        default_factory=lambda: reply(citation(PACT, SECOND, SECOND + len(WORDS)))
    )
    shelf: FakeLibrary = field(default_factory=FakeLibrary)
    broken: Exception | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    filtered: list[Filters] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)

    @property
    def library(self) -> FakeLibrary:
        if self.broken is not None:
            raise self.broken
        return self.shelf

    def refresh(self) -> bool:
        return False

    @property
    def edition(self) -> str:
        return f"fake {self.library.revision}"

    def ask(
        self, question: str, k: int = 3, filters: Filters = ALL, budget_ms: float = math.inf
    ) -> Reply:
        if self.broken is not None:
            raise self.broken
        self.asked.append((Question(question).text, k))
        self.filtered.append(filters)
        self.budgets.append(budget_ms)
        return self.replied

    def near(self, question: str, k: int, filters: Filters = ALL) -> Reply:
        reply = self.ask(question, k, filters)
        return replace(reply, answers=(), passages=reply.passages[:k], partial=True)

    def stream(
        self, question: str, k: int = 3, filters: Filters = ALL, budget_ms: float = math.inf
    ) -> Iterator[Reply]:
        yield self.near(question, k, filters)
        self.budgets[-1] = budget_ms
        yield replace(self.replied, partial=budget_ms == 0)


@dataclass
class SlowQA(FakeQA):
    """Says in `folder` that it was asked, each time anew, and answers when `folder` says go."""

    folder: Path = Path()

    def ask(
        self, question: str, k: int = 3, filters: Filters = ALL, budget_ms: float = math.inf
    ) -> Reply:
        (self.folder / "asked").touch()
        (self.folder / f"asked-{uuid4()}").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.01)
        return super().ask(question, k, filters, budget_ms)


LARGE = replace(PACT, id="00000000000000cc", text="The pact is long. " * 300_000)
MISSING = LibraryMissing("nothing here")
FAILURE: QAError = ReaderError("the reading model at /somewhere can't be loaded: reinstall it")


def _app(settings: Settings) -> Flask:
    ended = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        assert callable(ended)
        ended(number, frame)
        (settings.data / "stopping").touch()

    signal.signal(signal.SIGTERM, end)
    return create_app(settings, SlowQA(folder=settings.data))  # type: ignore[arg-type]


def _broken_app(settings: Settings) -> Flask:
    raise FAILURE


def _large_app(settings: Settings) -> Flask:
    return create_app(settings, FakeQA(shelf=FakeLibrary(stored=(LARGE,))))  # type: ignore[arg-type]


def _faulty_app(settings: Settings) -> Flask:
    return create_app(settings, FakeQA(broken=RuntimeError(SECRET)))  # type: ignore[arg-type]


SECRET = "what /secret/folder/file.py had in hand"
APPS = {"broken": _broken_app, "faulty": _faulty_app, "large": _large_app, "slow": _app}
if __name__ == "__main__":
    port, folder, *kind = sys.argv[1:]
    serve(Settings(port=int(port), data=Path(folder)), APPS[kind[0] if kind else "slow"])
