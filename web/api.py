"""The JSON API, version 1, and the two addresses that machines ask about health.

This file must not know how an answer is found, nor any page.
"""

from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from pydantic import BaseModel

from qa import Reply, reply_json
from web import inputs, service, shapes

MAX_OFFSET = 10**9
MAX_ARTICLES = 100
api = Blueprint("api", __name__, url_prefix="/api/v1")
health = Blueprint("health", __name__)


@api.get("/ask")
def ask() -> Response:
    """Answer the question in `q` with at most `k` answers."""
    inputs.only("q", "k")
    k = inputs.whole("k", shapes.DEFAULT_ANSWERS, 1, service.current().settings.max_answers)
    return _reply(service.current().qa.ask(request.args.get("q", ""), k))


@api.post("/ask")
def ask_json() -> Response:
    """Answer the question in the body with at most `k` answers."""
    inputs.only()
    asked = inputs.ask_body()
    k = inputs.bounded("k", asked.k, 1, service.current().settings.max_answers)
    return _reply(service.current().qa.ask(asked.question, k))


@api.get("/articles")
def articles() -> Response:
    """A part of the list of articles, newest first."""
    inputs.only("offset", "limit")
    offset = inputs.whole("offset", 0, 0, MAX_OFFSET)
    limit = inputs.whole("limit", 20, 1, MAX_ARTICLES)
    library = service.current().qa.library
    return _send(
        shapes.ArticlePage(
            total=library.counts().articles,
            offset=offset,
            limit=limit,
            revision=library.revision,
            articles=[shapes.article_summary(one) for one in library.articles(offset, limit)],
        )
    )


@api.get("/articles/<article_id>")
def article(article_id: str) -> Response:
    """One article with its text."""
    inputs.only()
    found = service.current().qa.library.article(article_id)
    if found is None:
        abort(404, "no article has this id; it may have been removed since")
    return _send(shapes.article_full(found))


@health.get("/healthz")
def healthz() -> Response:
    """The process is up, whether or not there is anything to answer from."""
    return _send(shapes.Health())


@health.get("/readyz")
def readyz() -> Response:
    """Questions can be answered; an error says why not."""
    library = service.current().qa.library
    counts = library.counts()
    return _send(
        shapes.Ready(
            revision=library.revision,
            articles=counts.articles,
            passages=counts.passages,
            notes=list(library.notes),
        )
    )


def _reply(reply: Reply) -> Response:
    return _json(reply_json(reply))


def _send(shape: BaseModel) -> Response:
    return _json(shape.model_dump())


def _json(value: dict[str, Any]) -> Response:
    return Response(current_app.json.dumps(value), content_type="application/json")
