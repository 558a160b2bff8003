"""A server of a library that is gone for seconds, hangs, or takes no more."""

import threading
import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from milvus_servers import Line, lite_server, real_server, soon

from index.build import build_articles
from index.errors import LibraryAway
from index.library import MODELS
from index.milvus import Milvus
from index.opened import open_library
from index.place import Remote

TEXT = "{} built the bridge in Alder, where the walk ends."
FULL = ("quotaAndLimits.enabled=true", "quotaAndLimits.limitWriting.forceDeny=true")
pytestmark = pytest.mark.model


@pytest.fixture
def server(tmp_path):
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")
    with lite_server(tmp_path / "server") as one:
        yield one


@pytest.fixture
def place(tmp_path, tiny_models):
    """Gives the place of a library on the server at this port."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    return lambda port: Remote("127.0.0.1", port, "walks", folder)


@pytest.fixture
def build(article, tiny_embedder):
    """Brings the library at a place to three articles of what a builder built."""

    def run(place, builder):
        told = [article(TEXT.format(f"{builder} {n}"), name=f"{n}") for n in range(3)]
        return build_articles(told, place, str(tiny_embedder))

    return run


def builders(place):
    """Who built what, by a library that is opened for it."""
    library = soon(lambda: open_library(place))
    hits = library.hits(library.nearest(np.full(16, 0.25, np.float32), 9))
    library.close()
    return {hit.passage.text.split()[0] for hit in hits}


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_run_waits_for_a_server_that_is_back_within_seconds(
    server, place, build, monkeypatch, at
):
    line = Line(server.port)
    here = place(line.port)
    build(here, "Mary")
    calls, inner = count(1), Milvus.put_rows

    def cut(self, rows):
        if next(calls) == at:
            line.cut()
            threading.Timer(1.5, line.mend).start()
        inner(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Milvus, "put_rows", cut)
        assert build(here, "Peter").changed == 3
    assert next(calls) > at
    assert builders(here) == {"Peter"}
    line.cut()


def test_a_server_that_hangs_is_given_up_and_taken_up_again(server, place, build, monkeypatch):
    here = place(server.port)
    build(here, "Mary")
    library = open_library(here)
    monkeypatch.setattr("index.milvus._PATIENCE", 1.0)
    server.pause()
    try:
        for call in (
            lambda: library.nearest(np.full(16, 0.25, np.float32), 9),
            lambda: build(here, "Peter"),
        ):
            with pytest.raises(LibraryAway, match=r"can't be reached: see that Milvus runs there"):
                call()
    finally:
        server.resume()
    library.close()
    assert builders(here) == {"Mary"}
    assert soon(lambda: build(here, "Peter")).changed == 3
    assert builders(here) == {"Peter"}


def await_quota(write):
    """Until a write is refused: a server looks at its quota only some seconds after its start."""
    for number in count():
        try:
            write(number)
        except LibraryAway:
            return
        time.sleep(1)


@pytest.mark.soak
def test_a_server_that_takes_no_more_says_so_and_answers_on(tmp_path, place, build):
    with real_server(tmp_path / "server") as server:
        here = place(server.port)
        build(here, "Mary")
        server.kill()
        server.command += FULL
        server.start()
        await_quota(lambda number: build(replace(here, name="others"), f"{number}"))
        with pytest.raises(
            LibraryAway, match=r"^the server of milvus://.*/walks refuses: quota exceeded"
        ):
            build(here, "Peter")
        assert builders(here) == {"Mary"}
        server.kill()
        del server.command[-len(FULL) :]
        server.start()
        assert build(here, "Peter").changed == 3
        assert builders(here) == {"Peter"}


@pytest.mark.soak
@pytest.mark.parametrize("runs", [1, 6])
def test_of_many_passages_each_is_looked_at(runs, tmp_path, place, article, tiny_embedder):
    """What a server has not indexed yet it samples: it found 1,900 of 12,000 passages."""
    with real_server(tmp_path / "server") as server:
        here = place(server.port)
        told = [article(f"Walk {n} ends at hut {n}.", name=f"{n}") for n in range(8000)]
        for run in range(1, runs + 1):
            build_articles(told[: len(told) * run // runs], here, str(tiny_embedder))
        library = open_library(here)
        assert len(library.nearest(np.full(16, 0.25, np.float32), 8000)) == 8000
        library.close()
