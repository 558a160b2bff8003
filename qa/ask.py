"""A question in, a reply out: retrieve, read, rank, cite, each from one revision.

It composes and decides nothing of its own but how much is read.
"""

import math
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from index import (
    DEFAULT_EMBEDDER,
    MODELS,
    AnyLibrary,
    Article,
    Embedder,
    Hit,
    LibraryAway,
    LibraryCorrupt,
    Place,
    check_fingerprint,
    embedder_fingerprint,
    folder_of,
    library_fingerprint,
    load_question_embedder,
    open_library,
)
from qa.cite import cite
from qa.confidence import Confidence, load_confidence
from qa.convert import reader_folder
from qa.rank import Ranked, places, rank
from qa.reader import Reader, load_reader
from qa.reason import reason
from qa.records import Filters, NearPassage, Question, Reply, Span
from qa.retrieve import embed, expand, retrieve, search
from qa.timing import timed
from qa.window import Window, windows

READ = 8  # passages found for a question, and read at most
ALSO = 0.1  # probability from which on an answer is shown beside one that is
ALL = Filters()
_LATE = "Time ran out before every passage was read."
CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read for one question.

    `spelled`: its words, with acronyms spelled out. `found`: what each window gave, a place in
    several of them more than once. `timings`: milliseconds by stage.
    """

    library: AnyLibrary
    question: Question
    spelled: str
    hits: list[Hit]
    articles: dict[str, Article]
    found: list[Span]
    timings: dict[str, float]

    @property
    def asked(self) -> str:
        """The question's words, and those its acronyms stand for."""
        return f"{self.question.text} {self.spelled}"

    @property
    def spans(self) -> list[Span]:
        """What was read, each place once."""
        return places(self.found)

    @property
    def texts(self) -> dict[str, str]:
        """The articles' texts by id."""
        return {id: article.text for id, article in self.articles.items()}


class QA:
    """Answers questions from the library at a place; safe to use from several threads.

    The library is opened at the first question, or by `refresh`; it may not be there yet.
    """

    def __init__(self, place: Place, reader: Reader, confidence: Confidence, embedder: str) -> None:
        self._place = place
        self._reader = reader
        self._confidence = confidence
        self._embedder_fingerprint = embedder_fingerprint(embedder)
        self._embedder: Embedder | None = None
        self._library: AnyLibrary | None = None
        self._turn = threading.Lock()
        self._away = 0.0, ""  # when the library's server last was, by `time.monotonic`, and how

    @property
    def edition(self) -> str:
        """Names everything that replies depend on: models, confidence, the library as opened."""
        models = f"{self._reader.fingerprint} {self._embedder_fingerprint} {self._confidence}"
        return f"{models} {self.library.published}"

    @property
    def library(self) -> AnyLibrary:
        """The library as last opened. Raises `LibraryMissing` when there is none."""
        if self._library is None:
            self.refresh()
        assert self._library is not None
        return self._library

    def refresh(self) -> bool:
        """Swap in the published revision, whole, when it is another; True when it was.

        Questions under way finish on the library they began with. Raises `LibraryMissing`,
        `LibraryAway`, `LibraryMismatch` or `LibraryCorrupt`, and then keeps what is open.
        """
        asked = time.monotonic()
        with self._turn:
            when, why = self._away
            if when > asked:  # found out by another, while this one waited for its turn
                raise LibraryAway(why)
            try:
                return self._take_newest()
            except LibraryAway as error:
                self._away = time.monotonic(), str(error)
                raise

    def _take_newest(self) -> bool:
        current = self._library
        if current is not None and current.latest() == current.published:
            current.renew()
            return False
        library = open_library(self._place)
        check_fingerprint(library, self._embedder_fingerprint)
        if self._embedder is None:
            self._embedder = load_question_embedder(library.models, self._embedder_fingerprint)
        self._library = library
        return True

    def search(self, text: str, k: int, filters: Filters = ALL) -> list[Hit]:
        """At most `k` passages for the question, best first, unread."""
        question = Question(text, filters)
        library = self.library
        assert self._embedder is not None
        return retrieve(library, self._embedder, question, k)

    def near(self, text: str, k: int, filters: Filters = ALL) -> Reply:
        """At most `k` passages for the question, with their titles; nothing is read."""
        started = time.perf_counter()
        return self._reply(self._find(text, filters, k), 0, started, unread=k)

    def ask(
        self, text: str, k: int = 3, filters: Filters = ALL, budget_ms: float = math.inf
    ) -> Reply:
        """At most `k` answers to the question, surest first, or none with the reason.

        It is `partial` when `budget_ms` ran out before all was read. Raises `QuestionError` or
        `QuestionTooLong` for what is no question, and what `library` raises.
        """
        started = time.perf_counter()
        reading, left = self._read(text, filters, started + budget_ms / 1000)
        return self._reply(reading, k, started, unread=left, late=_LATE)

    def stream(
        self, text: str, k: int = 3, filters: Filters = ALL, budget_ms: float = math.inf
    ) -> Iterator[Reply]:
        """The reply as it grows: its passages alone, then after each part that is read.

        All but the last are `partial`, and so is the last when `budget_ms` ran out; else it
        is what `ask` gives. Raises what `ask` raises, at the first step.
        """
        started = time.perf_counter()
        reading = self._find(text, filters, READ)
        todo = _windows(reading.articles, reading.hits)
        left = len(todo)
        yield self._reply(reading, k, started, unread=left)
        while left:
            if (time.perf_counter() - started) * 1000 >= budget_ms:
                yield self._reply(reading, k, started, unread=left, late=_LATE)
                return
            reading, left = self._read_one(reading, todo[-left:])
            yield self._reply(reading, k, started, unread=left)

    def read(self, text: str, filters: Filters = ALL) -> Reading:
        """Everything that was read for the question, before any of it is judged.

        Passages are read in order until no other is likely to answer better.

        Raises what `ask` raises.
        """
        return self._read(text, filters, math.inf)[0]

    def _read(self, text: str, filters: Filters, until: float) -> tuple[Reading, int]:
        """The same, but nothing that is not begun `until` then; and how much is left of it."""
        reading = self._find(text, filters, READ)
        todo = _windows(reading.articles, reading.hits)
        left = len(todo)
        while left and time.perf_counter() < until:
            reading, left = self._read_one(reading, todo[-left:])
        return reading, left

    def _read_one(self, reading: Reading, todo: list[Window]) -> tuple[Reading, int]:
        """The first of the windows read too; how many of the others are worth reading."""
        with timed(reading.timings, "read"):
            found = self._reader.read(reading.spelled, todo[:1])
            reading = replace(reading, found=[*reading.found, *found])
        rest = todo[1:]
        settled = any(
            self._confidence.settled(reading.spans, following.article_id, following.support)
            for following in rest[:1]
        )
        return reading, 0 if settled else len(rest)

    def _find(self, text: str, filters: Filters, k: int) -> Reading:
        """At most `k` passages for the question, unread."""
        question = Question(text, filters)
        library = self.library
        assert self._embedder is not None
        timings: dict[str, float] = {}
        with timed(timings, "embed"):
            words, vector = embed(library, self._embedder, question)
        with timed(timings, "retrieve"):
            hits = search(library, words, vector, filters, k)
            articles = _articles(library, hits)
            spelled = expand(question.text, library.expansions, keep=False)
        return Reading(library, question, spelled, hits, articles, [], timings)

    def _reply(
        self, reading: Reading, k: int, started: float, unread: int = 0, late: str | None = None
    ) -> Reply:
        """What the spans read so far say; `late`: the reason should they say nothing."""
        timings = reading.timings
        with timed(timings, "rank"):
            ranked = rank(reading.asked, reading.spans, reading.texts, self._confidence, k)
            shown = _shown(ranked, self._confidence.threshold)
        with timed(timings, "cite"):
            reading.library.check(
                reading.articles[span.article_id] for one in shown for span in one.spans
            )
            answers = cite(shown, reading.articles, self._confidence.sure)
        silent = (
            reason(reading.question, bool(reading.hits), reading.library)
            if unread == 0 and not shown
            else late
        )
        return Reply(
            question=reading.question.text,
            answers=answers,
            passages=tuple(
                NearPassage(hit.passage, reading.articles[hit.passage.article_id].title, hit.score)
                for hit in reading.hits
            ),
            reason=None if shown else silent,
            calibrated=self._confidence.calibrated,
            revision=reading.library.revision,
            took_ms=(time.perf_counter() - started) * 1000,
            partial=unread > 0,
            timings=dict(timings),
        )


def open_qa(place: Place, reader: str | None = None, embedder: str | None = None) -> QA:
    """Load the models for the library at `place`; None takes the shipped ones.

    Raises `ReaderError` or `EmbedderError` when a model can't be loaded.
    """
    home = reader_folder(reader, folder_of(place) / MODELS)
    model = load_reader(home, CORES)
    name = DEFAULT_EMBEDDER if embedder is None else embedder
    confidence = load_confidence(
        home, model.fingerprint, library_fingerprint(embedder_fingerprint(name))
    )
    return QA(place, model, confidence, name)


def _shown(ranked: list[Ranked], threshold: float) -> list[Ranked]:
    """The answers to show, if the surest reaches the threshold: the others may be less sure."""
    if not ranked or ranked[0].confidence < threshold:
        return []
    return [one for one in ranked if one.confidence >= min(threshold, ALSO)]


def _articles(library: AnyLibrary, hits: list[Hit]) -> dict[str, Article]:
    found = {}
    for id in dict.fromkeys(hit.passage.article_id for hit in hits):
        article = library.article(id)
        if article is None or article.id != id:  # its row, or where SQLite looks for it
            raise LibraryCorrupt(f"article {id} is damaged: run citespan verify")
        found[id] = article
    return found


def _windows(articles: dict[str, Article], hits: list[Hit]) -> list[Window]:
    """What there is to read, best article first, and of each its best passage."""
    return [
        one
        for id, article in articles.items()
        for one in windows(article, [hit for hit in hits if hit.passage.article_id == id])
    ]
