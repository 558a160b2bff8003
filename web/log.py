"""What the service writes down: a line of JSON for each request and for whatever goes wrong.

This file must not know any route, nor what was asked unless it is told to note that.
"""

import json
import logging
import time
from datetime import UTC, datetime
from uuid import uuid4

from flask import Flask, Response, g, request

_requests = logging.getLogger("citespan.requests")


class Lines(logging.Formatter):
    """Each record as one line of JSON in ASCII, so that nothing in it can pass for another."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level and event, the record's `fields`, and the trace of an exception."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line).replace("\x7f", "\\u007f")


def write_lines() -> None:
    """Have this process write its log as `Lines` to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    _requests.setLevel(logging.INFO)


def note_requests(app: Flask) -> None:
    """Write a line when a reply has been sent, and give its request's number to the client."""
    app.before_request(_begin)
    app.after_request(_end)


def number() -> str:
    """What ties the lines of this request together, and a reply to them."""
    if "number" not in g:
        g.number = uuid4().hex[:12]
    return str(g.number)


def note_question(question: str, answers: int) -> None:
    """Have the line of this request tell a question and the number of its answers."""
    if "questions" not in g:
        g.questions = []
    g.questions.append({"question": question, "answers": answers})


def _begin() -> None:
    g.begun = time.perf_counter()


def _end(reply: Response) -> Response:
    here, begun = g._get_current_object(), g.begun
    line = {
        "request": number(),
        "method": request.method,
        "route": None if request.url_rule is None else request.url_rule.rule,
        "status": reply.status_code,
    }

    def sent() -> None:
        line["ms"] = round((time.perf_counter() - begun) * 1000, 1)
        if "questions" in here:
            line["questions"] = here.questions
        _requests.info("request", extra={"fields": line})

    reply.headers["X-Request-Id"] = line["request"]
    if reply.direct_passthrough:  # a file, of which no end is told
        sent()
    else:
        reply.call_on_close(sent)
    return reply
