"""The QA behind the app: put in, found again by a view, and kept fresh.

This file must not know any route, nor how a question is answered.
"""

import logging
from dataclasses import dataclass
from threading import Event, Thread

from flask import Flask, current_app

from index import LibraryError
from qa import QA, QAError
from web.settings import Settings

_NAME = "citespan"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What every view needs: who answers, and within which limits."""

    qa: QA
    settings: Settings


def put(app: Flask, qa: QA, settings: Settings) -> None:
    """Give the app its service."""
    app.extensions[_NAME] = Service(qa, settings)


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
