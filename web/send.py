"""Replies leave as JSON: one at a time, or a line or an event each.

This file must not know any route.
"""

from collections.abc import Iterator
from typing import Any

from flask import Response, current_app, stream_with_context
from pydantic import BaseModel


def value(given: dict[str, Any], status: int = 200) -> Response:
    """Plain JSON types as a reply."""
    return Response(current_app.json.dumps(given), status, content_type="application/json")


def shape(given: BaseModel, status: int = 200) -> Response:
    """A shape as a reply."""
    return value(given.model_dump(), status)


def lines(given: Iterator[dict[str, Any]]) -> Response:
    """Newline-delimited JSON, each line sent as soon as it is there."""
    sent = (current_app.json.dumps(one) + "\n" for one in given)
    return Response(stream_with_context(sent), content_type="application/x-ndjson")


def events(given: Iterator[tuple[str, dict[str, Any]]]) -> Response:
    """Server-sent events of a name and data, each sent as soon as it is there."""
    dumps = current_app.json.dumps
    sent = (f"event: {name}\ndata: {dumps(data)}\n\n" for name, data in given)
    reply = Response(stream_with_context(sent), content_type="text/event-stream")
    reply.headers["X-Accel-Buffering"] = "no"  # or nginx would hold them back
    return reply
