"""Writing needs the token, runs one at a time in a process, and is seen when it is done."""

import sys
import time

import pytest
from web_fakes import PACT, FakeLibrary, FakeQA
from werkzeug.exceptions import Conflict

from index import LibraryAway, given_article
from qa import open_qa
from web import Settings, create_app
from web.indexing import Indexing

TOKEN = "a token of some length"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
TEXT = "The Alder bridge was opened by Anna Stone. It is red."
PATIENCE = 250  # seconds until a change that never ends fails its test
WRITES = [
    ("PUT", "/api/v1/articles/bridge"),
    ("DELETE", "/api/v1/articles/bridge"),
    ("POST", "/api/v1/index"),
    ("GET", "/api/v1/index"),
]


@pytest.fixture
def begun(monkeypatch):
    """The jobs that were begun; none of them runs."""
    jobs = []
    monkeypatch.setattr(Indexing, "_run", lambda self, job: jobs.append(job))
    return jobs


def client_of(shelf=None, **settings):
    qa = FakeQA(shelf=FakeLibrary() if shelf is None else shelf)
    return create_app(Settings(**{"token": TOKEN} | settings), qa).test_client()


def ended(status):
    end = time.monotonic() + PATIENCE
    while status().state == "running":
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.02)
    return status()


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_nothing_is_written_without_the_token(begun, method, path):
    for given in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
        reply = client_of().open(path, method=method, json={"text": TEXT}, headers=given)
        assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    off = client_of(token=None)
    reply = off.open(path, method=method, json={"text": TEXT}, headers=AUTHORIZED)
    assert reply.status_code == 403 and "CITESPAN_TOKEN" in reply.get_json(force=True)["detail"]
    assert begun == []


def test_the_word_before_the_token_is_the_same_in_small_letters(begun):
    for word, status in (("bearer", 200), ("BEARER", 200), ("Basic", 401)):
        given = {"Authorization": f"{word} {TOKEN}"}
        assert client_of().get("/api/v1/index", headers=given).status_code == status


def test_a_token_may_have_letters_of_any_language(begun):
    """WSGI gives the bytes of a header as Latin-1, whatever they are."""
    token = "geheimes T\u00f6kenlang \u0416"
    given = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    client = client_of(token=token)
    assert client.open("/api/v1/index", headers=given).status_code == 200
    given = {"Authorization": f"Bearer {token}x".encode().decode("latin-1")}
    assert client.open("/api/v1/index", headers=given).status_code == 401


@pytest.mark.parametrize("library", [None, "milvus://127.0.0.1:19530/name"])
def test_what_is_asked_for_becomes_a_job(begun, tmp_path, library):
    shelf = FakeLibrary(stored=(given_article("bridge", {"text": TEXT}),))
    wanted = [
        ({"put": "bridge", "fields": {"text": TEXT, "title": "T"}}, "put bridge"),
        ({"remove": "bridge"}, "delete bridge"),
        ({"folder": str(tmp_path)}, "index"),
    ]
    for (method, path), (job, name) in zip(WRITES[:3], wanted, strict=True):
        given = {"data": tmp_path, "library": library, "embedder": "e"}
        client = client_of(shelf, articles=tmp_path, milvus_token="user:word", **given)
        sent = {"text": TEXT, "title": "T"} if method == "PUT" else None
        reply = client.open(path, method=method, json=sent, headers=AUTHORIZED)
        assert (reply.status_code, reply.headers["Location"]) == (202, "/api/v1/index")
        assert (reply.get_json()["state"], reply.get_json()["job"]) == ("running", name)
        told = given | {"data": str(tmp_path), "token": "user:word"}
        assert begun.pop() == told | job
        again = client.open(path, method=method, json=sent, headers=AUTHORIZED)
        assert again.status_code == 409 and begun == []


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("PUT", f"/api/v1/articles/{PACT.id}", {"text": TEXT}, 409),
        ("DELETE", f"/api/v1/articles/{PACT.id}", None, 409),
        ("DELETE", "/api/v1/articles/none", None, 404),
        ("PUT", "/api/v1/articles/-", {"text": TEXT}, 400),
        ("PUT", "/api/v1/articles/a%20b", {"text": TEXT}, 400),
        ("PUT", "/api/v1/articles/a", {"text": " "}, 400),
        ("PUT", "/api/v1/articles/a", {"title": "T"}, 400),
        ("PUT", "/api/v1/articles/a", {"text": TEXT, "origin": "/etc/passwd"}, 400),
        ("PUT", "/api/v1/articles/a", {"text": TEXT, "id": "b"}, 400),
        ("POST", "/api/v1/index", None, 403),
        ("POST", "/api/v1/index?folder=/etc", None, 400),
    ],
)
def test_what_can_not_be_written_is_refused_at_once(begun, method, path, sent, status):
    reply = client_of().open(path, method=method, json=sent, headers=AUTHORIZED)
    assert reply.status_code == status and begun == []


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"published": "soon"}, "Published must be a day such as 2023-01-31."),
        ({"published": ""}, "Published must be a day such as 2023-01-31."),
        ({"url": "https://example.org/a b"}, "Url must be an address such as https://example"),
        ({"url": "javascript:alert(1)"}, "Url must be an address such as https://example"),
    ],
)
def test_a_field_that_would_be_lost_is_refused(begun, field, said):
    sent = {"text": TEXT} | field
    reply = client_of().put("/api/v1/articles/a", json=sent, headers=AUTHORIZED)
    assert reply.status_code == 400 and begun == []
    assert reply.get_json(force=True)["detail"].startswith(said)


def program(code):
    return Indexing(lambda: None, [sys.executable, "-c", f"import sys, json; {code}"])


def test_a_change_is_followed_to_its_report():
    fresh = []
    indexing = program(
        "job = json.load(sys.stdin);"
        "print(json.dumps({'done': 3, 'total': 4}), flush=True);"
        "print(json.dumps({'report': job}), flush=True)"
    )
    indexing._fresh = lambda: fresh.append(indexing.status().state)
    assert indexing.status().state == "idle"
    assert indexing.start("index", {"a": "🙂"}).state == "running"
    status = ended(indexing.status)
    assert (status.state, status.job, status.done, status.total) == ("done", "index", 3, 4)
    assert status.report == {"a": "🙂"} and fresh == ["running"]


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("print(json.dumps({'problem': 'locked'})); sys.exit(1)", "locked"),
        ("sys.exit(3)", "without a word"),
        ("sys.stdin.close(); sys.exit(0)", "without a word"),
        ("print(json.dumps({'done': 1, 'total': 2}))", "without a word"),
        ("print('no json')", "without a word"),
    ],
)
def test_a_change_that_fails_says_why_and_the_next_may_begin(code, detail):
    indexing = program(code)
    for _ in range(2):
        indexing.start("index", {"text": "x" * 200_000})
        status = ended(indexing.status)
        assert status.state == "failed" and detail in status.detail and status.report is None


def test_a_change_that_is_made_is_done_though_it_can_not_be_seen_yet(caplog):
    indexing = program("print(json.dumps({'report': json.load(sys.stdin)}))")

    def away():
        raise LibraryAway("the library's server is away")

    indexing._fresh = away
    indexing.start("index", {"a": 1})
    status = ended(indexing.status)
    assert (status.state, status.report, status.detail) == ("done", {"a": 1}, None)
    assert "is not seen yet" in caplog.text


def test_one_change_at_a_time():
    indexing = program("sys.stdin.read(); sys.stdin = open(sys.argv[0] or '/dev/null')")
    indexing.start("one", {})
    with pytest.raises(Conflict):
        while indexing.status().state == "running":
            indexing.start("two", {})
        raise Conflict
    ended(indexing.status)


@pytest.mark.model
def test_an_article_that_is_put_answers_until_it_is_deleted(new_library, article, tmp_path):
    data = new_library([article("A walk begins in the old town of Beech.", "Walk")])
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "mill.txt").write_text("Peter Wood built the mill.", encoding="utf-8")
    qa = open_qa(data)
    settings = Settings(token=TOKEN, data=data, articles=tmp_path / "articles")
    client = create_app(settings, qa).test_client()

    def change(method, path, sent=None):
        assert client.open(path, method=method, json=sent, headers=AUTHORIZED).status_code == 202
        end = time.monotonic() + PATIENCE
        while (now := client.get("/api/v1/index", headers=AUTHORIZED).get_json())[
            "state"
        ] != "done":
            assert now["state"] == "running" and time.monotonic() < end, now
            time.sleep(0.05)
        return now["report"]

    def answers(question):
        return [a["text"] for a in client.get(f"/api/v1/ask?q={question}").get_json()["answers"]]

    assert change("PUT", "/api/v1/articles/bridge", {"text": TEXT})["added"] == 1
    assert client.get("/api/v1/articles/bridge").get_json()["text"] == TEXT
    assert "Anna Stone" in answers("who opened the Alder bridge?")
    assert change("POST", "/api/v1/index")["added"] == 1
    assert "Peter Wood" in answers("who built the mill?")
    assert client.get("/api/v1/articles").get_json()["total"] == 3
    assert change("DELETE", "/api/v1/articles/bridge")["removed"] == 1
    assert client.get("/api/v1/articles/bridge").status_code == 404
    assert "Anna Stone" not in answers("who opened the Alder bridge?")
