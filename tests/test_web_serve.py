"""The server as a process of its own: says where it is, drains, fails in one sentence."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds until a hanging server fails its test


@pytest.fixture
def start(tmp_path):
    """Starts a server on a port, given or free; ends it whatever the test does."""
    running = []

    def begin(port=0, *more):
        paths = [path for path in (os.environ.get("PYTHONPATH"), str(ROOT)) if path]
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "web_fakes.py"), str(port), str(tmp_path), *more],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def address(process):
    line = process.stdout.readline()
    assert line.startswith("Citespan answers on http://127.0.0.1:"), process.stderr.read()
    assert line.endswith(" (Ctrl+C stops it)\n")
    return int(line.split()[3].rsplit(":", 1)[1])


def get(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_it_serves_and_a_stop_finishes_what_was_asked(start, tmp_path):
    process = start()
    port = address(process)
    status, body = get(port, "/healthz")
    assert status == 200 and json.loads(body) == {"status": "ok"}
    answers = []
    asking = Thread(target=lambda: answers.append(get(port, "/api/v1/ask?q=who")))
    asking.start()
    until((tmp_path / "asked").exists)
    process.send_signal(signal.SIGTERM)
    until((tmp_path / "stopping").exists)
    assert answers == []
    (tmp_path / "go").touch()
    asking.join(PATIENCE)
    ((status, body),) = answers
    assert status == 200 and json.loads(body)["revision"] == 7
    assert process.wait(PATIENCE) == 0
    told = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert [one["route"] for one in told] == ["/healthz", "/api/v1/ask"]


def test_more_questions_than_may_wait_are_refused_at_once(start, tmp_path, monkeypatch):
    monkeypatch.setenv("CITESPAN_THREADS", "2")
    monkeypatch.setenv("CITESPAN_QUEUE", "3")
    port = address(start())
    replies = []
    asking = [
        Thread(target=lambda: replies.append(get(port, "/api/v1/ask?q=who")[0])) for _ in range(20)
    ]
    for one in asking:
        one.start()
    until(lambda: len(replies) == 15)
    assert replies == [503] * 15
    assert get(port, "/healthz")[0] == 200
    (tmp_path / "go").touch()
    for one in asking:
        one.join(PATIENCE)
    assert replies == [503] * 15 + [200] * 5


def test_ctrl_c_ends_it_quietly(start):
    process = start()
    address(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == ""


def test_a_long_question_in_any_script_passes_the_server(start, tmp_path):
    (tmp_path / "go").touch()
    port = address(start())
    assert get(port, "/api/v1/ask?q=" + "%F0%9D%92%9C" * 500)[0] == 200


def test_a_taken_port_is_one_sentence(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(port)
        assert process.wait(PATIENCE) == 1
    (line,) = process.stderr.read().splitlines()
    assert f"127.0.0.1:{port}" in line and "Address already in use" in line and "--port" in line
    assert process.stdout.read() == ""


def test_models_that_do_not_load_are_one_sentence(start):
    process = start(0, "broken")
    assert process.wait(PATIENCE) not in (0, None)
    assert process.stderr.read() == (
        "the reading model at /somewhere can't be loaded: reinstall it\n"
    )
    assert process.stdout.read() == ""
