"""The QA behind the app: put in, found again by a view, and kept fresh.

This file must not know any route, nor how a question is answered.
"""

import logging
from dataclasses import dataclass
from threading import Event, Thread

from flask import Flask, current_app

from index import AnyLibrary, LibraryError
from qa import QA, Filters, QAError, Reply
from web import log
from web.indexing import Indexing
from web.metrics import Meters
from web.settings import Settings
from web.turns import Turns

_NAME = "citespan"
ALL = Filters()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What every view needs: who answers, within which limits, whose turn it is,
    what is counted, and who writes."""

    qa: QA
    settings: Settings
    turns: Turns
    meters: Meters
    indexing: Indexing

    @property
    def budget_ms(self) -> float:
        """Milliseconds after which nothing more is read for a question."""
        return self.settings.answer_seconds * 1000

    def notes(self, library: AnyLibrary) -> list[str]:
        """What had to be mended when it was opened, without where it lies."""
        return [note.replace(f"{self.settings.data}/", "") for note in library.notes]

    def ask(self, text: str, k: int, filters: Filters = ALL) -> Reply:
        """The reply to a question, when its turn comes. Raises what `QA.ask` raises."""
        with self.turns.take():
            reply = self.qa.ask(text, k, filters, self.budget_ms)
        self.seen(reply)
        return reply

    def seen(self, reply: Reply) -> None:
        """Take note that a question was answered."""
        self.meters.count(reply)
        if self.settings.log_questions:
            log.note_question(reply.question, len(reply.answers))


def put(app: Flask, qa: QA, settings: Settings) -> None:
    """Give the app its service."""
    turns = Turns(settings.threads, settings.queue, settings.wait_seconds)
    meters = Meters(
        {
            "citespan_waiting": ("Questions in the queue.", lambda: turns.waiting),
            "citespan_answering": ("Questions being answered.", lambda: turns.taken),
            "citespan_refused": ("Questions that found the queue full.", lambda: turns.refused),
            "citespan_revision": ("Revision of the library; 0 for none.", lambda: _revision(qa)),
        }
    )
    app.extensions[_NAME] = Service(qa, settings, turns, meters, Indexing(qa.refresh))


def _revision(qa: QA) -> int:
    try:
        return qa.library.revision
    except LibraryError:
        return 0


def current() -> Service:
    """The service of the app that handles this request."""
    service = current_app.extensions[_NAME]
    assert isinstance(service, Service)
    return service


def watch(qa: QA, seconds: float) -> Event:
    """Refresh `qa` every `seconds` in a daemon thread, until the returned event is set."""
    stop = Event()
    Thread(target=_refresh, args=(qa, seconds, stop), name="citespan-watch", daemon=True).start()
    return stop


def _refresh(qa: QA, seconds: float, stop: Event) -> None:
    told = ""  # the trouble already logged: a broken index is one line, not one a second
    wait = 0.0
    while not stop.wait(wait):
        wait = seconds
        try:
            qa.refresh()
            told = ""
        except Exception as error:
            if repr(error) != told:
                told = repr(error)
                known = isinstance(error, LibraryError | QAError)
                _log.error("no newer index taken: %s", error, exc_info=not known)
