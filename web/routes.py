"""Every address of the API as data: what goes in, what comes out, what can go wrong.

This file must not know how any of them works, nor what the document looks like.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from qa import MAX_QUESTION
from web import bodies, shapes

JSON = "application/json"
METRICS = "text/plain"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address, with its JSON schema and an example."""

    name: str
    text: str
    schema: Mapping[str, Any]
    example: Any
    place: str = "query"
    required: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address.

    `reply`: the shape that comes out as JSON, or an example of the text in another `media`.
    `errors`: statuses besides those that every route has.
    """

    method: str
    path: str
    group: str
    summary: str
    reply: type[BaseModel] | str
    text: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: type[bodies.Body] | None = None
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    errors: tuple[int, ...] = ()
    token: bool = False


_DAY = {"type": "string", "format": "date"}
_TEXT = {"type": "string", "minLength": 1}
QUESTION = Parameter(
    "q",
    "The question, in words.",
    {"type": "string", "minLength": 1, "maxLength": MAX_QUESTION},
    "when did the RAA between Japan and the UK come into force",
    required=True,
)
FILTERS = (
    Parameter(
        "source",
        "Ask only articles of this source, named exactly; may be given several times.",
        _TEXT,
        "Citespan Seeds: World desk",
        repeated=True,
    ),
    Parameter(
        "published_from", "Ask only articles published on this day or later.", _DAY, "2022-01-01"
    ),
    Parameter(
        "published_to",
        "Ask only articles published up to this day: the answer as of then.",
        _DAY,
        "2023-12-31",
    ),
    Parameter(
        "article_id",
        "Ask only this article; may be given several times.",
        _TEXT,
        "224202a45aec7f5f",
        repeated=True,
    ),
)
ID = Parameter("article_id", "The article's id.", _TEXT, "224202a45aec7f5f", "path", required=True)


def _whole(name: str, text: str, default: int, low: int, high: int) -> Parameter:
    schema = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return Parameter(name, text, schema, default)


K = _whole("k", "Answers at most.", shapes.DEFAULT_ANSWERS, 1, bodies.MOST_ANSWERS)

ROUTES = (
    Route(
        "GET",
        "/api/v1/ask",
        "Ask",
        "Answer a question",
        shapes.Reply,
        "The exact words that answer, each with a citation. No answer is a reply with a reason.",
        (QUESTION, K, *FILTERS),
        errors=(304,),
    ),
    Route(
        "POST",
        "/api/v1/ask",
        "Ask",
        "Answer a question sent as JSON",
        shapes.Reply,
        body=bodies.AskRequest,
        errors=(415,),
    ),
    Route(
        "GET",
        "/api/v1/ask/stream",
        "Ask",
        "Answer a question as it is read",
        "event: passages\ndata: {…}\n\nevent: answers\ndata: {…}\n\nevent: done\ndata: {…}\n\n",
        "Server-sent events, each with a Reply as data: “passages” at once, “answers” whenever"
        " these have changed, “done” with the whole reply. Its `partial` is true when the time"
        " ran out. Should something fail amid it, the last event is “problem” with a Problem.",
        (
            QUESTION,
            K,
            _whole(
                "budget_ms",
                "Milliseconds after which no further passage is read.",
                60_000,
                0,
                60_000,
            ),
            *FILTERS,
        ),
        media=("text/event-stream",),
    ),
    Route(
        "POST",
        "/api/v1/ask/batch",
        "Ask",
        "Answer several questions",
        '{"question": "…", "answers": […], …}\n{"question": "…", "answers": […], …}\n',
        "A line of JSON for each question, in order and as soon as it is answered: a Reply, or"
        " a Problem where one could not be answered.",
        body=bodies.BatchRequest,
        media=("application/x-ndjson",),
        errors=(415,),
    ),
    Route(
        "POST",
        "/api/v1/table",
        "Ask",
        "Ask each question of each article by itself",
        shapes.Table,
        "As JSON with citations, or as CSV with the words alone, in which no cell is a formula.",
        (
            Parameter(
                "format",
                "json or csv.",
                {"type": "string", "enum": ["json", "csv"], "default": "json"},
                "json",
            ),
        ),
        body=bodies.TableRequest,
        media=(JSON, "text/csv"),
        errors=(404, 415),
    ),
    Route(
        "GET",
        "/api/v1/search",
        "Ask",
        "Find passages for a question",
        shapes.SearchReply,
        "Retrieval alone; nothing is read for answers.",
        (QUESTION, _whole("k", "Passages at most.", 10, 1, 50), *FILTERS),
        errors=(304,),
    ),
    Route(
        "GET",
        "/api/v1/articles",
        "Articles",
        "List articles, newest first",
        shapes.ArticlePage,
        "",
        (
            Parameter(
                "q",
                "Only those with all of these words in their titles.",
                {"type": "string", "maxLength": 200},
                "access pact",
            ),
            _whole("offset", "How many to pass over.", 0, 0, 10**9),
            _whole("limit", "How many to give.", 20, 1, 100),
        ),
        errors=(304,),
    ),
    Route(
        "GET",
        "/api/v1/articles/{article_id}",
        "Articles",
        "One article with its text",
        shapes.ArticleFull,
        "",
        (ID,),
        errors=(304, 404),
    ),
    Route(
        "POST",
        "/api/v1/verify",
        "Citations",
        "Does a citation still hold?",
        shapes.Standing,
        "Send a citation as it was given: with its words, which are looked for if the article"
        " has changed, or with the digest that the article's text had.",
        body=bodies.VerifyRequest,
        errors=(415,),
    ),
    Route(
        "POST",
        "/api/v1/feedback",
        "Feedback",
        "Say whether an answer was right",
        shapes.Kept,
        "Kept with the passage as a labelled question, if the article has these words there.",
        body=bodies.FeedbackRequest,
        status=201,
        errors=(404, 415),
    ),
    Route(
        "GET",
        "/api/v1/feedback",
        "Feedback",
        "All feedback as a SQuAD 2.0 file",
        shapes.Squad,
        "Rows of the verdict wrong_words stay in the file alone, for they name no answer.",
        token=True,
    ),
    Route("GET", "/healthz", "Operation", "The process is up", shapes.Health),
    Route("GET", "/readyz", "Operation", "Questions can be answered", shapes.Ready),
    Route(
        "GET",
        "/metrics",
        "Operation",
        "What is counted, for Prometheus",
        "citespan_questions_total 12.0\ncitespan_abstentions_total 3.0\n",
        "Questions, abstentions, seconds by stage, the queue, the revision; never a question.",
        media=(METRICS,),
    ),
)
