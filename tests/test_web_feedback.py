"""Feedback comes in for anyone, and goes out with the token."""

import pytest
from web_fakes import PACT, SECOND, WORDS, FakeQA

from web import Settings, create_app

TOKEN = "a token of some length"
RIGHT = {
    "question": "who signed?",
    "verdict": "right",
    "article_id": PACT.id,
    "start": SECOND,
    "end": SECOND + len(WORDS),
    "quote": WORDS,
}


@pytest.fixture
def client(tmp_path):
    return create_app(Settings(data=tmp_path, token=TOKEN), FakeQA()).test_client()


def export(client, token=TOKEN):
    return client.get("/api/v1/feedback", headers={"Authorization": f"Bearer {token}"})


def test_what_is_said_comes_out_as_squad(client):
    given = client.post("/api/v1/feedback", json=RIGHT)
    assert given.status_code == 201
    told = export(client).get_json()
    assert told["version"] == "v2.0"
    [paragraph] = told["data"][0]["paragraphs"]
    [row] = paragraph["qas"]
    at = row["answers"][0]["answer_start"]
    assert row["id"] == given.get_json()["id"] and row["question"] == "who signed?"
    assert paragraph["context"][at : at + len(WORDS)] == WORDS


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"start": SECOND + 1}, 400),
        ({"quote": "Nobody"}, 400),
        ({"verdict": "perhaps"}, 400),
        ({"question": "?"}, 400),
        ({"more": 1}, 400),
        ({"article_id": "none"}, 404),
    ],
)
def test_what_does_not_fit_is_refused_and_not_kept(client, change, status):
    assert client.post("/api/v1/feedback", json=RIGHT | change).status_code == status
    assert export(client).get_json()["data"] == []


def test_only_the_token_opens_it(client, tmp_path):
    for reply in (client.get("/api/v1/feedback"), export(client, "x"), export(client, "ä" * 20)):
        assert reply.status_code == 401 and reply.headers["WWW-Authenticate"] == "Bearer"
    closed = create_app(Settings(data=tmp_path), FakeQA()).test_client()
    assert export(closed).status_code == 403
    assert "CITESPAN_TOKEN" in export(closed).get_json(force=True)["detail"]
