"""Two services on one library on Milvus, and what they say while its server is away."""

import time
from contextlib import ExitStack

import httpx
import pytest
from milvus_servers import lite_server, real_server
from served import serving

from index.build import build_articles
from index.library import MODELS
from index.place import Remote

QUESTIONS = (
    "Who built the bridge in Alder?",
    "Who built the other bridge in Birch?",
    "What is the EU?",
    "What is written on the moon?",
)
AWAY = "The library's server can't be used just now: ask again in a moment."
PATIENCE = 120  # seconds until what never comes fails its test
pytestmark = pytest.mark.model


@pytest.fixture(params=["lite", pytest.param("real", marks=pytest.mark.soak)])
def server(request, tmp_path):
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")
    with (lite_server if request.param == "lite" else real_server)(tmp_path / "server") as one:
        yield one


@pytest.fixture
def place(server, tmp_path, tiny_models):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    return Remote("127.0.0.1", server.port, "walks", folder)


@pytest.fixture
def walks(article):
    """Articles in which somebody built bridges."""

    def made(builder):
        return [
            article(
                f"The walk begins at a well. {builder} built the bridge in {town}, where walk {n}"
                " crosses the water. The European Union (EU) paid for it.",
                f"A walk in {town}",
                town,
            )
            for n, town in enumerate(("Alder", "Birch", "Cedar", "Dogwood"))
        ]

    return made


def get(service, path, **given):
    return httpx.get(f"{service.address}{path}", params=given, timeout=PATIENCE)


def said(service):
    """What a service answers to each question, but for the time it takes."""
    replies = [get(service, "/api/v1/ask", q=one, k=3) for one in QUESTIONS]
    assert [one.status_code for one in replies] == [200] * len(QUESTIONS)
    untimed = [one.json() for one in replies]
    for one in untimed:
        del one["took_ms"], one["timings"]
    return untimed


def until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.2)


def test_two_services_say_the_same_and_outlive_their_library_s_server(
    server, place, walks, tiny_embedder
):
    build_articles(walks("Mary Stone"), place, str(tiny_embedder))
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(serving(place.folder, library=place, embedder=tiny_embedder))
            for _ in range(2)
        )
        before = said(one)
        assert said(other) == before and "Mary" in before[0]["answers"][0]["text"]
        build_articles(walks("Peter Wood"), place, str(tiny_embedder))
        for service in (one, other):
            until(lambda service=service: get(service, "/readyz").json()["revision"] == 2)
        after = said(one)
        assert said(other) == after and "Peter" in after[0]["answers"][0]["text"]
        workers = [service.workers for service in (one, other)]

        server.kill()
        late = stack.enter_context(serving(place.folder, library=place, embedder=tiny_embedder))
        for service in (one, other, late):
            check_away(service, place)
        server.start()
        for service in (one, other, late):
            until(lambda service=service: get(service, "/readyz").status_code == 200)
            assert said(service) == after
        assert [service.workers for service in (one, other)] == workers
        for service in (one, other, late):
            faults = service.faults()
            assert not [line for line in faults if "trace" in line or "status" in line]
            assert any(str(place) in str(line) for line in faults)  # who runs it is told where


def check_away(service, place):
    """Nothing but honest 503s, which name no address; the process itself is well."""
    assert get(service, "/healthz").status_code == 200
    for path in ("/api/v1/ask", "/api/v1/search", "/"):
        reply = get(service, path, q="Who painted the inn of Elm?")
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5"), path
        assert "milvus" not in reply.text.lower() and str(place.port) not in reply.text
        if path != "/":
            assert reply.headers["Content-Type"] == "application/problem+json"
            assert reply.json()["detail"] == AWAY
    assert get(service, "/readyz").json()["detail"] == AWAY
    streamed = get(service, "/api/v1/ask/stream", q="Who painted the inn of Elm?")
    assert AWAY in streamed.text.replace("\\u2019", "'")
    assert service.process.poll() is None
