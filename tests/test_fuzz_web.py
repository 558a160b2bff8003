"""Any request at all to every address there is: no fault of ours, and each error in its shape.

`test_contract.py` sends what the API's document says and what it forbids; here is what no document
thinks of, at the pages too.
"""

import json
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from test_fuzz_files import ANY_JSON
from web_fakes import PACT, FakeQA

from web import Settings, create_app
from web.errors import in_json
from web.indexing import Indexing

TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    data = tmp_path_factory.mktemp("data")
    settings = Settings(token=TOKEN, data=data, articles=data, origins="https://a.example")
    return create_app(settings, FakeQA())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


ASKED = ("q", "k", "source", "article_id", "published_from", "published_to")
TAKEN = {
    "/": ASKED,
    "/articles": ("words", "page"),
    f"/articles/{PACT.id}": ("start", "end"),
    "/api/v1/ask": ASKED,
    "/api/v1/ask/stream": (*ASKED, "budget_ms"),
    "/api/v1/search": ASKED,
    "/api/v1/articles": ("q", "offset", "limit"),
    f"/api/v1/articles/{PACT.id}": (),
}
OTHERS = ["/docs", "/opensearch.xml", "/healthz", "/readyz", "/metrics", "/openapi.json"]
OTHERS += ["/static/", "/nowhere", "/api/v1/nowhere", "/api/v1/feedback", "/api/v1/index"]
CITED = {"article_id": PACT.id, "start": 4, "end": 5, "quote": PACT.text[4:5]}
BODIES: dict[str, dict[str, object]] = {
    "/api/v1/ask": {"question": "who?"},
    "/api/v1/ask/batch": {"questions": [{"question": "who?"}]},
    "/api/v1/table": {"questions": ["who?"], "article_ids": [PACT.id]},
    "/api/v1/verify": CITED,
    "/api/v1/feedback": CITED | {"question": "who?", "verdict": "right"},
    "/api/v1/articles/mine": {"text": "The bridge is red."},
    "/api/v1/articles/%00": {"text": "The bridge is red."},
}
VALUES = ["1", "-1", "0", "10", "1e3", "٣", "²", "9" * 30, "true", "2023-01-11", "2023-02-30", ""]
VALUES += ["who signed the RAA?", PACT.id, "The Example", "\0", "🙂", "../x", "%", "<b>", "json"]
FIELDS = "question questions k sources article_ids article_id published_from published_to start"
FIELDS = [*FIELDS.split(), "end", "quote", "digest", "verdict", "text", "title", "url", "more"]
TEXTS = st.sampled_from(VALUES).map(str.encode) | st.binary(max_size=8)


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, str]:
    """An address, and a query of names that it takes for the most part."""
    path = draw(st.sampled_from([*TAKEN, *OTHERS]))
    taken = TAKEN.get(path, ())
    names = st.sampled_from(taken).map(str.encode) if taken else TEXTS
    pairs = draw(st.lists(st.tuples(names, TEXTS), max_size=4, unique_by=lambda pair: pair[0]))
    pairs += draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=1))
    return path, "&".join("=".join(map(quote_from_bytes, pair)) for pair in pairs)


SAID = ANY_JSON | st.sampled_from([*VALUES, "right", "Japan and Britain", 0, 1, 9, "\ud800"])


OTHER_BODIES = st.binary() | SAID.map(json.dumps).map(str.encode)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """An address, and a body that is for the most part as it should be."""
    path = draw(st.sampled_from([*BODIES, "/api/v1/index"]))
    spoilt = st.dictionaries(st.sampled_from(FIELDS), SAID | st.lists(SAID, max_size=3), max_size=2)
    body = json.dumps(BODIES.get(path, {}) | draw(spoilt))
    good = st.just(body.encode())
    return path, draw(good | good | good | st.just(body.encode("utf-16")) | OTHER_BODIES)


HEADERS = st.dictionaries(
    st.sampled_from(
        "Host Accept Accept-Encoding Authorization Content-Type Content-Encoding Cookie Expect"
        " If-None-Match If-Modified-Since If-Range Origin Range Referer User-Agent"
        " X-Forwarded-For X-Forwarded-Proto X-Request-Id X-HTTP-Method-Override".split()
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=12)
    | st.sampled_from(
        ["localhost", "*", '"a", W/"b"', "bytes=0-1,5-", "https://a.example", "null"]
    ),
    max_size=3,
)


def sound(client: FlaskClient, path: str, query: str, method: str, **sent: object) -> None:
    reply = client.open(path, method=method, query_string=query, **sent)
    assert reply.status_code < 500, reply.text
    assert reply.headers["X-Content-Type-Options"] == "nosniff" and reply.headers["X-Request-Id"]
    if reply.status_code >= 400 and in_json(path) and method != "HEAD":
        assert reply.content_type == "application/problem+json"
        problem = json.loads(reply.data)
        assert problem["status"] == reply.status_code and len(problem["detail"]) < 400
    reply.data.decode()


@given(queries(), st.sampled_from(["GET", "GET", "HEAD"]))
def test_any_query_is_answered_or_told(
    client: FlaskClient, asked: tuple[str, str], method: str
) -> None:
    sound(client, *asked, method)


@given(bodies(), st.sampled_from(["POST", "PUT", "DELETE"]))
def test_any_body_is_answered_or_told(
    client: FlaskClient, sent: tuple[str, bytes], method: str
) -> None:
    path, body = sent
    method = method if "/articles/" in path else "POST"
    kind = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Indexing, "_run", lambda self, job: self._set(state="done", report={}))
        sound(client, path, "", method, data=body, headers=kind)


@given(
    st.sampled_from([*TAKEN, *OTHERS, *BODIES]), HEADERS, st.sampled_from(["GET", "POST", "HEAD"])
)
def test_any_headers_are_taken_or_told(
    client: FlaskClient, path: str, headers: dict[str, str], method: str
) -> None:
    sound(client, path, "", method, headers=headers)


ROADS = st.lists(
    st.sampled_from(["/", "//", "..", "articles", "api", "v1", "static", "%2e", "%2F", "%00", "\\"])
    | st.text(st.characters(max_codepoint=0x2FFF, exclude_characters="?#"), max_size=5),
    max_size=6,
).map("/".join)


@given(ROADS, st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"]))
def test_any_road_leads_somewhere_or_nowhere(client: FlaskClient, road: str, method: str) -> None:
    path = f"/{road}".encode().decode("latin-1")  # as WSGI has it
    reply = client.open("/", method=method, environ_overrides={"PATH_INFO": path})
    assert reply.status_code < 500, reply.text
