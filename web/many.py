"""Several replies to one request: a batch, and a reply as it grows.

This file must not know how an answer is found. A request holds its turn to its last reply.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, request

from qa import Question, Reply, reply_json
from web import bodies, errors, inputs, send, service, shapes

MAX_BUDGET = 60_000  # milliseconds
many = Blueprint("many", __name__, url_prefix="/api/v1/ask")


@many.post("/batch")
def batch() -> Response:
    """Answer each question in the body, a line of JSON each, in their order."""
    inputs.only()
    here = service.current()
    asked = inputs.body(bodies.BatchRequest).questions
    for one in asked:  # what is wrong is told before the first line
        inputs.bounded("k", one.k, 1, here.settings.max_answers)
        Question(one.question, one.filters())
    _ = here.qa.library
    return _held(here, lambda: send.lines(_answered(here, asked, errors.place())))


@many.get("/stream")
def stream() -> Response:
    """Answer the question in `q` by events: passages, answers as they are read, the whole."""
    inputs.only("q", "k", "budget_ms", *inputs.FILTERS)
    here = service.current()
    k = inputs.whole("k", shapes.DEFAULT_ANSWERS, 1, here.settings.max_answers)
    budget = min(inputs.whole("budget_ms", MAX_BUDGET, 0, MAX_BUDGET), here.budget_ms)
    growing = here.qa.stream(request.args.get("q", ""), k, inputs.filters(), budget)
    return _held(here, lambda: send.events(_told(here, next(growing), growing, errors.place())))


def _held(here: service.Service, make: Callable[[], Response]) -> Response:
    """The reply that `make` makes, in a turn that ends when the last of it is sent."""
    with ExitStack() as until:
        until.enter_context(here.turns.take())
        reply = make()
        reply.call_on_close(until.pop_all().close)
    return reply


def _answered(
    here: service.Service, asked: list[bodies.AskRequest], place: str
) -> Iterator[dict[str, Any]]:
    for one in asked:
        try:
            reply = here.qa.ask(one.question, one.k, one.filters(), here.budget_ms)
        except Exception as error:  # the lines before it are sent already
            yield errors.problem(error, place).model_dump()
        else:
            here.seen(reply)
            yield reply_json(reply)


def _told(
    here: service.Service, last: Reply, growing: Iterator[Reply], place: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events: "passages", "answers" whenever these have changed, and at the end "done"."""
    yield "passages", reply_json(last)
    try:
        for reply in growing:
            if reply.answers != last.answers:
                yield "answers", reply_json(reply)
            last = reply
    except Exception as error:  # the events before it are sent already
        yield "problem", errors.problem(error, place).model_dump()
    else:
        here.seen(last)
        yield "done", reply_json(last)
