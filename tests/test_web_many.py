"""Several replies to one request: lines, events, a table."""

import csv
import io
import json
from dataclasses import replace

import pytest
import web_fakes as fakes
from web_fakes import EVIL, PACT, FakeLibrary, FakeQA

from index import LibraryCorrupt
from qa import Filters, reply_json
from web import Settings, create_app, service


@pytest.fixture
def qa():
    return FakeQA()


@pytest.fixture
def app(qa):
    return create_app(Settings(threads=1, queue=0), qa)


@pytest.fixture
def client(app):
    return app.test_client()


def turns(app):
    with app.app_context():
        return service.current().turns


def events(reply):
    assert reply.content_type == "text/event-stream"
    parts = [part.split("\n") for part in reply.get_data(as_text=True).split("\n\n") if part]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in parts
    ]


def test_a_batch_is_a_line_a_reply_in_order(client, qa, app):
    questions = [{"question": "who?"}, {"question": "when?", "k": 1, "sources": ["Post"]}]
    reply = client.post("/api/v1/ask/batch", json={"questions": questions})
    assert reply.content_type == "application/x-ndjson"
    wanted = json.loads(json.dumps(reply_json(qa.replied)))
    assert [json.loads(line) for line in reply.data.splitlines()] == [wanted, wanted]
    assert qa.asked == [("who?", 3), ("when?", 1)]
    assert qa.filtered == [Filters(), Filters(sources=("Post",))]
    reply.close()
    assert turns(app).taken == 0


def test_an_error_amid_a_batch_is_a_line_of_its_own(client, qa):
    def asked(question, k, filters, budget_ms):
        if question == "two":
            raise LibraryCorrupt("torn")
        return qa.replied

    qa.ask = asked
    questions = [{"question": one} for one in ("one", "two", "three")]
    reply = client.post("/api/v1/ask/batch", json={"questions": questions})
    first, second, third = (json.loads(line) for line in reply.data.splitlines())
    assert first == third == json.loads(json.dumps(reply_json(qa.replied)))
    assert second["status"] == 503 and second["detail"].startswith("The library is damaged")


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([], "at least 1 item"),
        ([{"question": "who?"}] * 51, "at most 50 items"),
        ([{"question": "who?"}, {"question": "?"}], "Type a question"),
        ([{"question": "who?"}, {"question": "who?", "k": 11}], "1 to 10"),
        ([{"question": "who?", "published_to": "2023"}], "a day such as"),
        ([{"question": "who?", "more": 1}], "more"),
        (["who?"], "must be an object"),
    ],
)
def test_a_batch_with_anything_wrong_is_refused_whole(client, qa, questions, said):
    reply = client.post("/api/v1/ask/batch", json={"questions": questions})
    assert reply.status_code == 400 and said.lower() in reply.get_json(force=True)["detail"].lower()
    assert qa.asked == []


def test_a_stream_tells_passages_then_answers_then_the_whole(client, qa, app):
    qa.stream = lambda *given: iter(
        [
            replace(qa.replied, answers=(), partial=True),
            replace(qa.replied, answers=(), partial=True),
            replace(qa.replied, partial=True),
            replace(qa.replied, partial=True),
            qa.replied,
        ]
    )
    told = events(client.get("/api/v1/ask/stream?q=who"))
    assert [name for name, _ in told] == ["passages", "answers", "done"]
    assert told[0][1]["answers"] == [] and told[0][1]["passages"]
    assert told[1][1]["partial"] is True and told[1][1]["answers"]
    assert told[2][1] == json.loads(json.dumps(reply_json(qa.replied)))
    assert turns(app).taken == 0


def test_a_stream_takes_filters_and_a_budget(client, qa):
    told = events(client.get("/api/v1/ask/stream?q=who&k=2&budget_ms=0&article_id=a&article_id=b"))
    assert told[-1][0] == "done" and told[-1][1]["partial"] is True
    assert qa.filtered == [Filters(article_ids=("a", "b"))]
    for budget in ("-1", "60001", "soon"):
        assert client.get(f"/api/v1/ask/stream?q=who&budget_ms={budget}").status_code == 400


def test_a_stream_that_breaks_says_so_and_frees_its_turn(client, qa, app):
    def stream(*given):
        yield qa.replied
        raise LibraryCorrupt("torn")

    qa.stream = stream
    told = events(client.get("/api/v1/ask/stream?q=who"))
    assert [name for name, _ in told] == ["passages", "problem"]
    assert told[1][1]["detail"].startswith("The library is damaged")
    assert turns(app).taken == 0


def test_a_reader_who_leaves_frees_the_turn(client, app):
    reply = client.get("/api/v1/ask/stream?q=who", buffered=False)
    assert turns(app).taken == 1
    assert client.get("/api/v1/ask?q=who").status_code == 503
    reply.close()
    assert turns(app).taken == 0
    client.head("/api/v1/ask/stream?q=who").close()
    assert turns(app).taken == 0


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/?q=who", None),
        ("GET", "/api/v1/ask?q=who", None),
        ("GET", "/api/v1/search?q=who", None),
        ("GET", "/api/v1/ask/stream?q=who", None),
        ("POST", "/api/v1/ask", {"question": "who?"}),
        ("POST", "/api/v1/ask/batch", {"questions": [{"question": "who?"}]}),
        ("POST", "/api/v1/table", {"questions": ["who?"], "article_ids": [PACT.id]}),
    ],
)
def test_whatever_asks_is_told_to_come_again_when_nobody_more_may_wait(
    client, app, qa, method, path, sent
):
    with turns(app).take():
        reply = client.open(path, method=method, json=sent)
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
    assert b"ask again in a moment" in reply.data
    assert qa.asked == []
    assert client.open(path, method=method, json=sent).status_code == 200


def test_a_table_asks_each_question_of_each_article_alone(client, qa):
    asked = {"questions": ["who?", " when? "], "article_ids": [EVIL.id, PACT.id]}
    told = client.post("/api/v1/table", json=asked).get_json()
    assert told["questions"] == ["who?", "when?"]
    assert [row["article_id"] for row in told["rows"]] == [EVIL.id, PACT.id]
    best = json.loads(json.dumps(reply_json(qa.replied)))["answers"][0]
    for row in told["rows"]:
        assert row["cells"] == [{"answer": best, "reason": None}] * 2
    assert qa.asked == [("who?", 1), ("when?", 1)] * 2
    assert [one.article_ids for one in qa.filtered] == [(EVIL.id,)] * 2 + [(PACT.id,)] * 2


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u3000＝", "|", "%"]
)
def test_no_cell_of_a_csv_table_is_a_formula(qa, start):
    nasty = replace(PACT, title=f'{start}HYPERLINK("http://x")', text=f"{start}cmd|' /C calc'!A0")
    qa.shelf = FakeLibrary(stored=(nasty,))
    qa.replied = fakes.reply(fakes.citation(nasty, 0, len(nasty.text)))
    client = create_app(Settings(), qa).test_client()
    asked = {"questions": [f'{start.strip()}who, "signed"?'], "article_ids": [nasty.id]}
    reply = client.post("/api/v1/table?format=csv", json=asked)
    assert reply.content_type == "text/csv; charset=utf-8"
    header, row = csv.reader(io.StringIO(reply.get_data(as_text=True), newline=""))
    assert header[:4] == ["id", "title", "published", "url"]
    assert row[4] == f"'{nasty.text}" and row[1] == f"'{nasty.title}"
    for cell in [*header, *row]:
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_no_answer_is_an_empty_cell_with_its_reason(client, qa):
    qa.replied = fakes.reply(reason="nothing sure enough")
    asked = {"questions": ["who?"], "article_ids": [PACT.id]}
    told = client.post("/api/v1/table", json=asked).get_json()
    assert told["rows"][0]["cells"] == [{"answer": None, "reason": "nothing sure enough"}]
    lines = client.post("/api/v1/table?format=csv", json=asked).get_data(as_text=True).split("\r\n")
    assert lines[1].endswith(",") and lines[2] == ""


@pytest.mark.parametrize(
    ("query", "asked", "status"),
    [
        ("?format=xml", {}, 400),
        ("?form=csv", {}, 400),
        ("", {"article_ids": ["none"]}, 404),
        ("", {"article_ids": []}, 400),
        ("", {"questions": ["?"]}, 400),
        ("", {"questions": ["who?"] * 51, "article_ids": [PACT.id, EVIL.id]}, 400),
    ],
)
def test_a_table_that_can_not_be_made_is_refused(client, qa, query, asked, status):
    whole = {"questions": ["who?"], "article_ids": [PACT.id]} | asked
    assert client.post(f"/api/v1/table{query}", json=whole).status_code == status
    assert qa.asked == []
