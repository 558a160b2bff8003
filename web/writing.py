"""Writing into the library, for whoever has the token: articles, and the folder read again.

This file must not know how an article is indexed.
"""

from flask import Blueprint, Response, abort

from index import DEFAULT_EMBEDDER, SourceError, given_article, is_given
from web import bodies, inputs, send, service, token
from web.settings import secret

# Fields that a file may have in any form, what can't be read being left out; not so here.
_WANTED = {
    "published": "a day such as 2023-01-31",
    "url": "an address such as https://example.org/article, without blanks",
}
writing = Blueprint("writing", __name__, url_prefix="/api/v1")
writing.before_request(token.required)


@writing.put("/articles/<article_id>")
def put(article_id: str) -> Response:
    """Keep the article in the body under this id, new or in place of the one before."""
    inputs.only()
    fields = inputs.body(bodies.ArticleRequest).model_dump(exclude_none=True)
    try:
        article = given_article(article_id, fields)
    except SourceError as error:
        abort(400, str(error))
    for name, wanted in _WANTED.items():
        if name in fields and getattr(article, name) is None:
            abort(400, f"{name} must be {wanted}")
    _refuse_file(article_id)
    return _start(f"put {article_id}", {"put": article_id, "fields": fields})


@writing.delete("/articles/<article_id>")
def delete(article_id: str) -> Response:
    """Take out the article that was put under this id."""
    inputs.only()
    if not _refuse_file(article_id):
        abort(404, "no article has this id; it may have been removed since")
    return _start(f"delete {article_id}", {"remove": article_id})


@writing.post("/index")
def index() -> Response:
    """Read the folder of articles again."""
    inputs.only()
    folder = service.current().settings.articles
    if folder is None:
        abort(403, "there is no folder to read: start the service with CITESPAN_ARTICLES set")
    return _start("index", {"folder": str(folder)})


@writing.get("/index")
def status() -> Response:
    """How far the change is that runs, or how the last one ended."""
    inputs.only()
    return send.shape(service.current().indexing.status())


def _refuse_file(id: str) -> bool:
    """Whether there is an article with this id; one that a file holds may not be written."""
    found = service.current().qa.library.article(id)
    if found is not None and not is_given(found):
        abort(409, "this article comes from a file: change the file, and index its folder again")
    return found is not None


def _start(name: str, job: dict[str, object]) -> Response:
    here = service.current()
    embedder = here.settings.embedder
    where = {
        "data": str(here.settings.data),
        "library": here.settings.library,
        "token": secret(here.settings.milvus_token),
        "embedder": DEFAULT_EMBEDDER if embedder is None else embedder,
    }
    reply = send.shape(here.indexing.start(name, where | job), 202)
    reply.headers["Location"] = "/api/v1/index"
    return reply
