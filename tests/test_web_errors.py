"""One shape of error over every address, and the same headers on every reply."""

import json
import logging
from dataclasses import replace
from threading import Event

import pytest
import web_fakes as fakes
from web_fakes import PACT, FakeLibrary, FakeQA

from index import LibraryAway, LibraryCorrupt, LibraryError, LibraryMismatch
from qa import QuestionError, QuestionTooLong, ReaderError
from web import Settings, create_app
from web.errors import STATUS, in_json
from web.headers import HEADERS
from web.indexing import Indexing
from web.log import Lines
from web.service import watch

SECRET = "a path that nobody may see"
BROKEN = {
    "missing": (fakes.MISSING, 503, "citespan index FOLDER"),
    "mismatch": (LibraryMismatch(SECRET), 503, "built with another model or version"),
    "corrupt": (LibraryCorrupt(SECRET), 503, "The library is damaged: whoever runs this"),
    "unusable": (LibraryError(SECRET), 503, "The library can't be used: whoever runs this"),
    "away": (LibraryAway(SECRET), 503, "can't be used just now: ask again"),
    "reader": (ReaderError("the reader can't be loaded"), 503, "can't be loaded"),
    "question": (QuestionError("type a question"), 400, "Type a question"),
    "long": (QuestionTooLong("ask in at most 500"), 413, "Ask in at most 500"),
    "bug": (RuntimeError(SECRET), 500, "the log has it as request"),
}
TOKEN = "a token of some length"
WORDS = {"article_id": PACT.id, "start": 0, "end": 3, "quote": PACT.text[:3]}
BODIES = {
    "/api/v1/ask": {"question": "who?"},
    "/api/v1/ask/batch": {"questions": [{"question": "who?"}]},
    "/api/v1/table": {"questions": ["who?"], "article_ids": [PACT.id]},
    f"/api/v1/articles/{PACT.id}": {"text": "The bridge is old."},
    "/api/v1/verify": WORDS,
    "/api/v1/feedback": WORDS | {"question": "who?", "verdict": "right"},
}
CALLS = [
    (method, str(rule).replace("<article_id>", PACT.id).replace("<path:filename>", "none.css"))
    for rule in create_app(Settings(), FakeQA()).url_map.iter_rules()
    for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
]
ADDRESSES = sorted({path for _, path in CALLS})
ASKING = ("/", "/api/v1/ask", "/api/v1/ask/stream", "/api/v1/search")
NEEDS_NO_LIBRARY = [("POST", "/api/v1/index"), ("GET", "/api/v1/index")] + [
    ("GET", path)
    for path in (
        *("/healthz", "/metrics", "/static/none.css"),
        *("/api/v1/feedback", "/openapi.json", "/docs", "/opensearch.xml"),
    )
]


def call(client, method, path):
    """A request that is right in everything, so that only the service can be wrong."""
    return client.open(
        path,
        method=method,
        query_string={"q": "who?"} if method == "GET" and path in ASKING else {},
        json=BODIES.get(path) if method in ("POST", "PUT") else None,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


def checked(reply, path, status, said):
    """The reply is an error of the right shape for its path, and says this."""
    text = reply.get_data(as_text=True)
    assert reply.status_code == status
    if in_json(path):
        problem = json.loads(text)
        assert reply.content_type == "application/problem+json"
        assert set(problem) == {"type", "title", "status", "detail"}
        assert problem["status"] == status and said in problem["detail"]
    else:
        assert reply.content_type == "text/html; charset=utf-8"
        assert "<!doctype html>" in text and said.replace("'", "&#39;") in text
    assert "Traceback" not in text and SECRET not in text
    for name, value in HEADERS.items():
        assert reply.headers.getlist(name) == [value]
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(("method", "path"), [one for one in CALLS if one not in NEEDS_NO_LIBRARY])
@pytest.mark.parametrize("trouble", BROKEN)
def test_every_address_answers_every_error_in_its_shape(method, path, trouble):
    error, status, said = BROKEN[trouble]
    client = create_app(Settings(token=TOKEN), FakeQA(broken=error)).test_client()
    checked(call(client, method, path), path, status, said)


OPENSEARCH = "application/opensearchdescription+xml"


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_address_has_its_reply_when_nothing_is_wrong(method, path, tmp_path, monkeypatch):
    monkeypatch.setattr(Indexing, "_watch", lambda self, job: {"report": {}})
    settings = Settings(token=TOKEN, data=tmp_path, articles=tmp_path)
    given = replace(PACT, origin=f"put:{PACT.id}")
    client = create_app(settings, FakeQA(shelf=FakeLibrary(stored=(given,)))).test_client()
    reply = call(client, method, path)
    assert reply.status_code in ((404,) if path.startswith("/static") else (200, 201, 202))
    assert in_json(path) == (not reply.content_type.startswith(("text/html", OPENSEARCH)))


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_fault_in_any_view_says_nothing_of_itself_whatever_flask_is_told(monkeypatch, debug):
    def fail(**_):
        raise RuntimeError(SECRET)

    monkeypatch.setenv("FLASK_DEBUG", debug)
    app = create_app(Settings(token=TOKEN), FakeQA())
    app.view_functions = dict.fromkeys(app.view_functions, fail)
    assert not app.debug
    for method, path in CALLS:
        reply = call(app.test_client(), method, path)
        number = reply.headers["X-Request-Id"]
        checked(reply, path, 500, f"the log has it as request {number}.")


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_refuses_other_methods(path):
    reply = create_app(Settings(), FakeQA()).test_client().patch(path)
    checked(reply, path, 405, "does not take that method")
    assert {method for method, other in CALLS if other == path} <= set(
        reply.headers["Allow"].split(", ")
    )


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/articles/none",
        "/static/none.css",
        "/static/../web/__init__.py",
        "/apiary",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/none",
        "/api/v1/articles/none",
        "/healthz/x",
    ],
)
def test_what_is_not_there_is_404_in_its_shape(path):
    checked(create_app(Settings(), FakeQA()).test_client().get(path), path, 404, ".")


@pytest.mark.parametrize("path", ADDRESSES)
def test_oversized_requests_are_refused_everywhere(path):
    client = create_app(Settings(max_body=1024), FakeQA()).test_client()
    checked(client.post(path, data=b"x" * 1025), path, 413, "too large")
    checked(client.get(path + "?q=" + "a" * 8001), path, 414, "too long")


@pytest.mark.parametrize("path", [*ADDRESSES, "/static/citespan.css", "/none"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safety_headers_are_on_every_reply_and_cookies_on_none(path, method):
    reply = create_app(Settings(), FakeQA()).test_client().open(path, method=method)
    for name, value in HEADERS.items():
        assert reply.headers.getlist(name) == [value]
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in reply.headers
    reply.close()


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("q=%3F%3F", 400, "question in words"),
        ("q=" + "a" * 501, 413, "501 characters"),
        ("q=who&k=11", 400, "1 to 10"),
        ("q=who&k=x", 400, "1 to 10"),
    ],
)
def test_a_bad_question_is_told_on_the_page_with_the_box(query, status, said):
    reply = create_app(Settings(), FakeQA()).test_client().get(f"/?{query}")
    checked(reply, "/", status, said)
    assert 'name="q"' in reply.get_data(as_text=True)


def test_an_error_keeps_what_the_question_was_narrowed_to():
    """Else asking again would ask all articles, without a word."""
    asked = "published_from=2024-01-01&published_to=2023-01-01&source=A%22&article_id=5f"
    client = create_app(Settings(), FakeQA()).test_client()
    page = client.get(f"/?q=who&{asked}").get_data(as_text=True)
    assert "exchange the two dates" in page
    for kept in (
        'name="published_to" value="2023-01-01"',
        'name="published_from" value="2024-01-01"',
        "<option selected>A&#34;</option>",
        'name="article_id" value="5f" checked',
    ):
        assert page.count(kept) == 1
    assert "published_to" not in client.get(f"/nowhere?{asked}").get_data(as_text=True)


def test_the_page_of_a_missing_library_says_what_to_run_before_any_question():
    client = create_app(Settings(), FakeQA(broken=fakes.MISSING)).test_client()
    checked(client.get("/"), "/", 503, "<code>make index ARTICLES=folder</code>")


def test_a_bug_is_logged_under_the_number_that_the_reader_sees(caplog):
    client = create_app(Settings(), FakeQA(broken=RuntimeError(SECRET))).test_client()
    detail = client.get("/api/v1/ask?q=private+words").get_json(force=True)["detail"]
    number = detail.split()[-1].rstrip(".")
    [line] = [Lines().format(record) for record in caplog.records]
    told = json.loads(line)
    assert told["request"] == number and told["place"] == "GET /api/v1/ask"
    assert SECRET in told["trace"] and "private" not in line


def test_a_known_error_is_not_logged(caplog):
    create_app(Settings(), FakeQA(broken=fakes.MISSING)).test_client().get("/readyz")
    assert caplog.records == []


@pytest.mark.parametrize("kind", [LibraryAway, LibraryCorrupt, LibraryMismatch, LibraryError])
def test_where_a_library_lies_is_told_to_the_log_alone(caplog, kind):
    client = create_app(Settings(), FakeQA(broken=kind("/home/me/library.db"))).test_client()
    for path in ("/readyz", "/api/v1/ask?q=who", "/?q=who"):
        reply = client.get(path)
        assert reply.status_code == 503 and "/home" not in reply.get_data(as_text=True)
    told = [json.loads(Lines().format(record)) for record in caplog.records]
    assert [one["why"] for one in told] == ["/home/me/library.db"] * 3


def test_nothing_of_the_table_falls_to_the_wrong_row():
    for kind, (status, _) in STATUS.items():
        client = create_app(Settings(), FakeQA(broken=kind("why"))).test_client()
        assert client.get("/api/v1/ask?q=who").status_code == status


class Refreshing:
    """Refreshes as told, one outcome a call, and says when all have been used."""

    def __init__(self, *outcomes):
        self.outcomes, self.done = list(outcomes), Event()

    def refresh(self):
        if not self.outcomes:
            self.done.set()
            return False
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_the_watch_outlives_errors_and_tells_each_once(caplog):
    caplog.set_level(logging.ERROR)
    broken, bug = LibraryCorrupt("torn"), RuntimeError("odd")
    qa = Refreshing(broken, broken, True, broken, bug, bug, False)
    stop = watch(qa, 0.001)
    assert qa.done.wait(30)
    stop.set()
    assert [str(record.args[0]) for record in caplog.records] == ["torn", "torn", "odd"]
    assert [bool(record.exc_info) for record in caplog.records] == [False, False, True]


def test_a_given_qa_is_not_watched(monkeypatch):
    started = []
    monkeypatch.setattr("web.service.Thread", lambda **_: started.append(1))
    create_app(Settings(), FakeQA())
    assert started == []


def test_an_opened_qa_is_watched(monkeypatch):
    qa, opened = Refreshing(), []
    monkeypatch.setattr("web.open_qa", lambda *given: opened.append(given) or qa)
    monkeypatch.setattr("web.service.watch", lambda *given: opened.append(given))
    settings = Settings(reader="r", embedder="e", refresh_seconds=5)
    create_app(settings)
    assert opened == [(settings.data, "r", "e"), (qa, 5)]
