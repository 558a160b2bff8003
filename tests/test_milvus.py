"""A library on Milvus as a user has it: the command, the service, and a server that goes away."""

import json
import socket
import sqlite3
import sys
import time
from itertools import count

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from milvus_servers import Line, soon
from served import serving

from index.build import build_articles
from index.errors import LibraryCorrupt, LibraryError
from index.library import MODELS
from index.migrate import migrate
from index.milvus import Milvus
from index.opened import open_library
from index.place import Remote, place_of
from index.put import put
from qa.cli import main

QUESTION = "Who built the bridge in Alder?"
TEXT = "The walk begins at a well 😀.\n\n{} built the bridge in Alder, where the walk ends."
pytestmark = pytest.mark.model


@pytest.fixture
def line(lite_port):
    one = Line(lite_port)
    yield one
    one.cut()


@pytest.fixture
def folder(tmp_path, tiny_models):
    """Where the models lie."""
    one = tmp_path / "data"
    one.mkdir()
    (one / MODELS).symlink_to(tiny_models)
    return one


@pytest.fixture
def run(folder, tiny_embedder):
    """Runs the command; its exit code and what it says, on both streams."""

    def go(*arguments, **environment):
        given = {"CITESPAN_DATA": str(folder), "CITESPAN_EMBEDDER": str(tiny_embedder)}
        told = CliRunner().invoke(main, [*map(str, arguments)], env=given | environment)
        return told.exit_code, told.output

    return go


def write(folder, builder):
    folder.mkdir(exist_ok=True)
    (folder / "walk.txt").write_text(f"The walk\n\n{TEXT.format(builder)}", encoding="utf-8")
    return folder


def test_the_command_and_the_service_work_on_a_server_that_comes_and_goes(
    run, line, folder, tmp_path, tiny_embedder
):
    address = f"milvus://127.0.0.1:{line.port}/walks"
    code, said = run("index", write(tmp_path / "walks", "Mary Stone"), CITESPAN_LIBRARY=address)
    assert code == 0 and "library: 1 article, 1 passage, revision 1" in said, said
    assert not (folder / "library.db").exists()
    code, said = run("stats", "--library", address)
    assert code == 0 and "articles    1\npassages    1\nrevision    1\n" in said
    code, said = run("ask", QUESTION, "--json", "--library", address)
    [citation] = json.loads(said)["answers"][0]["citations"]
    with serving(folder, library=address, embedder=tiny_embedder) as served:

        def get(path, **given):
            return httpx.get(f"{served.address}{path}", params=given, timeout=60)

        [answer] = get("/api/v1/ask", q=QUESTION).json()["answers"]
        assert answer["citations"] == [citation]
        text = get(f"/api/v1/articles/{citation['article_id']}").json()["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert "Mary" in citation["quote"]
        assert get("/", q=QUESTION).status_code == get("/articles").status_code == 200
        line.cut()
        away = get("/api/v1/ask", q="Who built the other bridge in Birch?")
        assert away.status_code == 503
        assert away.json()["detail"].startswith("The library's server can't be used just now")
        assert f"library {address} can't be reached: see that Milvus runs" in served.log.read_text()
        line.mend()
        write(tmp_path / "walks", "Peter Wood")
        soon(lambda: open_library(place_of(folder, address)).close())
        code, said = run("index", tmp_path / "walks", "--library", address)
        assert code == 0 and "1 changed" in said and "revision 2" in said, said
        for _ in range(100):
            reply = get("/api/v1/ask", q=QUESTION)
            if reply.status_code == 200 and reply.json()["revision"] == 2:
                break
            time.sleep(0.2)
        assert "Peter" in reply.json()["answers"][0]["text"]
        assert served.process.poll() is None


def test_a_line_that_is_cut_in_the_midst_of_a_run_leaves_nothing_half(
    line, folder, article, tiny_embedder, monkeypatch
):
    place = Remote("127.0.0.1", line.port, "cut", folder)

    def told(builder):
        return [article(TEXT.format(f"{builder} {n}"), name=f"{n}") for n in range(3)]

    build_articles(told("Mary"), place, str(tiny_embedder))
    monkeypatch.setattr("index.milvus._PATIENCE", 1.5)
    # Rows are put for the run, its claims, the texts, their heads, and four times to publish.
    for name, at in [*(("put_rows", n) for n in (1, 2, 3, 4, 8)), ("put_passages", 1)]:
        calls, inner = count(1), getattr(Milvus, name)

        def cut(self, rows, at=at, calls=calls, inner=inner):
            if next(calls) == at:
                line.cut()
            inner(self, rows)

        with monkeypatch.context() as patch:
            patch.setattr(Milvus, name, cut)
            with pytest.raises(LibraryError, match=rf"^the library {place} can't be reached: see "):
                build_articles(told(f"{name} {at}"), place, str(tiny_embedder))
        line.mend()
        library = soon(lambda: open_library(place))
        assert (library.revision, library.counts().articles) == (1, 3)
        hits = library.hits(library.nearest(np.full(16, 0.25, np.float32), 9))
        assert {hit.passage.text for hit in hits} == {one.text for one in told("Mary")}
        library.close()
    report = build_articles(told("Peter"), place, str(tiny_embedder))
    assert (report.changed, report.revision, report.passages) == (3, 2, 3)
    library = open_library(place)
    hits = library.hits(library.nearest(np.full(16, 0.25, np.float32), 9))
    assert {hit.passage.text for hit in hits} == {one.text for one in told("Peter")}
    library.close()


@pytest.mark.parametrize("command", [["stats"], ["ask", QUESTION], ["index", "."]])
def test_a_server_that_is_not_there_is_one_sentence(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("index.milvus._PATIENCE", 1.0)  # who writes waits as long
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, said = run(*command, "--library", f"milvus://127.0.0.1:{port}/name")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(
        f"citespan: the library milvus://127.0.0.1:{port}/name can't be reached: see"
    )


@pytest.mark.parametrize(
    "address",
    ["milvus://host/name", "milvus://host:19530", "milvus://:1/a", "milvus://h:70000/a", "var"],
)
def test_what_is_no_address_is_told(run, address):
    code, said = run("stats", "--library", address)
    assert (code, said.count("\n")) == (2, 1)
    assert f"{address} is no address of a library: write milvus://HOST:PORT/NAME" in said


def test_a_library_is_taken_along_by_the_command(run, lite_port, tmp_path, folder):
    code, said = run("index", write(tmp_path / "walks", "Mary Stone"))
    assert code == 0
    address = f"milvus://127.0.0.1:{lite_port}/moved"
    code, said = run("migrate", folder, address)
    assert code == 0 and said.endswith("1 article compared: as they were\n"), said
    assert run("stats", "--library", address)[1].startswith("articles    1\npassages    1\n")
    code, said = run("migrate", "milvus://nowhere", folder)
    assert code == 2 and "is no address of a library" in said


def test_an_article_that_arrives_otherwise_is_told(folder, tmp_path, article, tiny_embedder):
    build_articles([article("One."), article("Two.", name="2")], folder, str(tiny_embedder))
    other = tmp_path / "other"
    other.mkdir()
    (other / MODELS).symlink_to(folder / MODELS)
    taken = migrate(folder, other, str(tiny_embedder))
    assert (taken.added, taken.removed) == (2, 0)
    with sqlite3.connect(other / "library.db") as db:
        db.execute("UPDATE articles SET text = 'Too.' WHERE text = 'Two.'")
    db.close()
    with pytest.raises(LibraryCorrupt, match="did not arrive as it was: do it once more"):
        migrate(folder, other, str(tiny_embedder))
    with pytest.raises(LibraryCorrupt, match="is damaged"):
        migrate(other, folder, str(tiny_embedder))


def test_all_is_taken_along_also_what_says_the_same(folder, tmp_path, article, tiny_embedder):
    put("bridge", {"text": "The bridge is red."}, folder, str(tiny_embedder))
    file, embedder = article("The bridge is red.", name="one.txt"), str(tiny_embedder)
    build_articles([file], folder, embedder, lambda origin: False)
    other = tmp_path / "other"
    other.mkdir()
    (other / MODELS).symlink_to(folder / MODELS)
    taken = migrate(folder, other, str(tiny_embedder))
    assert (taken.added, taken.duplicate, taken.articles) == (2, 0, 2)


def test_an_old_server_and_a_missing_client_are_told(lite_port, folder, monkeypatch):
    place = place_of(folder, f"milvus://127.0.0.1:{lite_port}/name")
    with monkeypatch.context() as patch:
        patch.setattr("pymilvus.MilvusClient.get_server_version", lambda *_, **__: "v2.2.16")
        with pytest.raises(
            LibraryError, match=r"^the server of milvus://.*/name is v2\.2\.16: Milvus must"
        ):
            open_library(place)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(
        LibraryError, match=r"/name needs pymilvus: \.venv/bin/pip install -e '\.\[milvus\]'"
    ):
        open_library(place)


def test_a_collection_of_something_else_is_told(lite_port, folder, tiny_embedder, article):
    """Somebody else's collection under our name is not written into."""
    place = place_of(folder, f"milvus://127.0.0.1:{lite_port}/foreign")
    milvus = Milvus(place)
    milvus._client.create_collection(milvus.rows, dimension=4)
    for attempt in (
        open_library,
        lambda place: build_articles([article("A.")], place, str(tiny_embedder)),
    ):
        with pytest.raises(
            LibraryError, match=r"^foreign_rows is a collection of something else: .*/foreign$"
        ):
            attempt(place)
    assert milvus._client.query(milvus.rows, filter="id >= 0", limit=9) == []
    milvus.close()
