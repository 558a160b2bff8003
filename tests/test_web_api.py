"""The JSON API: the reply as it is, every bad body refused with a sentence."""

import json
from io import BytesIO

import pytest
import web_fakes as fakes
from web_fakes import PACT, FakeLibrary, FakeQA

from qa import Filters, reply_json
from web import Settings, create_app, shapes


@pytest.fixture
def qa():
    return FakeQA()


@pytest.fixture
def client(qa):
    return create_app(Settings(), qa).test_client()


def refused(reply, status):
    problem = json.loads(reply.get_data())
    assert reply.status_code == status
    assert reply.content_type == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    return problem["detail"]


def test_get_and_post_send_the_reply_as_it_is(client, qa):
    wanted = json.loads(json.dumps(reply_json(qa.replied)))
    got = client.get("/api/v1/ask?q=who%20signed%20it&k=5")
    posted = client.post("/api/v1/ask", json={"question": "who signed it", "k": 5})
    assert got.status_code == posted.status_code == 200
    assert got.content_type == posted.content_type == "application/json"
    assert json.loads(got.data) == json.loads(posted.data) == wanted
    assert list(json.loads(got.data)) == list(wanted)
    assert qa.asked == [("who signed it", 5)] * 2


def test_k_is_three_when_not_given(client, qa):
    client.get("/api/v1/ask?q=who")
    client.post("/api/v1/ask", json={"question": "who"})
    assert qa.asked == [("who", 3)] * 2


def test_no_answer_is_a_result_with_its_reason(qa, client):
    qa.replied = fakes.reply(reason="nothing sure enough")
    reply = client.get("/api/v1/ask?q=who")
    assert reply.status_code == 200
    assert reply.get_json()["answers"] == []
    assert reply.get_json()["reason"] == "nothing sure enough"


def test_json_is_utf8_and_offsets_count_code_points(client):
    reply = client.get(f"/api/v1/articles/{PACT.id}")
    assert "🤝".encode() in reply.data
    cited = client.get("/api/v1/ask?q=who").get_json()["answers"][0]["citations"][0]
    text = reply.get_json()["text"]
    assert text[cited["start"] : cited["end"]] == cited["quote"]


@pytest.mark.parametrize("k", ["0", "11", "-1", "3.0", "x", "1e1", "%20", "9" * 5000, "%D9%A3"])
def test_k_outside_its_bounds_is_refused_in_the_address(client, qa, k):
    assert "1 to 10" in refused(client.get(f"/api/v1/ask?q=who&k={k}"), 400)
    assert qa.asked == []


def test_k_is_bounded_by_the_setting():
    client = create_app(Settings(max_answers=5), FakeQA()).test_client()
    assert "1 to 5" in refused(client.get("/api/v1/ask?q=who&k=6"), 400)
    assert "1 to 5" in refused(client.post("/api/v1/ask", json={"question": "who", "k": 6}), 400)
    assert client.get("/api/v1/ask?q=who&k=5").status_code == 200


BAD_BODIES = [
    b"",
    b"who",
    b"{",
    b"null",
    b"[]",
    b'"who"',
    b"{}",
    b'{"k": 3}',
    b'{"question": null}',
    b'{"question": 7}',
    b'{"question": ["who"]}',
    b'{"question": ""}',
    b'{"question": "?!\\u0000"}',
    b'{"question": "who", "k": "3"}',
    b'{"question": "who", "k": 3.0}',
    b'{"question": "who", "k": true}',
    b'{"question": "who", "k": null}',
    b'{"question": "who", "k": 0}',
    b'{"question": "who", "k": 11}',
    b'{"question": "who", "k": NaN}',
    b'{"question": "who", "k": -Infinity}',
    b'{"question": "who", "k": 1e999}',
    b'{"question": "who", "k": ' + b"9" * 4000 + b"}",
    b'{"question": "who", "k": ' + b"9" * 6000 + b"}",
    b'{"question": "who", "more": 1}',
    b'{"question": "who", "\\ud800": 1}',
    b'{"question": "who", "question": "what"}',
    b'{"question": "who \\ud800 signed"}',
    b'{"question": "who \xff signed"}',
    b'{"question": "who"} trailing',
    b'{"question": ' + b"[" * 30000 + b"]" * 30000 + b"}",
    b'\xff\xfe{\x00"\x00',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: ascii(body[:40]))
def test_a_bad_body_is_refused_with_a_sentence(client, qa, body):
    detail = refused(client.post("/api/v1/ask", data=body, content_type="application/json"), 400)
    assert len(detail) > 10 and qa.asked == []


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(client, kind):
    body = b'{"question": "who"}'
    assert "application/json" in refused(
        client.post("/api/v1/ask", data=body, content_type=kind), 415
    )


def test_a_body_over_the_limit_is_refused():
    client = create_app(Settings(max_body=2000), FakeQA()).test_client()
    body = json.dumps({"question": "who", "more": "x" * 2000})
    reply = client.post("/api/v1/ask", data=body, content_type="application/json")
    assert "2,000" in refused(reply, 413)
    unsized = client.post(
        "/api/v1/ask",
        input_stream=BytesIO(body.encode()),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused(unsized, 413)


@pytest.mark.parametrize("question", ["", "%20", "%3F%21", "%00"])
def test_nothing_to_ask_is_refused(client, question):
    assert "question" in refused(client.get(f"/api/v1/ask?q={question}"), 400)


def test_a_question_too_long_is_refused(client):
    assert "500" in refused(client.get("/api/v1/ask?q=" + "a" * 501), 413)
    assert "500" in refused(client.post("/api/v1/ask", json={"question": "a" * 501}), 413)


def test_the_longest_question_fits_the_address_in_any_script(client, qa):
    assert client.get("/api/v1/ask", query_string={"q": "𠮷" * 500}).status_code == 200
    assert qa.asked == [("𠮷" * 500, 3)]
    assert "address" in refused(client.get("/api/v1/ask?q=" + "a" * 9000), 414)


@pytest.mark.parametrize(
    "path",
    ["ask?q=who&n=1", "ask?q=who&q=what", "articles?page=1", f"articles/{PACT.id}?start=1"],
)
def test_unknown_and_repeated_parameters_are_refused(client, path):
    assert "parameter" in refused(client.get(f"/api/v1/{path}"), 400).lower()


@pytest.mark.parametrize(
    ("path", "sent", "said"),
    [
        ("ask", ["who"], "The body must be an object."),
        ("ask", {"question": "who", "nme": 1}, '"nme" is not a field of this request.'),
        ("ask/batch", {"questions": ["who"]}, '"questions"."0" must be an object.'),
    ],
)
def test_no_class_of_the_code_is_named(client, path, sent, said):
    assert refused(client.post(f"/api/v1/{path}", json=sent), 400) == said


def test_a_parameter_beside_a_body_is_refused(client):
    refused(client.post("/api/v1/ask?k=3", json={"question": "who"}), 400)


def test_articles_are_paged_without_text_or_path(client):
    first = client.get("/api/v1/articles?limit=1").get_json()
    assert (first["total"], first["offset"], first["limit"], first["revision"]) == (2, 0, 1, 7)
    assert first["articles"] == [
        {
            "id": PACT.id,
            "title": PACT.title,
            "url": PACT.url,
            "source": PACT.source,
            "published": PACT.published,
            "author": PACT.author,
        }
    ]
    assert client.get("/api/v1/articles?offset=5").get_json()["articles"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "offset=x", "limit=1.5"])
def test_article_pages_are_bounded(client, query):
    refused(client.get(f"/api/v1/articles?{query}"), 400)


def test_one_article_comes_with_its_text(client):
    full = client.get(f"/api/v1/articles/{PACT.id}").get_json()
    assert full["text"] == PACT.text and "origin" not in full
    assert "no article" in refused(client.get("/api/v1/articles/ffff"), 404).lower()


def test_health_and_readiness(client, qa):
    qa.shelf = FakeLibrary(notes=("the vector index was rebuilt",))
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {
        "status": "ready",
        "revision": 7,
        "articles": 2,
        "passages": 6,
        "notes": ["the vector index was rebuilt"],
    }
    qa.broken = fakes.MISSING
    assert client.get("/healthz").status_code == 200
    assert "citespan index" in refused(client.get("/readyz"), 503)


@pytest.mark.parametrize("path", ["/api/v1/ask?q=who", "/api/v1/articles", "/healthz", "/readyz"])
def test_head_is_get_without_a_body(client, path):
    reply = client.head(path)
    assert reply.status_code == 200 and reply.data == b""
    assert reply.content_type == "application/json"


FILTERS = "source=A%20B&source=C&published_from=2022-01-01&published_to=2023-01-01&article_id=a"
FILTERED = Filters(("A B", "C"), "2022-01-01", "2023-01-01", ("a",))


def test_filters_reach_the_question_from_address_and_body(client, qa):
    client.get(f"/api/v1/ask?q=who&{FILTERS}")
    body = {"question": "who", "sources": ["A B", "C"], "article_ids": ["a"]}
    body |= {"published_from": "2022-01-01", "published_to": "2023-01-01"}
    client.post("/api/v1/ask", json=body)
    client.get(f"/api/v1/search?q=who&{FILTERS}")
    assert qa.filtered == [FILTERED] * 3


@pytest.mark.parametrize(
    "query",
    ["published_to=", "published_from=2023-02-30", "published_to=1.1.2023", "source=a" * 101],
)
def test_a_bad_filter_is_refused(client, qa, query):
    query = "&".join(["source=a"] * 101) if query.startswith("source") else query
    refused(client.get(f"/api/v1/ask?q=who&{query}"), 400)
    assert qa.asked == []


def test_search_gives_passages_only(client, qa):
    found = client.get("/api/v1/search?q=who&k=1").get_json()
    assert list(found) == ["question", "passages", "revision", "took_ms"]
    assert len(found["passages"]) == 1 and qa.asked == [("who", 1)]
    for k in ("0", "51"):
        assert "1 to 50" in refused(client.get(f"/api/v1/search?q=who&k={k}"), 400)


def test_articles_are_found_by_words_of_their_titles(client):
    found = client.get("/api/v1/articles?q=Britain").get_json()
    assert found["total"] == 1 and [one["id"] for one in found["articles"]] == [PACT.id]
    refused(client.get("/api/v1/articles?q=" + "a" * 201), 400)


def test_a_citation_is_verified_by_its_words_or_its_article_s_digest(client):
    cited = client.get("/api/v1/ask?q=who").get_json()["answers"][0]["citations"][0]
    asked = {name: cited[name] for name in ("article_id", "start", "end", "quote")}
    place = {"start": cited["start"], "end": cited["end"], "revision": 7}
    told = client.post("/api/v1/verify", json=asked).get_json()
    assert told == {"verdict": "holds", **place}
    moved = client.post("/api/v1/verify", json=asked | {"start": 40, "end": 57}).get_json()
    assert moved == {"verdict": "moved", **place}
    changed = client.post("/api/v1/verify", json=asked | {"quote": "Nobody else"}).get_json()
    assert changed == {"verdict": "changed", "start": None, "end": None, "revision": 7}
    gone = client.post("/api/v1/verify", json=asked | {"article_id": "none"}).get_json()
    assert gone["verdict"] == "gone"
    del asked["quote"]
    asked["digest"] = client.get(f"/api/v1/articles/{PACT.id}").get_json()["digest"]
    assert client.post("/api/v1/verify", json=asked).get_json() == {"verdict": "holds", **place}
    del asked["digest"]
    assert "quote" in refused(client.post("/api/v1/verify", json=asked), 400)


def test_the_documented_shape_of_a_reply_is_the_one_that_is_sent(client):
    for path in ("ask?q=who", "search?q=who"):
        shape = shapes.Reply if path.startswith("ask") else shapes.SearchReply
        sent = client.get(f"/api/v1/{path}").get_json()
        assert shape.model_validate(sent, strict=True).model_dump() == sent
