"""A library on a server is watched for, kept in a file and put back as one in a folder."""

import json
import socket
from dataclasses import replace

import pytest
from click.testing import CliRunner
from foreign import foreign_site
from labelled import ferries, squad
from test_watch import EVERY, FEED, ITEM, NOW, PAGE, WORDS

from index import Failure, Remote, backup, build_articles, open_library, restore, verify
from index.errors import LibraryCorrupt, LibraryError, LibraryMissing
from index.fetch import Visitor, polite
from index.library import MODELS
from index.milvus import Milvus
from index.remote_versions import read_versions
from index.watch.feeds import Watched
from index.watch.round import play_round
from index.watch.state import load_state, state_file
from qa.cli import main

pytestmark = pytest.mark.model


@pytest.fixture
def new_folder(tmp_path, tiny_models):
    """Makes a folder with models in it."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / MODELS).symlink_to(tiny_models)
        return folder

    return make


@pytest.fixture
def place(lite_port, new_folder, request):
    """A library to be on the server, under a name that no other test has."""
    return Remote("127.0.0.1", lite_port, request.node.name[:60].split("[")[0], new_folder("data"))


@pytest.fixture
def run(tiny_embedder, tmp_path):
    """Runs the command for a library; its exit code and what it says, on both streams."""

    def go(place, *arguments):
        environment = {"CITESPAN_DATA": str(tmp_path / "data"), "CITESPAN_LIBRARY": str(place)}
        environment["CITESPAN_EMBEDDER"] = str(tiny_embedder)
        told = CliRunner().invoke(main, [*map(str, arguments)], env=environment)
        return told.exit_code, told.output

    return go


@pytest.fixture
def animals(article):
    return [
        replace(article("", "Nothing in it", "0.txt"), source="Zoo", page_starts=(0,)),
        article("The alpaca (AL) slept 🙂.", "Alpaca", "1.txt"),
        article(" ".join(f"Beaver {n} felled a tree of age {n}." for n in range(60)), "B", "2.txt"),
    ]


def held(place):
    """All that can be read of the articles, and what could not be read."""
    library = open_library(place)
    try:
        return {one.id: one for one in library.articles(0, 99)}, library.failures()
    finally:
        library.close()


def test_a_backup_moves_a_library_either_way(place, animals, article, new_folder, tiny_embedder):
    failure, embedder = Failure("broken.pdf", "is no PDF"), str(tiny_embedder)
    build_articles([article("Soon gone.", name="3.txt")], place, embedder)
    build_articles([*animals, failure], place, embedder)
    file, folder = place.folder / "kept.zip", new_folder("there")
    assert backup(place, file) == 2
    report = restore(file, folder, embedder)
    assert (report.articles, report.embedded, verify(folder)) == (3, 0, [])
    assert held(folder) == held(place) == ({one.id: one for one in animals}, [failure])
    build_articles([article("Something else.", name="4.txt")], folder, embedder)
    other = replace(place, name=f"{place.name}_other")
    build_articles([article("Something else.", name="5.txt"), animals[0]], other, embedder)
    report = restore(file, other, embedder)
    assert (report.added, report.unchanged, report.removed, verify(other)) == (2, 1, 1, [])
    assert held(other) == held(place)


def test_a_backup_of_what_is_damaged_is_refused(place, animals, tiny_embedder):
    build_articles(animals, place, str(tiny_embedder))
    library, milvus = open_library(place), Milvus(place)
    milvus.load(milvus.passages)
    [beaver] = [one for one in read_versions(milvus, library.heads()) if one.head.title == "B"]
    milvus.delete(milvus.passages, [beaver.passages[1]["id"]])
    with pytest.raises(LibraryCorrupt, match=r"\(B\) is damaged: run citespan verify --repair"):
        backup(place, place.folder / "kept.zip")
    assert not list(place.folder.glob("kept*"))
    library.close()
    milvus.close()


def test_what_can_not_be_kept_or_put_back_is_told(place, animals, run, tiny_embedder):
    file = place.folder / "kept.zip"
    with pytest.raises(LibraryMissing):
        backup(place, file)
    file.write_bytes(b"no backup")
    assert run(place, "restore", file) == (
        2,
        f"citespan: {file} is no backup that can be read: take another\n",
    )
    build_articles(animals, place, str(tiny_embedder))
    code, said = run(place, "backup", file)
    assert code == 0 and said.startswith(f"{file}: revision 1, ")
    code, said = run(place, "restore", file, "--embedder", "all-MiniLM-L6-v2")
    assert (code, said.count("\n")) == (2, 1)
    assert f"{place} was built with tiny:" in said and "choose another name" in said
    code, said = run(place, "restore", file)
    assert code == 0 and "3 unchanged" in said


def test_a_library_on_a_server_is_watched_for(place, new_folder, tiny_embedder, monkeypatch):
    monkeypatch.setattr(polite, "DELAY", 0.0)
    embedder, visitor = str(tiny_embedder), Visitor(inside=True)
    with foreign_site() as foreign:

        def list_pages(*names):
            body = FEED.format("".join(map(ITEM.format, names))).encode()
            foreign.pages["/rss"] = (200, {"ETag": repr(names)}, body)
            for name in names:
                page = PAGE.format("", WORDS.format(name) * 3).encode()
                foreign.pages[f"/{name}"] = (200, {"Content-Type": "text/html", "ETag": name}, page)

        def play(where, later, apart=False):
            watched = [Watched("listing", f"{foreign.home}/rss", EVERY)]
            return play_round(watched, where, embedder, visitor, NOW + later, apart=apart)

        list_pages("Mary", "Ann")
        done = play(place, 0.0)
        assert (done.report.added, done.report.revision, done.failing) == (2, 1, 0)
        assert foreign.paths() == ["/rss", "/Mary", "/Ann"]
        list_pages("Mary", "Ann", "Peter")
        foreign.pages["/Ann"] = (404, {}, b"")
        done = play(place, 2 * 86400.0, apart=True)
        assert (done.report.added, done.report.revision, done.failing) == (1, 2, 1)
        titles = {one.title.split()[0] for one in held(place)[0].values()}
        assert titles == {"Mary", "Ann", "Peter"}
        assert done.report.unchanged == 1  # Mary's, by her mark
        folder = new_folder("folder")
        elsewhere = replace(place, folder=folder, name="another")
        assert {state_file(one).parent for one in (folder, elsewhere)} == {folder}
        assert load_state(folder) == load_state(elsewhere) == ({}, [])
        assert len(load_state(place)[0]) == 4


def test_the_command_watches_once(place, run, tmp_path):
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.txt").write_text("The harbour was painted by Peter Wood.")
    feeds = tmp_path / "feeds.toml"
    feeds.write_text('folders = ["articles"]')
    code, said = run(place, "watch", feeds, "--once")
    assert code == 0 and "looked at 1: 1 added" in said and "revision 1" in said
    code, said = run(place, "watch", feeds, "--once")
    assert code == 0 and "looked at 1: 0 added" in said and "revision" not in said
    assert not (tmp_path / "data" / "library.db").exists()


def test_questions_are_measured_on_the_server_beside_what_is_there(place, run, tmp_path):
    file = squad(tmp_path / "ferries.json", *ferries(range(3)))
    code, said = run(place, "eval", file, "--mode", "open", "--json")
    assert code == 0 and json.loads(said)["questions"] == 3, said
    assert not (tmp_path / "data" / "eval").exists()
    milvus = Milvus(place)
    made = [name for name in milvus._client.list_collections() if name.startswith(place.name)]
    assert not milvus.has(milvus.rows)
    milvus.close()
    assert len(made) == 2 and all(name.startswith(f"{place.name}_eval_") for name in made)


@pytest.mark.parametrize("command", ["verify", "backup", "restore", "watch", "eval"])
def test_a_server_that_is_not_there_is_one_sentence(
    run, place, new_folder, tmp_path, article, tiny_embedder, command, monkeypatch
):
    monkeypatch.setattr("index.milvus._PATIENCE", 1.0)  # who writes waits as long
    folder = new_folder("folder")
    build_articles([article("The alpaca slept.")], folder, str(tiny_embedder))
    backup(folder, tmp_path / "kept.zip")
    (tmp_path / "feeds.toml").write_text('folders = ["."]')
    file = squad(tmp_path / "ferries.json", *ferries(range(1)))
    given = {
        "backup": [tmp_path / "new.zip"],
        "restore": [tmp_path / "kept.zip"],
        "watch": [tmp_path / "feeds.toml", "--once"],
        "eval": [file, "--mode", "open"],
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        away = replace(place, port=free.getsockname()[1])
    code, said = run(away, command, *given.get(command, []))
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("citespan: the library milvus://127.0.0.1:")
    assert "can't be reached: see that Milvus runs there" in said


def test_a_backup_while_others_write_says_so(place, animals, tiny_embedder, monkeypatch):
    build_articles(animals, place, str(tiny_embedder))
    monkeypatch.setattr("index.remote.RemoteLibrary.counts", lambda self: None)
    monkeypatch.setattr("index.remote.RemoteLibrary.latest", lambda self: (99, "another"))
    with pytest.raises(LibraryError, match="was written meanwhile: take the backup again"):
        backup(place, place.folder / "kept.zip")
