"""citespan watch as a process: how it ends, what it prints, and that a kill loses nothing."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from foreign import Foreign, foreign_site
from test_watch import ITEM, PAGE, WORDS

from index import LibraryLocked, LibraryMissing, verify
from index.library import MODELS, Library
from index.lock import only_watcher, only_writer
from index.watch.state import load_state

FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{}</channel></rss>'
MARK = b"index.watch.job"
USUAL = "from qa.cli import main; main()"
PLAYED = """
import sys
from pathlib import Path
from index.fetch import Visitor, polite
from index.watch import visits, watch
polite.DELAY, visits.PAGES = 0.0, 3
for done in watch(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3],
                  once=sys.argv[4] == "once", visitor=Visitor(inside=True)):
    print(done, flush=True)
"""


HERE = """
from index.fetch import Visitor, polite
from index.watch import feeds, loop, state
polite.DELAY, feeds.LEAST, state.LEAST, feeds._SECONDS = 0.0, 1.0, 1.0, {"m": 1.0}
loop.Visitor = lambda: Visitor(inside=True)
from qa.cli import main
main()
"""


@pytest.fixture
def home(tmp_path: Path, tiny_models: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    return folder


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    """A list that names one folder with one article."""
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.txt").write_text("The harbour was painted by Peter Wood.")
    file = tmp_path / "feeds.toml"
    file.write_text('folders = ["articles"]')
    return file


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # the process has ended


def started(*arguments: object, program: str = USUAL) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, "watch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"},
    )


@contextmanager
def running(*arguments: object, program: str = USUAL) -> Iterator["subprocess.Popen[str]"]:
    with started(*arguments, program=program) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(*arguments: object) -> tuple[int, str, str]:
    with started(*arguments) as process:
        out, errors = process.communicate()
    return process.returncode, out, errors


def test_once_it_looks_at_all_of_it_and_says_what_it_did(
    feeds: Path, home: Path, tiny_embedder: Path
) -> None:
    more = ("--once", "--data", home, "--embedder", tiny_embedder)
    code, out, errors = ended(feeds, *more)
    assert (code, errors) == (0, "") and "looked at 1: 1 added, 0 changed" in out
    code, out, _ = ended(feeds, *more)
    assert code == 0 and "looked at 1: 0 added, 0 changed, 0 unchanged" in out
    feeds.write_text('folders = ["articles"]\npages = ["http://127.0.0.1/"]')
    code, out, _ = ended(feeds, *more)
    assert code == 1
    assert "failed     http://127.0.0.1/: may not be read: robots.txt" in out
    assert "not an address of the open internet" in out and "next try" in out


def test_a_wrong_list_or_none_is_one_sentence(feeds: Path, home: Path, tmp_path: Path) -> None:
    feeds.write_text('feeds = ["example.org"]')
    code, out, errors = ended(feeds, "--data", home)
    assert (code, out) == (2, "") and errors.count("\n") == 1
    assert "'example.org' in feeds is not an address of the web" in errors
    code, _, errors = ended(tmp_path / "none.toml", "--data", home)
    assert code == 2 and "does not exist" in errors


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_when_it_is_told_to(
    feeds: Path, home: Path, tiny_embedder: Path, how: signal.Signals
) -> None:
    with running(feeds, "--data", home, "--embedder", tiny_embedder) as process:
        assert process.stdout is not None
        assert "1 added" in process.stdout.readline()
        process.send_signal(how)
        out, errors = process.communicate()
    assert (process.returncode, out, errors) == (0, "", "")


def test_it_goes_on_from_round_to_round_and_ends_in_the_midst_of_a_page(
    feeds: Path, home: Path, tiny_embedder: Path
) -> None:
    def listing(*names: str) -> None:
        body = FEED.format("".join(map(ITEM.format, names))).encode()
        foreign.pages["/rss"] = (200, {"ETag": repr(names)}, body)

    def slowly() -> Iterator[bytes]:
        while True:
            begun.set()
            time.sleep(0.1)
            yield b" "

    begun = threading.Event()
    with foreign_site() as foreign:
        for name in ("Ann", "Eve"):
            body = PAGE.format("", WORDS.format(name) * 3).encode()
            foreign.pages[f"/{name}"] = (200, {"Content-Type": "text/html", "ETag": '"1"'}, body)
        foreign.pages["/slow"] = (200, {"Content-Type": "text/html"}, slowly())
        listing("Ann")
        feeds.write_text(f'every = "1m"\nfeeds = ["{foreign.home}/rss"]')
        with running(feeds, "--data", home, "--embedder", tiny_embedder, program=HERE) as process:
            assert process.stdout is not None
            assert "looked at 2: 1 added" in process.stdout.readline()
            listing("Ann", "Eve")
            assert "looked at 2: 1 added" in process.stdout.readline()
            (feeds.parent / "other.toml").write_text("feed = []")
            (feeds.parent / "other.toml").replace(feeds)
            assert "not now: " in (said := process.stdout.readline()) and "'feed' is not" in said
        listing("Ann", "Eve", "slow")
        feeds.write_text(f'every = "1m"\nfeeds = ["{foreign.home}/rss"]')
        with running(feeds, "--data", home, "--embedder", tiny_embedder, program=HERE) as process:
            assert begun.wait(60)
            process.send_signal(signal.SIGTERM)
            assert process.communicate() == ("", "") and process.returncode == 0
    assert verify(home) == []


def test_the_process_that_stores_ends_with_the_one_that_watches(
    feeds: Path, home: Path, tiny_embedder: Path
) -> None:
    def holder() -> Path:
        """The process that writes, by the name it left in the lock."""
        return Path("/proc", _bytes(home / "lock").decode() or "none")

    (feeds.parent / "articles" / "b.txt").write_text("words. " * 1_000_000)
    with running(feeds, "--data", home, "--embedder", tiny_embedder) as process:
        while MARK not in _bytes(holder() / "cmdline"):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    while True:  # until the system has taken the lock from the dead
        try:
            with only_writer(home), pytest.raises(LibraryMissing):
                Library(home)  # one that went on would have got there
            return
        except LibraryLocked:
            time.sleep(0.05)


def test_another_writer_is_waited_for_and_told(
    feeds: Path, home: Path, tiny_embedder: Path
) -> None:
    more = ("--data", home, "--embedder", tiny_embedder)
    with only_writer(home):
        code, _, errors = ended(feeds, "--once", *more)
        assert code == 2 and "which is indexing into it: wait until it ends" in errors
        with running(feeds, *more) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "not now: " in said and f"is locked by process {os.getpid()}" in said
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0


def test_two_watchers_of_one_library_are_one_too_many(feeds: Path, home: Path) -> None:
    with only_watcher(home):
        code, _, errors = ended(feeds, "--data", home)
    assert code == 2 and f"is watched for by process {os.getpid()}" in errors


def killed_again_and_again(foreign: Foreign, home: Path, embedder: Path, rounds: int) -> None:
    """Watch, be killed at any moment, go on; in the end all that was ever listed is there."""
    chance = random.Random(rounds)
    file = home.parent / "feeds.toml"
    file.write_text(f'feeds = ["{foreign.home}/rss"]')
    words = "Ann Bea Cat Dot Eve Fay Gil Hal Ida Jay Kim Lea Mia Ned Ola Pat".split()
    listed: set[str] = set()
    play = [sys.executable, "-c", PLAYED, str(file), str(home), str(embedder)]
    ways = ["once", "for ever"]  # the one stores by itself, the other by a process of its own
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    taken = 5.0  # seconds of a whole run
    for number in range(rounds + 1):
        now = [f"{word}{number // 3}" for word in chance.sample(words, 4)]
        foreign.pages["/rss"] = (
            200,
            {"ETag": f'"{number}"'},
            FEED.format("".join(map(ITEM.format, sorted(listed | set(now))))).encode(),
        )
        listed |= set(now)
        for name in now:
            body = PAGE.format("", WORDS.format(name) * 3).encode()
            foreign.pages[f"/{name}"] = (200, {"Content-Type": "text/html", "ETag": '"1"'}, body)
        begun = time.monotonic()
        way = "once" if number == rounds else ways[number % 2]
        with subprocess.Popen([*play, way], env=environment, stdout=subprocess.PIPE) as process:
            if number < rounds:
                try:
                    process.wait(chance.random() * taken)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.communicate()
        if process.returncode == 0:
            taken = time.monotonic() - begun
        assert load_state(home)[1] == []
    assert process.returncode == 0
    library = Library(home)
    found = {(one.url or "").rpartition("/")[2] for one in library.articles(0, 9999)}
    library.close()
    assert found == listed and verify(home) == []


def test_a_kill_at_any_time_loses_nothing(home: Path, tiny_embedder: Path) -> None:
    with foreign_site() as foreign:
        killed_again_and_again(foreign, home, tiny_embedder, 4)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(home: Path, tiny_embedder: Path) -> None:
    with foreign_site() as foreign:
        killed_again_and_again(foreign, home, tiny_embedder, 200)
