"""What keeps the service well: tags, limits per client, other origins, counts."""

from dataclasses import replace

import pytest
import web_fakes as fakes
from prometheus_client.parser import text_string_to_metric_families
from web_fakes import PACT, FakeLibrary, FakeQA

from index import LibraryAway
from web import Settings, create_app, service
from web.settings import SettingsError, read_settings
from web.turns import Turns

THEIRS = "https://example.org"
TAGGED = ["ask?q=who", "search?q=who", "articles", f"articles/{PACT.id}"]


LATE = "Time ran out before every passage was read"


def client_of(qa=None, **settings):
    return create_app(Settings(**settings), FakeQA() if qa is None else qa).test_client()


def from_address(client, address, path="/api/v1/articles", **headers):
    return client.get(path, environ_base={"REMOTE_ADDR": address}, headers=headers)


@pytest.mark.parametrize("path", TAGGED)
def test_what_a_client_has_already_is_not_sent_again(path):
    qa = FakeQA()
    client = client_of(qa)
    tag = client.get(f"/api/v1/{path}").headers["ETag"]
    assert tag.startswith('W/"')
    asked = len(qa.asked)
    again = client.get(f"/api/v1/{path}", headers={"If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert len(qa.asked) == asked
    for other in ('"x"', "*", ""):
        reply = client.get(f"/api/v1/{path}", headers={"If-None-Match": other})
        assert reply.status_code == 200
    qa.shelf = FakeLibrary(revision=8)
    fresh = client.get(f"/api/v1/{path}", headers={"If-None-Match": tag})
    assert fresh.status_code == 200 and fresh.headers["ETag"] != tag


def test_a_tag_is_of_question_k_and_filters():
    client = client_of()
    asked = [
        "who",
        "what",
        "who&k=1",
        "who&source=a",
        "who&published_to=2023-01-01",
        "who%ED%A0%80",
    ]
    tags = [client.get(f"/api/v1/ask?q={one}").headers["ETag"] for one in asked]
    assert len(set(tags)) == len(tags)
    assert tags[0] == client.get("/api/v1/ask?q=who").headers["ETag"]


@pytest.mark.parametrize("path", ["ask?q=who&k=99", "ask?q=%3F", "articles/none"])
def test_no_error_has_a_tag(path):
    assert "ETag" not in client_of().get(f"/api/v1/{path}").headers
    assert "ETag" not in client_of().post("/api/v1/ask", json={"question": "who"}).headers


def test_a_client_over_the_limit_is_told_when_to_come_again():
    client = client_of(limit="2/hour")
    assert [from_address(client, "1.1.1.1").status_code for _ in range(3)] == [200, 200, 429]
    other = from_address(client, "1.1.1.1", "/api/v1/ask?q=who")
    assert other.status_code == 429 and 0 < int(other.headers["Retry-After"]) <= 3600
    assert other.content_type == "application/problem+json"
    assert "come again later" in other.get_json(force=True)["detail"]
    assert from_address(client, "1.1.1.1", "/").content_type == "text/html; charset=utf-8"
    assert from_address(client, "2.2.2.2").status_code == 200
    assert from_address(client, "1.1.1.1", "/healthz").status_code == 200


def test_a_limit_changes_no_other_reply():
    qa = FakeQA()
    client = client_of(qa, limit="1000/day")
    assert "Retry-After" not in from_address(client, "1.1.1.1").headers
    qa.broken = LibraryAway("away")
    reply = from_address(client, "1.1.1.1")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")


def test_without_a_limit_nobody_is_counted():
    client = client_of()
    replies = [from_address(client, "1.1.1.1") for _ in range(50)]
    assert {reply.status_code for reply in replies} == {200}
    assert not any(name.startswith("X-RateLimit") for name, _ in replies[0].headers)


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 200)])
def test_who_a_client_is_said_to_be_counts_only_behind_a_proxy(proxies, last):
    client = client_of(limit="1/hour", proxies=proxies)
    said = [{"X-Forwarded-For": address} for address in ("1.1.1.1", "2.2.2.2")]
    replies = [client.get("/api/v1/articles", headers=one) for one in said]
    assert [reply.status_code for reply in replies] == [200, last]


def test_a_forged_address_before_the_proxy_s_own_is_not_believed():
    client = client_of(limit="1/hour", proxies=1)
    replies = [
        client.get("/api/v1/articles", headers={"X-Forwarded-For": f"{forged}, 7.7.7.7"})
        for forged in ("1.1.1.1", "2.2.2.2")
    ]
    assert [reply.status_code for reply in replies] == [200, 429]


@pytest.mark.parametrize("origin", [THEIRS, "null", "https://evil.example"])
def test_no_other_origin_may_read_unless_it_is_named(origin):
    reply = client_of().get("/api/v1/articles", headers={"Origin": origin})
    assert not any(name.startswith("Access-Control") for name, _ in reply.headers)


def test_a_named_origin_may_ask_and_not_write():
    client = client_of(origins=f"{THEIRS} http://localhost:3000")
    for origin in (THEIRS, "http://localhost:3000"):
        reply = client.get("/api/v1/ask?q=who", headers={"Origin": origin})
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in reply.headers["Vary"]
        preflight = client.options("/api/v1/ask", headers={"Origin": origin})
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST"
        assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert "Access-Control-Allow-Credentials" not in preflight.headers
    refused = client.get("/api/v1/ask?q=%3F", headers={"Origin": THEIRS})
    assert refused.status_code == 400 and refused.headers["Access-Control-Allow-Origin"] == THEIRS
    for origin in ("null", "https://example.org.evil", "HTTPS://example.org", "*"):
        reply = client.get("/api/v1/ask?q=who", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert reply.headers["Vary"] == "Origin"
    page = client.get("/articles", headers={"Origin": THEIRS})
    assert "Access-Control-Allow-Origin" not in page.headers


def test_an_origin_is_named_as_people_write_it():
    given = "https://Example.org:443 http://example.org:80 https://a.org:8443 http://b.org:443"
    client = client_of(origins=given)
    for origin in (THEIRS, "http://example.org", "https://a.org:8443", "http://b.org:443"):
        reply = client.get("/api/v1/articles", headers={"Origin": origin})
        assert reply.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGINS", "*"),
        ("ORIGINS", "null"),
        ("ORIGINS", "https://*.example.org"),
        ("ORIGINS", "https://example.org/"),
        ("ORIGINS", "https://a.org,https://b.org/"),
        ("LIMIT", "many"),
        ("LIMIT", "0/minute"),
        ("LIMIT", "5 per fortnight"),
        ("PROXIES", "-1"),
        ("TOKEN", "short"),
        ("QUEUE", "-1"),
    ],
)
def test_a_setting_that_would_open_too_much_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"CITESPAN_{name}", value)
    with pytest.raises(SettingsError, match=f"^CITESPAN_{name} can't be used") as refused:
        read_settings()
    assert value not in str(refused.value) or name != "TOKEN"


def measured(client):
    reply = client.get("/metrics")
    assert reply.content_type.startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.get_data(as_text=True))
        for sample in family.samples
    }


def test_questions_are_counted_by_stage_and_never_told():
    qa = FakeQA()
    client = client_of(qa, threads=1, queue=0)
    qa.replied = fakes.reply(fakes.citation(PACT, 0, 3))
    object.__setattr__(qa.replied, "timings", {"read": 150.0})
    client.get("/api/v1/ask?q=secret")
    client.post("/api/v1/ask/batch", json={"questions": [{"question": "who?"}] * 2}).get_data()
    client.get("/api/v1/ask/stream?q=who").get_data()
    qa.replied = fakes.reply(reason="nothing sure enough")
    client.get("/?q=who")
    found = measured(client)
    assert found["citespan_questions_total",] == 5.0
    assert found["citespan_abstentions_total",] == 1.0
    assert found["citespan_stage_seconds_bucket", "0.1", "read"] == 0.0
    assert found["citespan_stage_seconds_bucket", "0.25", "read"] == 4.0
    assert found["citespan_reply_seconds_count",] == 5.0
    assert (found["citespan_revision",], found["citespan_waiting",]) == (7.0, 0.0)
    assert b"secret" not in client.get("/metrics").data


def test_counts_are_there_without_a_library_and_of_one_app_only():
    found = measured(client_of(FakeQA(broken=fakes.MISSING)))
    assert found["citespan_revision",] == 0.0 and found["citespan_questions_total",] == 0.0


ASKING = {
    "/api/v1/ask?q=who": None,
    "/?q=who": None,
    "/api/v1/ask/stream?q=who": None,
    "/api/v1/ask": {"question": "who?"},
    "/api/v1/ask/batch": {"questions": [{"question": "who?"}]},
    "/api/v1/table": {"questions": ["who?"], "article_ids": [PACT.id]},
}


@pytest.mark.parametrize(("path", "body"), ASKING.items(), ids=ASKING)
def test_nothing_is_read_for_longer_than_is_set(path, body):
    for given, milliseconds in ({}, 30_000), ({"answer_seconds": 0.5}, 500):
        client = client_of(qa := FakeQA(), **given)
        reply = client.get(path) if body is None else client.post(path, json=body)
        assert reply.status_code == 200 and reply.data
        assert qa.budgets == [milliseconds]


def test_a_client_may_want_less_of_a_stream_but_no_more():
    client = client_of(qa := FakeQA(), answer_seconds=10)
    for wanted in (2_000, 60_000):
        assert client.get(f"/api/v1/ask/stream?q=who&budget_ms={wanted}").data
    assert qa.budgets == [2_000, 10_000]


def test_a_reply_that_time_cut_short_says_so_and_is_kept_by_nobody():
    qa = FakeQA()
    client = client_of(qa)
    assert "ETag" in client.get("/api/v1/ask?q=who").headers
    assert LATE not in client.get("/?q=who").text
    qa.replied = replace(qa.replied, partial=True)
    reply = client.get("/api/v1/ask?q=who")
    assert reply.json["partial"] is True and "ETag" not in reply.headers
    assert LATE in client.get("/?q=who").text


def test_how_long_a_question_may_wait_is_set(monkeypatch):
    given = []
    monkeypatch.setattr(service, "Turns", lambda *limits: given.append(limits) or Turns(*limits))
    app = create_app(Settings(threads=1, queue=1, wait_seconds=0.01), FakeQA())
    assert given == [(1, 1, 0.01)] and Settings().wait_seconds == 30
    with app.app_context():
        turns = service.current().turns
    with turns.take():
        reply = app.test_client().get("/api/v1/ask?q=who")
    assert reply.status_code == 503 and reply.headers["Retry-After"] == "2"
