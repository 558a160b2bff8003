"""The JSON API, version 1: one question, the articles, whether a citation holds.

This file must not know how an answer is found, nor any page.
"""

from flask import Blueprint, Response, abort, request

from qa import recheck, reply_json
from web import bodies, etag, inputs, metrics, send, service, shapes

MAX_OFFSET = 10**9
MAX_ARTICLES = 100
MAX_PASSAGES = 50
api = Blueprint("api", __name__, url_prefix="/api/v1")
health = Blueprint("health", __name__)
etag.tag_replies(api)


@api.get("/ask")
def ask() -> Response:
    """Answer the question in `q` with at most `k` answers."""
    inputs.only("q", "k", *inputs.FILTERS)
    here = service.current()
    k = inputs.whole("k", shapes.DEFAULT_ANSWERS, 1, here.settings.max_answers)
    reply = here.ask(request.args.get("q", ""), k, inputs.filters())
    if reply.partial:
        etag.forget()
    return send.value(reply_json(reply))


@api.post("/ask")
def ask_json() -> Response:
    """Answer the question in the body with at most `k` answers."""
    inputs.only()
    here = service.current()
    asked = inputs.body(bodies.AskRequest)
    k = inputs.bounded("k", asked.k, 1, here.settings.max_answers)
    return send.value(reply_json(here.ask(asked.question, k, asked.filters())))


@api.get("/search")
def search() -> Response:
    """The passages for the question in `q`, unread."""
    inputs.only("q", "k", *inputs.FILTERS)
    k = inputs.whole("k", 10, 1, MAX_PASSAGES)
    here = service.current()
    with here.turns.take():
        reply = here.qa.near(request.args.get("q", ""), k, inputs.filters())
    found = reply_json(reply)
    return send.value({name: found[name] for name in shapes.SearchReply.model_fields})


@api.get("/articles")
def articles() -> Response:
    """A part of the list of articles with the words of `q` in their titles, newest first."""
    inputs.only("q", "offset", "limit")
    offset = inputs.whole("offset", 0, 0, MAX_OFFSET)
    limit = inputs.whole("limit", 20, 1, MAX_ARTICLES)
    words = inputs.words("q")
    library = service.current().qa.library
    return send.shape(
        shapes.ArticlePage(
            total=library.count_articles(words),
            offset=offset,
            limit=limit,
            revision=library.revision,
            articles=[
                shapes.article_summary(one) for one in library.articles(offset, limit, words)
            ],
        )
    )


@api.get("/articles/<article_id>")
def article(article_id: str) -> Response:
    """One article with its text."""
    inputs.only()
    found = service.current().qa.library.article(article_id)
    if found is None:
        abort(404, "no article has this id; it may have been removed since")
    return send.shape(shapes.article_full(found))


@api.post("/verify")
def verify() -> Response:
    """Whether a citation still holds."""
    inputs.only()
    given = inputs.body(bodies.VerifyRequest)
    if given.quote is None and given.digest is None:
        abort(400, "send the quote of the citation, or the digest that its article had")
    library = service.current().qa.library
    found = library.article(given.article_id)
    now = recheck(found, given.start, given.end, given.quote, given.digest)
    return send.shape(
        shapes.Standing(
            verdict=now.verdict, start=now.start, end=now.end, revision=library.revision
        )
    )


@health.get("/healthz")
def healthz() -> Response:
    """The process is up, whether or not there is anything to answer from."""
    return send.shape(shapes.Health())


@health.get("/readyz")
def readyz() -> Response:
    """Questions can be answered; an error says why not."""
    here = service.current()
    library = here.qa.library
    library.reach()
    counts = library.counts()
    return send.shape(
        shapes.Ready(
            revision=library.revision,
            articles=counts.articles,
            passages=counts.passages,
            notes=here.notes(library),
        )
    )


@health.get("/metrics")
def counts() -> Response:
    """What is counted, for Prometheus."""
    inputs.only()
    return Response(service.current().meters.text(), content_type=metrics.CONTENT_TYPE)
