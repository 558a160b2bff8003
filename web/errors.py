"""One table: exception → status and sentence; problem+json under /api, a page elsewhere.

This file must not know which view failed, nor log what was asked.
"""

import logging
from http import HTTPStatus

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException, default_exceptions

from index import LibraryAway, LibraryCorrupt, LibraryError, LibraryMismatch, LibraryMissing
from qa import MAX_QUESTION, FeedbackError, FilterError, QAError, QuestionError, QuestionTooLong
from web import log
from web.shapes import Problem

JSON_PLACES = ("/api", "/healthz", "/readyz", "/metrics", "/openapi.json")
MISSING = (
    "Nothing has been indexed yet: run `citespan index FOLDER`"
    " (or `make index ARTICLES=folder`), then ask again."
)
AWAY = "The library's server can't be used just now: ask again in a moment."
RETRY = 5  # seconds after which that is worth while
_LOG = "whoever runs this finds in its log what to do."
# A sentence of None: the exception's own, which is written for the person who asks.
STATUS: dict[type[Exception], tuple[int, str | None]] = {
    QuestionError: (400, None),
    QuestionTooLong: (413, None),
    FilterError: (400, None),
    FeedbackError: (400, None),
    LibraryMissing: (503, MISSING),
    # Their own name the server or a path, for whoever runs this: these go to the log.
    LibraryAway: (503, AWAY),
    LibraryCorrupt: (503, f"The library is damaged: {_LOG}"),
    LibraryMismatch: (
        503,
        f"The library was built with another model or version than runs here: {_LOG}",
    ),
    LibraryError: (503, f"The library can't be used: {_LOG}"),
    QAError: (503, None),
}
HEADINGS = {
    400: "That did not work",
    404: "Not found",
    413: "Too long",
    414: "Too long",
    500: "Something broke",
    503: "Not ready",
}
SENTENCES = {
    400: "The request can't be read.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is too large.",
    415: "This kind of content is not taken here.",
}
_KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
_log = logging.getLogger(__name__)


def handle_errors(app: Flask) -> None:
    """Answer every exception of the app in one shape."""
    app.register_error_handler(Exception, _answer)


def problem(error: Exception, place: str) -> Problem:
    """What went wrong, as it is told; logs what nobody foresaw, and the `place` it was at."""
    status, sentence = _http(error) if isinstance(error, HTTPException) else _ours(error, place)
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=_whole_sentence(sentence))


def _answer(error: Exception) -> Response:
    told = problem(error, place())
    if in_json(request.path):
        body = current_app.json.dumps(told.model_dump())
        reply = Response(body, content_type="application/problem+json")
    else:
        asked = request.args.get("q", "")[:MAX_QUESTION]
        heading = HEADINGS.get(told.status, told.title)
        page = render_template("error.html", heading=heading, sentence=told.detail, question=asked)
        reply = Response(page)
    reply.status_code = told.status
    if isinstance(error, HTTPException):
        kept = [pair for pair in error.get_headers() if pair[0] in _KEPT]
        reply.headers.extend(kept)
    if isinstance(error, LibraryAway):
        reply.headers["Retry-After"] = str(RETRY)
    return reply


def place() -> str:
    """Method and path of the request, without what is asked."""
    return f"{request.method} {request.path}"


def in_json(path: str) -> bool:
    """Whether whoever asks for this path reads JSON rather than pages."""
    return any(path == place or path.startswith(place + "/") for place in JSON_PLACES)


def _whole_sentence(text: str) -> str:
    sendable = text.encode("utf-8", "replace").decode()
    return sendable[:1].upper() + sendable[1:] + ("" if sendable.endswith((".", "!", "?")) else ".")


def _http(error: HTTPException) -> tuple[int, str]:
    status = 500 if error.code is None else error.code
    usual = default_exceptions.get(status, HTTPException).description
    if error.description is None or error.description == usual:
        return status, SENTENCES.get(status, HTTPStatus(status).phrase + ".")
    return status, error.description


def _ours(error: Exception, place: str) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if kind in STATUS:
            status, sentence = STATUS[kind]
            if issubclass(kind, LibraryError) and kind is not LibraryMissing:
                told = {"place": place, "why": str(error)}
                _log.warning("library not usable", extra={"fields": told})
            return status, str(error) if sentence is None else sentence
    number = log.number()
    _log.error("fault", extra={"fields": {"request": number, "place": place}}, exc_info=error)
    return 500, f"Something went wrong here; the log has it as request {number}."
