"""Faults B2 to B10 and A16: many clients, new revisions, signals and killed processes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import NamedTuple
from urllib.parse import quote

import pytest
from served import ROOT, get, serving
from shelf import BUILDERS, QUESTIONS, STATES, Shelf, files_of

from web import Settings
from web.turns import RETRY

PATIENCE = 120  # seconds until something that never happens fails its test
ASK = f"/api/v1/ask?q={quote(QUESTIONS[0])}"
QUEUE = 1000
WATCHING = {ROOT / "qa" / "watching.py", ROOT / "index" / "watch" / "loop.py"}
SHARING = {ROOT / "index" / f"remote_{name}.py" for name in ("run", "shelf", "state", "tidy")}


@pytest.fixture(scope="module")
def shelf(tiny_embedder, tiny_models, tmp_path_factory):
    one = Shelf(tmp_path_factory.mktemp("shelf"), str(tiny_embedder), tiny_models)
    one.write_articles()
    return one


def until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class Told(NamedTuple):
    """What came for one question, and how many seconds after it was sent."""

    status: int
    body: bytes
    seconds: float


def reply(port, path=ASK):
    """Status and body; 0 and the error for a connection that ends before."""
    status, body, _ = timed(port, path)
    return status, body


def timed(port, path=ASK):
    """The same with the time that it took."""
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        got = connection.getresponse()
        return Told(got.status, got.read(), time.monotonic() - began)
    except (OSError, HTTPException) as error:
        return Told(0, repr(error).encode(), time.monotonic() - began)
    finally:
        connection.close()


@contextmanager
def clients(port, count):
    """So many clients that ask again and again until the block ends; their replies so far."""
    replies, stop = [], threading.Event()

    def go_on():
        while not stop.is_set():
            replies.append(timed(port))

    with ThreadPoolExecutor(count) as pool:
        asking = [pool.submit(go_on) for _ in range(count)]
        try:
            yield replies
        finally:
            stop.set()
    for one in asking:
        one.result()


def check(shelf, status, body):
    """One reply is entirely from one state of the library, or an honest refusal."""
    if status == 503:
        assert "ask again in a moment" in json.loads(body)["detail"]
        return
    assert status == 200, body
    told = json.loads(body)
    state = STATES[(told["revision"] - 1) % 2]
    assert BUILDERS[state] in told["answers"][0]["text"] if told["answers"] else told["reason"]
    for answer in told["answers"]:
        for cited in answer["citations"]:
            text = shelf.texts[state][cited["source"]]
            assert text[cited["start"] : cited["end"]] == cited["quote"]
    for near in told["passages"]:
        assert any(near["text"] in text for text in shelf.texts[state].values())
    [other] = set(STATES) - {state}
    assert BUILDERS[other] not in str(told)


def promised():
    """Seconds in which the settings have a question answered: it comes, waits, and is read for."""
    usual = Settings()
    return usual.request_seconds + usual.wait_seconds + usual.answer_seconds


def times(replies, status):
    """The p50 and p99 of the seconds that replies of this status took."""
    found = quantiles([one.seconds for one in replies if one.status == status], n=100)
    return found[49], found[98]


def swaps(shelf, library, count, crowd, pause=0.0):
    """Rebuild a library that is asked by a crowd, so many times; what was seen of it."""
    with serving(library, embedder=shelf.embedder, refresh_seconds=0.05) as served:
        open_files = Path(f"/proc/{served.workers[0]}/fd")
        seen = []
        with clients(served.port, crowd) as replies:
            for revision in range(2, count + 2):
                state = STATES[(revision - 1) % 2]
                assert shelf.index(library, state)[0] == 0
                wanted = f'"revision": {revision}'.encode()
                until(lambda wanted=wanted: any(wanted in one.body for one in replies[-crowd:]))
                seen.append((served.status("VmRSS"), len(list(open_files.iterdir()))))
                time.sleep(pause)
        assert {line["event"] for line in served.lines()} == {"request"}
        return replies, seen


def test_every_reply_is_from_one_revision_while_the_library_is_rebuilt(shelf):
    library = shelf.new("swapped")
    replies, _ = swaps(shelf, library, 3, crowd=6)
    for one in replies:
        check(shelf, one.status, one.body)
    assert len(list((library / "derived").iterdir())) == 2


@pytest.mark.soak
@pytest.mark.parametrize(("crowd", "pause"), [(32, 0), (200, 11)])
def test_fifty_revisions_under_load_leave_memory_and_files_as_they_were(shelf, crowd, pause):
    """The second form takes ten minutes; its clients ask again at once, whatever they are told."""
    library = shelf.new(f"swapped-by-{crowd}")
    replies, seen = swaps(shelf, library, 50, crowd, pause)
    for one in replies:
        check(shelf, one.status, one.body)
    served, refused = times(replies, 200), times(replies, 503)
    print(Counter(one.status for one in replies), served, refused, seen[4], seen[-1])
    assert served[1] < promised()
    assert refused[1] < RETRY  # who shall come again in two seconds knows it before they are over
    assert seen[-1][0] < 1.1 * max(rss for rss, _ in seen[4:10])
    assert seen[-1][1] < seen[4][1] + crowd / 2
    assert len(list((library / "derived").iterdir())) == 2


def test_a_stop_lets_twenty_questions_finish_and_refuses_others(tmp_path):
    with serving(tmp_path, fake="slow", threads=20) as served, ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(reply, served.port) for _ in range(20)]
        until(lambda: len(list(tmp_path.glob("asked-*"))) == 20)
        served.process.send_signal(signal.SIGTERM)
        until(lambda: b"refused" in reply(served.port, "/healthz")[1])
        assert not any(one.done() for one in asked)
        (tmp_path / "go").touch()
        assert {one.result()[0] for one in asked} == {200}
        assert served.process.wait(PATIENCE) == 0
        assert {line["event"] for line in served.lines()} == {"request"}


def test_a_second_signal_ends_it_without_waiting(tmp_path):
    with serving(tmp_path, fake="slow") as served, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reply, served.port)
        until((tmp_path / "asked").exists)
        served.process.send_signal(signal.SIGTERM)
        until((tmp_path / "stopping").exists)
        served.process.send_signal(signal.SIGINT)
        assert asked.result()[0] == 0
        assert served.process.wait(20) == 0  # waiting for the question would take 30


def test_a_reload_under_load_loses_no_question(shelf):
    library = shelf.new("reloaded")
    with serving(library, embedder=shelf.embedder) as served:
        before = served.workers
        with clients(served.port, 4) as replies:
            until(lambda: len(replies) > 8)
            served.process.send_signal(signal.SIGHUP)
            until(lambda: before[0] not in served.workers and len(served.workers) == 1)
            so_far = len(replies)
            until(lambda: len(replies) > so_far + 8)
        for one in replies:
            check(shelf, one.status, one.body)


def test_models_are_opened_after_the_fork(shelf):
    with serving(shelf.new("forked"), embedder=shelf.embedder) as served:
        assert reply(served.port)[0] == 200
        # Threads of a model that is opened before a fork are missing after it.
        assert len(list(Path(f"/proc/{served.process.pid}/task").iterdir())) == 1
        assert served.status("Threads") > 1


def test_two_hundred_at_once_are_answered_or_told_to_come_again(shelf):
    with serving(shelf.new("crowded"), embedder=shelf.embedder, threads=4, queue=8) as served:
        reply(served.port)
        with ThreadPoolExecutor(200) as pool:
            replies = list(pool.map(lambda _: get(served.port, ASK), range(200)))
        statuses = Counter(one.status for one in replies)
        assert statuses.keys() == {200, 503} and statuses[200] >= 12
        for one in replies:
            check(shelf, one.status, one.body)
            assert one.status == 200 or int(one.headers["retry-after"]) >= 1
        assert served.status("Threads") < 40
        assert reply(served.port)[0] == 200


def test_a_killed_worker_is_replaced_and_its_client_told(tmp_path):
    with serving(tmp_path, fake="slow") as served, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reply, served.port)
        until((tmp_path / "asked").exists)
        [worker] = served.workers
        subprocess.run(["kill", "-9", str(worker)], check=True)
        status, said = asked.result()
        assert status == 0 and (b"RemoteDisconnected" in said or b"ConnectionReset" in said)
        (tmp_path / "go").touch()
        assert reply(served.port)[0] == 200
        assert served.workers != [worker]


def same_bytes(served, times, threads):
    """The replies to one question without the time that they took, each once."""
    with ThreadPoolExecutor(threads) as pool:
        replies = list(pool.map(lambda _: reply(served.port), range(times)))
    found = set()
    for status, body in replies:
        assert status == 200
        told = json.loads(body)
        found.add(json.dumps(told | {"took_ms": 0, "timings": {}}))
    return found


@pytest.mark.parametrize("times", [64, pytest.param(1000, marks=pytest.mark.soak)])
def test_the_same_question_from_sixteen_threads_has_the_same_answer(shelf, times):
    library = shelf.new(f"repeated-{times}")
    with serving(library, embedder=shelf.embedder, queue=QUEUE) as served:
        assert len(same_bytes(served, times, 16)) == 1


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_a_server_killed_while_it_starts_leaves_nothing_behind(shelf, rounds):
    library = shelf.new(f"killed-{rounds}")
    before, random = files_of(library), Random(3)
    command = [sys.executable, "-c", "from qa.cli import main; main()", "serve", "--port", "0"]
    for _ in range(rounds):
        process = subprocess.Popen([*command, "--data", library], start_new_session=True)
        time.sleep(random.uniform(0.3, 2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert files_of(library) == before
    with serving(library, embedder=shelf.embedder) as served:
        check(shelf, *reply(served.port))
    assert shelf.state(library) == "old"


def test_no_code_here_reads_the_wall_clock():
    """Durations are differences of a clock that never jumps.

    When to watch again is no duration, and machines that share a library have no other clock.
    """
    wall = re.compile(r"time\.time\(|\.now\(|utcnow|\.today\(|localtime|gmtime")
    for folder in ("qa", "index", "web"):
        for path in set((ROOT / folder).rglob("*.py")) - WATCHING - SHARING:
            assert wall.search(path.read_text(encoding="utf-8")) is None, path
