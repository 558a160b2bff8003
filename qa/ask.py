"""A question in, a reply out: retrieve, read, rank, cite, each from one revision.

It composes and decides nothing of its own but how much is read.
"""

import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from index import (
    DEFAULT_EMBEDDER,
    MODELS,
    Article,
    Embedder,
    Hit,
    Library,
    check_fingerprint,
    embedder_fingerprint,
    library_fingerprint,
    load_question_embedder,
    published,
)
from qa.cite import cite
from qa.confidence import Confidence, load_confidence
from qa.convert import reader_folder
from qa.rank import rank
from qa.reader import Reader, load_reader
from qa.records import Filters, NearPassage, Question, Reply, Span
from qa.retrieve import embed, expand, retrieve, search
from qa.timing import timed
from qa.window import Window, windows

READ = 8  # passages read per question
ALL = Filters()
CORES = os.cpu_count() or 1
_WORD = re.compile(r"\b[^\W\d_]{4,}\b")
# Words that make a question, not what it is about; the term index does not hold all of them.
_FRAME = frozenset(
    "about been does from have into many much such that their then there these they this were"
    " what when where which whom whose will with".split()
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read for one question. `asked`: its words, and those its acronyms stand for.

    `timings`: milliseconds by stage.
    """

    library: Library
    question: Question
    asked: str
    hits: list[Hit]
    articles: dict[str, Article]
    spans: list[Span]
    timings: dict[str, float]

    @property
    def texts(self) -> dict[str, str]:
        """The articles' texts by id."""
        return {id: article.text for id, article in self.articles.items()}


class QA:
    """Answers questions from the library in a folder; safe to use from several threads.

    The library is opened at the first question, or by `refresh`; it may not be there yet.
    """

    def __init__(self, folder: Path, reader: Reader, confidence: Confidence, embedder: str) -> None:
        self._folder = folder
        self._reader = reader
        self._confidence = confidence
        self._embedder_fingerprint = embedder_fingerprint(embedder)
        self._embedder: Embedder | None = None
        self._library: Library | None = None
        self._turn = threading.Lock()

    @property
    def library(self) -> Library:
        """The library as last opened. Raises `LibraryMissing` when there is none."""
        if self._library is None:
            self.refresh()
        assert self._library is not None
        return self._library

    def refresh(self) -> bool:
        """Swap in the published revision, whole, when it is another; True when it was.

        Questions under way finish on the library they began with. Raises `LibraryMissing`,
        `LibraryMismatch` or `LibraryCorrupt`, and then keeps what is open.
        """
        with self._turn:
            current = self._library
            if current is not None and published(self._folder) == current.published:
                current.renew()
                return False
            library = Library(self._folder)
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

    def ask(self, text: str, k: int = 3, filters: Filters = ALL) -> Reply:
        """At most `k` answers to the question, surest first, or none with the reason.

        Raises `QuestionError` or `QuestionTooLong` for what is no question, and what
        `library` raises.
        """
        started = time.perf_counter()
        reading = self.read(text, filters)
        timings = reading.timings
        with timed(timings, "rank"):
            ranked = rank(reading.asked, reading.spans, reading.texts, self._confidence, k)
            shown = [one for one in ranked if one.confidence >= self._confidence.threshold]
        with timed(timings, "cite"):
            answers = cite(shown, reading.articles, self._confidence.sure)
        return Reply(
            question=reading.question.text,
            answers=answers,
            passages=tuple(
                NearPassage(hit.passage, reading.articles[hit.passage.article_id].title, hit.score)
                for hit in reading.hits
            ),
            reason=None if shown else _reason(reading),
            calibrated=self._confidence.calibrated,
            revision=reading.library.revision,
            took_ms=(time.perf_counter() - started) * 1000,
            timings=timings,
        )

    def read(self, text: str, filters: Filters = ALL) -> Reading:
        """Everything that was found for the question, before any of it is judged.

        Raises what `ask` raises.
        """
        question = Question(text, filters)
        library = self.library
        assert self._embedder is not None
        timings: dict[str, float] = {}
        with timed(timings, "embed"):
            spelled, vector = embed(library, self._embedder, question)
        with timed(timings, "retrieve"):
            hits = search(library, spelled, vector, filters, READ)
        with timed(timings, "read"):
            articles = _articles(library, hits)
            spelled_out = expand(question.text, library.expansions, keep=False)
            spans = self._reader.read(spelled_out, _windows(articles, hits))
        asked = f"{question.text} {spelled_out}"
        return Reading(library, question, asked, hits, articles, spans, timings)


def open_qa(folder: Path, reader: str | None = None, embedder: str | None = None) -> QA:
    """Load the models for the library in `folder`; None takes the shipped ones.

    Raises `ReaderError` or `EmbedderError` when a model can't be loaded.
    """
    home = reader_folder(reader, folder / MODELS)
    model = load_reader(home, CORES)
    name = DEFAULT_EMBEDDER if embedder is None else embedder
    confidence = load_confidence(
        home, model.fingerprint, library_fingerprint(embedder_fingerprint(name))
    )
    return QA(folder, model, confidence, name)


def _articles(library: Library, hits: list[Hit]) -> dict[str, Article]:
    found = {}
    for id in dict.fromkeys(hit.passage.article_id for hit in hits):
        article = library.article(id)
        if article is not None:
            found[id] = article
    return found


def _windows(articles: dict[str, Article], hits: list[Hit]) -> list[Window]:
    return [
        one
        for id, article in articles.items()
        for one in windows(article, [hit for hit in hits if hit.passage.article_id == id])
    ]


def _reason(reading: Reading) -> str:
    """Why there is no answer, in a sentence."""
    if not reading.hits and reading.question.filters:
        return "The filters leave no article to answer from: take some of them away."
    if not reading.hits:
        return "The library holds no passage that could answer this."
    words = dict.fromkeys(_WORD.findall(reading.question.text))
    known = reading.library.known
    unknown = [word for word in words if word.lower() not in _FRAME and not known(word)]
    if unknown:
        named = [_with_nearest(word, reading.library.nearest_word(word)) for word in unknown]
        return f"No article mentions {', '.join(named)}."
    return "Passages were found, but none of them answers the question surely enough."


def _with_nearest(word: str, nearest: str | None) -> str:
    return f"“{word}”" if nearest is None else f"“{word}” (but “{nearest}”)"
