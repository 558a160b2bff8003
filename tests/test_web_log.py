"""A line of JSON for each request: never a question unless told, never two lines for one."""

import json
import logging

import pytest
import web_fakes as fakes
from web_fakes import PACT, FakeQA

from web import Settings, create_app
from web.log import Lines

ASKED = "who hid the treasure?"
ASKING = {
    "page": ("GET", f"/?q={ASKED}", None, 1),
    "GET": ("GET", f"/api/v1/ask?q={ASKED}", None, 1),
    "POST": ("POST", "/api/v1/ask", {"question": ASKED}, 1),
    "stream": ("GET", f"/api/v1/ask/stream?q={ASKED}", None, 1),
    "batch": ("POST", "/api/v1/ask/batch", {"questions": [{"question": ASKED}] * 2}, 2),
    "table": ("POST", "/api/v1/table", {"questions": [ASKED], "article_ids": [PACT.id]}, 1),
    "search": ("GET", f"/api/v1/search?q={ASKED}", None, 0),
}


def told(caplog):
    """The lines that were written, without those of libraries."""
    return [json.loads(Lines().format(one)) for one in caplog.records if hasattr(one, "fields")]


def client_of(caplog, **settings):
    caplog.set_level(logging.INFO, "citespan.requests")
    qa = FakeQA()
    object.__setattr__(qa.replied, "question", ASKED)
    return create_app(Settings(**settings), qa).test_client()


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", f"/api/v1/articles/{PACT.id}", "/api/v1/articles/<article_id>", 200),
        ("GET", "/api/v1/articles/treasure", "/api/v1/articles/<article_id>", 404),
        ("GET", "/treasure?treasure=1", None, 404),
        ("PATCH", "/treasure", None, 404),
        ("GET", "/api/v1/ask?q=treasure&k=99", "/api/v1/ask", 400),
        ("HEAD", "/api/v1/ask/stream?q=treasure", "/api/v1/ask/stream", 200),
        ("GET", "/static/ask.js", "/static/<path:filename>", 200),
    ],
)
def test_a_request_is_one_line_without_what_was_asked(caplog, method, path, route, status):
    reply = client_of(caplog).open(path, method=method, buffered=True)
    [line] = told(caplog)
    assert set(line) == {"time", "level", "event", "request", "method", "route", "status", "ms"}
    assert (line["event"], line["level"]) == ("request", "info")
    assert (line["method"], line["route"], line["status"]) == (method, route, status)
    assert line["request"] == reply.headers["X-Request-Id"] and line["ms"] >= 0
    assert "treasure" not in json.dumps(line)
    reply.close()


@pytest.mark.parametrize(("method", "path", "body", "count"), ASKING.values(), ids=ASKING)
def test_questions_are_told_only_when_that_is_switched_on(caplog, method, path, body, count):
    assert client_of(caplog).open(path, method=method, json=body, buffered=True).status_code == 200
    assert "treasure" not in json.dumps(told(caplog)) + caplog.text
    caplog.clear()
    client_of(caplog, log_questions=True).open(path, method=method, json=body, buffered=True)
    [line] = told(caplog)
    assert line.get("questions", []) == [{"question": ASKED, "answers": 1}] * count


def test_a_fault_amid_a_stream_has_the_number_of_its_request(caplog):
    client = client_of(caplog)
    client.application.extensions["citespan"].qa.stream = broken
    reply = client.get("/api/v1/ask/stream?q=who", buffered=True)
    fault, line = told(caplog)
    assert fault["request"] == line["request"] == reply.headers["X-Request-Id"]
    assert line["request"] in reply.get_data(as_text=True) and "torn" in fault["trace"]


def broken(*_):
    yield fakes.reply()
    raise RuntimeError("torn")


def test_each_request_has_a_number_of_its_own(caplog):
    client = client_of(caplog)
    forged = {"X-Request-Id": "mine"}
    numbers = [client.get("/healthz", headers=forged).headers["X-Request-Id"] for _ in range(9)]
    assert len({*numbers, "mine"}) == 10


def test_nothing_in_a_line_can_pass_for_another_or_move_a_cursor():
    hostile = 'x\r\n{"event": "forged"}\x1b[2J\x7f\x9b\u2028\ud800é'
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "%s", (hostile,), None)
    line = Lines().format(record)
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["event"] == hostile
