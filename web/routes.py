"""Every address of the API as data: what goes in, what comes out, what can go wrong.

This file must not know how any of them works, nor what the document looks like.
"""

from dataclasses import dataclass

from pydantic import BaseModel

from web import bodies, shapes
from web.parameters import FILTERS, ID, OWN_ID, QUESTION, K, Parameter, whole

JSON = "application/json"
METRICS = "text/plain"


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
        " ran out. Should something fail amid it, the last event is “problem” with a Problem."
        " Close the stream at the last event: a browser would ask again.",
        (
            QUESTION,
            K,
            whole(
                "budget_ms",
                "Milliseconds after which no further passage is read; those of the service, should"
                " they be fewer.",
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
        (QUESTION, whole("k", "Passages at most.", 10, 1, 50), *FILTERS),
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
            whole("offset", "How many to pass over.", 0, 0, 10**9),
            whole("limit", "How many to give.", 20, 1, 100),
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
    Route(
        "PUT",
        "/api/v1/articles/{article_id}",
        "Writing",
        "Keep an article under this id",
        shapes.IndexStatus,
        "New, or in place of the one before. It can be asked when the change is done. Articles"
        " that come from files are changed there.",
        (OWN_ID,),
        body=bodies.ArticleRequest,
        status=202,
        errors=(409, 415),
        token=True,
    ),
    Route(
        "DELETE",
        "/api/v1/articles/{article_id}",
        "Writing",
        "Take out the article under this id",
        shapes.IndexStatus,
        "Only what was put by this API; articles that come from files are removed there.",
        (OWN_ID,),
        status=202,
        errors=(404, 409),
        token=True,
    ),
    Route(
        "POST",
        "/api/v1/index",
        "Writing",
        "Read the folder of CITESPAN_ARTICLES again",
        shapes.IndexStatus,
        status=202,
        errors=(409,),
        token=True,
    ),
    Route(
        "GET",
        "/api/v1/index",
        "Writing",
        "How far a change is",
        shapes.IndexStatus,
        "Of the change that runs, or of the last one. Changes run one at a time.",
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
