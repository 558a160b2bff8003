"""Faults E5 to E10: slow, malformed, forged and hostile requests to the real service."""

import socket
import time
from concurrent.futures import Future
from contextlib import ExitStack
from selectors import DefaultSelector
from types import SimpleNamespace

import pytest
import web_fakes
from served import Served, connect, exchange, get, replies, rest, serving

from web.worker import HELD, Outgoing, Worker

CROWD = 120  # more than threads, fewer than may wait
SECONDS = 1.0  # until a request must have arrived, and a reply have been read
QUESTION = "/api/v1/ask?q=where+did+Sunak+and+Kishida+sign+the+RAA%3F&k=1"
HEAD = b"POST /api/v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"question": "where was the pact signed?"}'
SIZED = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def served(seed_library):
    with serving(seed_library, request_seconds=SECONDS, reply_seconds=SECONDS) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_is_logged(request):
    """No attack of this file makes a fault of the service, or leaves it unable to answer."""
    yield
    if "served" in request.fixturenames:
        one = request.getfixturevalue("served")
        assert get(one.port, "/healthz").status == 200
        assert one.faults() == []


def crowd(
    stack: ExitStack, served: Served, count: int, sent: bytes, hears: int | None = None
) -> list[socket.socket]:
    """Connections that each say this much and then nothing; `hears`: bytes that they buffer."""
    found = [stack.enter_context(connect(served.port, hears)) for _ in range(count)]
    for one in found:
        one.sendall(sent)
    return found


SLOW = {
    "nothing": b"",
    "a byte": b"G",
    "a head without its end": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    "no body": HEAD + b"Content-Length: 50\r\n\r\n",
    "half a body": HEAD + b'Content-Length: 50\r\n\r\n{"question": "who',
    "no chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n32\r\nwho",
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nwho\r\n",
    "not told to go on": HEAD + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n",
}


def test_slow_requests_keep_nobody_out_and_are_closed_in_time(served):
    with ExitStack() as stack:
        slow = {kind: crowd(stack, served, 15, sent) for kind, sent in SLOW.items()}
        assert get(served.port, QUESTION).json["answers"]
        for kind, group in slow.items():
            for one in group:
                told = rest(one).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                wanted = [408] if SLOW[kind] else []
                assert [reply.status for reply in replies(told)] == wanted, kind


def test_bytes_that_drip_do_not_put_the_end_off(served):
    with ExitStack() as stack:
        slow = crowd(stack, served, CROWD, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        open_still = set(slow)
        end = time.monotonic() + 30 * SECONDS
        while open_still:
            assert time.monotonic() < end, "they are never closed"
            for one in list(open_still):
                try:
                    one.sendall(b"x")
                except ConnectionError:
                    open_still.remove(one)
            assert get(served.port, "/healthz").status == 200


def test_replies_that_nobody_reads_keep_nobody_out_and_are_dropped_in_time(tmp_path):
    whole = len(web_fakes.LARGE.text)
    asked = (
        f"GET /api/v1/articles/{web_fakes.LARGE.id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )
    with serving(tmp_path, "large", reply_seconds=SECONDS) as large, ExitStack() as stack:
        deaf = crowd(stack, large, 40, asked, hears=4096)
        assert get(large.port, "/healthz").status == 200
        time.sleep(3 * SECONDS)
        for one in deaf[::20]:  # reading through so small a buffer takes its time
            assert len(rest(one)) < whole
        assert len(get(large.port, f"/api/v1/articles/{web_fakes.LARGE.id}").body) > whole
        assert large.faults() == []


def test_a_thread_does_not_wait_for_a_usual_reply_to_be_read():
    here, there = socket.socketpair()
    with here, there:
        said = b"x" * HELD
        outgoing = Outgoing(here, SECONDS)
        outgoing.sendall(said)
        assert not outgoing.flush()
        heard = 0
        while heard < HELD:
            heard += len(there.recv(65536))
            outgoing.flush()
        assert outgoing.flush()


def test_a_thread_does_not_wait_long_for_a_large_reply_to_be_read():
    here, there = socket.socketpair()
    with here, there, pytest.raises(TimeoutError):
        Outgoing(here, 0.1).sendall(b"x" * 10 * HELD)


def test_clients_that_never_hang_up_keep_nobody_out(served):
    with ExitStack() as stack:
        asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for one in crowd(stack, served, CROWD, asked):
            assert [reply.status for reply in replies(rest(one))] == [200]
        assert get(served.port, QUESTION).json["answers"]


def test_more_slow_clients_than_there_are_connections_make_room_for_others(seed_library):
    with serving(seed_library, connections=64, request_seconds=600) as few, ExitStack() as stack:
        crowd(stack, few, 500, b"GET / HTTP/1.1\r\nX: ")
        assert get(few.port, QUESTION).json["answers"]


@pytest.mark.soak
def test_500_sockets_that_send_a_byte_every_10_seconds_keep_nobody_out(seed_library):
    with serving(seed_library) as usual, ExitStack() as stack:
        for _ in range(12):
            slow = crowd(stack, usual, 500, b"GET / HTTP/1.1\r\nX: ")
            for _ in range(3):
                assert get(usual.port, QUESTION).json["answers"]
                time.sleep(10)
                for one in slow:
                    try:
                        one.sendall(b"x")
                    except ConnectionError:
                        one.close()
        assert usual.faults() == []


MALFORMED = {
    "both lengths": HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, other way": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 41\r\nContent-Length: 5\r\n\r\n" + BODY,
    "the same length twice": HEAD + b"Content-Length: 41\r\nContent-Length: 41\r\n\r\n" + BODY,
    "a list of lengths": HEAD + b"Content-Length: 41, 41\r\n\r\n" + BODY,
    "a signed length": HEAD + b"Content-Length: +41\r\n\r\n" + BODY,
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    "two codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding hidden by a tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "no coding known": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk that is no number": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a chunk of less than nothing": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk that is longer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nwho\r\n0\r\n\r\n",
    "line feeds alone": b"GET /healthz HTTP/1.1\nHost: localhost\n\n\r\n\r\n",
    "one line feed alone": b"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "space before the colon": b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a folded line": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n",
    "a header without a name": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n: y\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: y\0z\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "a version to come": b"GET /healthz HTTP/3.0\r\n\r\n",
    "spaces in the target": b"GET /health z HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2 unasked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 60 + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_400_and_what_follows_is_no_request(served, sent):
    [reply] = replies(exchange(served.port, sent + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert reply.status == 400
    assert reply.headers["connection"] == "close"
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == 400 and reply.json["detail"]


LARGE = {
    "a header": (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    "a head": (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 40_000, 431),
    "a head of 10 MB": (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 10_000_000, 431),
    "an address": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "an address of 64 kB": (b"GET /" + b"x" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
}


@pytest.mark.parametrize(("sent", "status"), LARGE.values(), ids=LARGE)
def test_a_large_head_is_refused_before_it_is_whole(served, sent, status):
    [reply] = replies(exchange(served.port, sent))
    assert (reply.status, reply.headers["connection"]) == (status, "close")


def test_requests_that_come_in_one_piece_or_byte_by_byte_get_the_same_replies(served):
    wanted = [(200, b"pact"), (200, b"pact"), (200, b"ok")]
    last = b"\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    whole = SIZED + CHUNKED + last
    for parts in ([whole], [whole[at : at + 1] for at in range(len(whole))]):
        found = replies(exchange(served.port, *parts))
        assert [reply.status for reply in found] == [status for status, _ in wanted]
        for reply, (_, words) in zip(found, wanted, strict=True):
            assert words in reply.body


def test_a_client_that_waits_to_be_told_to_go_on_is_told(served):
    head, body = SIZED.split(b"\r\n\r\n")
    with connect(served.port) as one:
        one.sendall(head + b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert one.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(body)
        told = rest(one).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert [reply.status for reply in replies(told)] == [200]


class Connection:
    """As much of gunicorn's as the loop asks for, to somebody who reads nothing."""

    def __init__(self, stack: ExitStack) -> None:
        self.sock, self.there = (stack.enter_context(one) for one in socket.socketpair())
        self.close = self.sock.close


def test_of_many_who_do_not_read_their_replies_the_slowest_makes_room():
    worker = object.__new__(Worker)
    worker.app = SimpleNamespace(settings=SimpleNamespace(reply_seconds=60))
    worker.worker_connections, worker.nr_conns = 16, 3
    worker._coming, worker._reading, worker._leaving = {}, {}, {}
    with ExitStack() as stack, DefaultSelector() as worker.poller:
        deaf = [Connection(stack) for _ in range(3)]
        worker._outgoing = {one: Outgoing(one.sock, 60) for one in deaf}
        for one in deaf:
            worker._outgoing[one]._left = bytearray(50 * HELD)
            worker.finish_request(one, Future())
        assert list(worker._reading) == list(worker._outgoing) == deaf[1:]
        assert [one.sock.fileno() < 0 for one in deaf] == [True, False, False]
        assert worker.nr_conns == 2
