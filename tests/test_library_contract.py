"""One contract, three libraries: in a folder, on Milvus Lite, and on a Milvus server.

The checks stand in index/contract/, so that `citespan verify --contract` runs the same on any
server. This one is 2.3.5, the newest that a machine can install by itself; it has no BM25.
"""

import socket

import pytest
from click.testing import CliRunner
from milvus_servers import lite, real

from index.contract import CHECKS, ON_A_SERVER, Bench
from index.milvus import Milvus
from index.place import Remote
from index.remote import RemoteLibrary
from qa.cli import main

SERVERS = {"lite": lite, "real": real}
ANYWHERE = pytest.mark.parametrize("bench", ["folder", *SERVERS], indirect=True, scope="module")
ON_SERVERS = pytest.mark.parametrize("bench", SERVERS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def bench(request, tmp_path_factory, tiny_embedder, tiny_models):
    """Where libraries are made."""
    kind, home = request.param, tmp_path_factory.mktemp(request.param)
    embedder = str(tiny_embedder)
    if kind == "folder":
        one = Bench(home, tiny_models, embedder, None)
        yield one
        one.close()
        return
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")
    with SERVERS[kind](tmp_path_factory.mktemp("server")) as port:
        server = Remote("127.0.0.1", port, "contract", home)
        one = Bench(home, tiny_models, embedder, server)
        yield one
        one.close()
        for name in ("islands", "changing"):
            milvus = Milvus(Remote("127.0.0.1", port, f"contract_{name}", home))
            assert not milvus.has(milvus.rows) and not milvus.has(milvus.passages)
            milvus.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What readers have once heard of articles they keep from the start."""
    monkeypatch.setattr("index.remote._BEHIND", -1.0)


def run(check, bench):
    try:
        check(bench)
    finally:
        bench.clear()


@ANYWHERE
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_library_keeps_the_contract(bench, check):
    run(check, bench)


@ON_SERVERS
@pytest.mark.parametrize("check", ON_A_SERVER, ids=lambda check: check.__name__)
def test_a_library_on_a_server_does(bench, check):
    run(check, bench)


@ANYWHERE
def test_the_real_server_alone_has_no_words(bench, request):
    """So that what is checked of words is checked at all."""
    notes = [note for note in bench.islands.notes if "no BM25" in note]
    assert len(notes) == ("real" in request.node.name.split("[")[1])


def verified(server, bench):
    """Exit code and lines of citespan verify --contract."""
    given = ("--embedder", bench.embedder, "--data", str(bench.folder("data")))
    told = CliRunner().invoke(main, ["verify", "--contract", server, *given])
    return told.exit_code, told.output.splitlines()


@pytest.mark.parametrize("bench", ["lite"], indirect=True, scope="module")
def test_the_command_checks_a_server_and_leaves_nothing_there(bench, monkeypatch):
    [listed] = [one for one in CHECKS if one.__name__.startswith("articles_are_listed")]
    monkeypatch.setattr("index.contract.run.CHECKS", (listed,))
    server, milvus = f"milvus://127.0.0.1:{bench.server.port}", Milvus(bench.server)
    before = milvus._client.list_collections()
    code, lines = verified(server, bench)
    assert code == 0 and lines[-1] == f"all {1 + len(ON_A_SERVER)} hold"
    assert lines[0].startswith("holds   articles are listed newest first and by words of their")
    monkeypatch.setattr("index.contract.run.ON_A_SERVER", ())
    monkeypatch.setattr(RemoteLibrary, "sources", lambda self: [])
    code, lines = verified(server, bench)
    assert (code, lines[-1]) == (1, "1 of 1 check broken")
    assert lines[0].startswith("broken  articles are listed newest first and by words of their")
    assert ": sources: [(" in lines[0] and lines[0].endswith(" is right, found was []")
    assert milvus._client.list_collections() == before
    milvus.close()


@pytest.mark.parametrize("bench", ["folder"], indirect=True, scope="module")
def test_what_is_no_server_is_one_sentence(bench):
    for address in ("milvus://127.0.0.1:19530/name", "localhost", "http://127.0.0.1:19530"):
        said = f"citespan: {address} is no address of a server: write milvus://HOST:PORT"
        assert verified(address, bench) == (2, [said])
    code, [line] = verified("milvus://me:secret@127.0.0.1:19530", bench)
    assert code == 2 and "holds no password" in line and "secret" not in line
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, [line] = verified(f"milvus://127.0.0.1:{port}", bench)
    assert code == 2 and "can't be reached: see that Milvus runs there" in line
