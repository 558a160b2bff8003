"""Questions while the library is rebuilt: each reply is entirely from one revision."""

import gc
import json
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from served import serving

from index import DEFAULT_EMBEDDER, Article, LibraryError, build, build_articles
from qa import QA, open_qa, reply_json
from qa.confidence import Confidence
from qa.reader import DEFAULT_READER, load_reader

pytestmark = pytest.mark.model
COMMAND = Path(sys.executable).with_name("citespan")
QUESTION = "Who built the bridge in Alder?"
PATIENCE = 120  # seconds until something that never happens fails its test
SWAPS = 10
BUILDERS = ("Mary Stone", "Peter Wood")  # in revisions 1, 3, 5 … and in 2, 4, 6 …
SURE_OF_ALL = Confidence(threshold=0.0)


def contents(revision):
    """File names and texts of the articles of a revision."""
    builder = BUILDERS[(revision - 1) % 2]
    return {
        "bridge.txt": f"Since then 😀 the bridge in Alder, built by {builder}, has two arches.",
        "walk.txt": f"A walk in Alder begins at the bridge that {builder} built long ago.",
    }


def check_reply(reply):
    """All that a reply, as JSON, says is said by the articles of its own revision."""
    texts = contents(reply["revision"])
    assert reply["answers"][0]["text"] == BUILDERS[(reply["revision"] - 1) % 2]
    for answer in reply["answers"]:
        assert answer["text"] == answer["citations"][0]["quote"]
        for cited in answer["citations"]:
            text, start, end = texts[cited["source"]], cited["start"], cited["end"]
            assert text[start:end] == cited["quote"]
            around = text[start - len(cited["before"]) : end + len(cited["after"])]
            assert around == cited["before"] + cited["quote"] + cited["after"]
    assert sorted(near["text"] for near in reply["passages"]) == sorted(texts.values())


@contextmanager
def asking(ask, threads, pause=0.0):
    """Asks from several threads until the block ends; gives the list of replies so far."""
    replies, errors, stop = [], [], threading.Event()

    def go_on():
        try:
            while not stop.is_set():
                replies.append(ask())
                stop.wait(pause)
        except BaseException as error:
            errors.append(error)
            raise

    pool = [threading.Thread(target=go_on, daemon=True) for _ in range(threads)]
    for thread in pool:
        thread.start()
    try:
        yield replies
    finally:
        stop.set()
        for thread in pool:
            thread.join(PATIENCE)
    assert errors == []


def until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def library(embedder_models, tmp_path):
    """A data folder with nothing in it but the exported embedder."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "models").symlink_to(embedder_models)
    return folder


@pytest.fixture
def publish(library):
    """Brings the library to the contents of a revision."""

    def bring(revision):
        articles = [
            Article(f"{number:016x}", name, "Alder", text, source=name)
            for number, (name, text) in enumerate(contents(revision).items())
        ]
        assert build_articles(articles, library).revision == revision

    return bring


@pytest.fixture
def qa(library):
    return QA(library, load_reader(DEFAULT_READER, 1), SURE_OF_ALL, DEFAULT_EMBEDDER)


def test_under_questions_every_reply_is_entirely_from_one_revision(qa, publish):
    publish(1)
    with asking(lambda: reply_json(qa.ask(QUESTION)), threads=4) as replies:
        until(lambda: replies)  # or a first question opens the second revision, not the first
        for revision in range(2, SWAPS + 2):
            publish(revision)
            assert qa.refresh() is True
            until(lambda wanted=revision: any(one["revision"] == wanted for one in replies))
    assert qa.refresh() is False
    assert {reply["revision"] for reply in replies} == set(range(1, SWAPS + 2))
    for reply in replies:
        check_reply(reply)


def test_several_threads_may_refresh_at_once(qa, publish):
    publish(1)
    qa.refresh()
    publish(2)
    with asking(qa.refresh, threads=4) as refreshed:
        until(lambda: len(refreshed) > 20)
    assert refreshed.count(True) == 1
    check_reply(reply_json(qa.ask(QUESTION)))


def test_old_libraries_are_let_go(qa, publish, library):
    publish(1)
    opened, files, sizes = [], [], []
    for revision in range(2, 8):
        opened.append(weakref.ref(qa.library))
        check_reply(reply_json(qa.ask(QUESTION)))
        publish(revision)
        qa.refresh()
        gc.collect()
        files.append(len(list(Path("/proc/self/fd").iterdir())))
        sizes.append(len(list((library / "derived").iterdir())))
    assert [one() for one in opened] == [None] * 6
    assert files[-1] <= files[1]
    assert max(sizes) == 2


def test_a_question_under_way_finishes_on_the_library_it_began_with(qa, publish, monkeypatch):
    publish(1)
    qa.refresh()
    reader = qa._reader.read
    begun, swapped = threading.Event(), threading.Event()

    def slow(question, windows):
        begun.set()
        assert swapped.wait(PATIENCE)
        return reader(question, windows)

    monkeypatch.setattr(qa._reader, "read", slow)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(reply_json(qa.ask(QUESTION))))
    thread.start()
    assert begun.wait(PATIENCE)
    publish(2)
    qa.refresh()
    publish(3)
    qa.refresh()
    swapped.set()
    thread.join(PATIENCE)
    (reply,) = replies
    assert reply["revision"] == 1
    check_reply(reply)
    monkeypatch.undo()
    assert qa.ask(QUESTION).revision == 3


def test_a_library_that_cannot_be_opened_is_not_taken(qa, publish, library):
    publish(1)
    qa.refresh()
    for path in library.glob("library.db*"):
        path.rename(path.with_name(f"gone-{path.name}"))
    (library / "library.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    with pytest.raises(LibraryError, match=r"library\.db"):
        qa.refresh()
    check_reply(reply_json(qa.ask(QUESTION)))


def get(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def write(folder, revision):
    folder.mkdir(exist_ok=True)
    for name, text in contents(revision).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_running_server_answers_from_a_rebuilt_index(library, tmp_path):
    articles = write(tmp_path / "articles", 1)
    build([articles], library)
    path = "/api/v1/ask?q=" + QUESTION.replace(" ", "+")
    with serving(library, refresh_seconds=0.05) as served:
        with asking(lambda: get(served.port, path), threads=4, pause=0.05) as replies:
            until(lambda: len(replies) > 8)
            write(articles, 2)
            command = [COMMAND, "index", articles, "--data", library]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            until(lambda: any(status != 200 or body["revision"] == 2 for status, body in replies))
            ready = get(served.port, "/readyz")
        served.process.terminate()
        assert served.process.wait(PATIENCE) == 0
        assert served.faults() == []
    assert {status for status, _ in replies} == {200}
    assert {body["revision"] for _, body in replies} == {1, 2}
    for _, body in replies:
        check_reply(body)
    assert ready[1]["revision"] == 2


def test_a_library_made_anew_with_the_same_number_is_noticed(new_library, article, tmp_path):
    old = new_library([article("The bridge was opened by Ada Berg.")], "old")
    new = new_library([article("The bridge was opened by Tom Lind.")], "new")
    qa = open_qa(old)
    assert qa.refresh()
    old.rename(tmp_path / "gone")
    new.rename(old)
    assert qa.refresh()
    assert (qa.library.revision, qa.library.articles(0, 1)[0].text[-9:]) == (1, "Tom Lind.")
