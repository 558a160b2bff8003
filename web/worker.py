"""The worker process: a connection has a thread only while its question is being answered.

gunicorn's own gives one to whoever sends a first byte, until the reply is read, and its one
loop waits up to two seconds for each client to hang up: a few dozen slow clients keep
everybody else out. Here the loop gathers the request, sends what the client does not read at
once, and sees it off. This file must not know any route.
"""

import errno
import json
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from socket import MSG_DONTWAIT, SHUT_WR, socket
from typing import Any

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from web.framing import Incoming, Refused
from web.headers import HEADERS
from web.shapes import Problem

HELD = 2**18  # bytes of a reply that are kept for a client that is slow to read
LINGER = 2.0  # seconds in which a client may hang up before it is hung up on,
DRAINED = 2**20  # and bytes that it may send meanwhile
_LATE = "the request did not arrive in time"
_UNREADABLE = "the request is not HTTP as it should be"
_OURS = errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem
_STATUS = {
    errors.LimitRequestLine: (414, "the address is too long"),
    errors.LimitRequestHeaders: (431, "the request's headers are too many or too large"),
    errors.ParseException: (400, _UNREADABLE),
}


class Outgoing:
    """The socket as a thread sees it that answers: most replies it need not see read."""

    def __init__(self, sock: socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._left = bytearray()

    def sendall(self, data: bytes) -> None:
        """Send, or keep for later. Raises `TimeoutError` when too much is not read in time."""
        self._left += data
        if not self.flush() and len(self._left) > HELD:
            self._sock.settimeout(self._seconds)
            self._sock.sendall(self._left)
            self._sock.setblocking(True)
            self._left.clear()

    send = sendall

    def shutdown(self, how: int) -> None:
        """Refuse: the loop sees clients off."""
        raise OSError(errno.EPERM, "a thread hangs up on nobody")

    def close(self) -> None:
        """Leave it open, likewise."""

    def flush(self) -> bool:
        """Whether everything is sent, after as much of it as goes without waiting."""
        with suppress(BlockingIOError):
            while self._left:
                del self._left[: self._sock.send(self._left, MSG_DONTWAIT)]
        return not self._left


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Its loop gathers requests, hands them to threads, and sees clients off."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.max_keepalived = self.worker_connections // 4
        self._coming: dict[TConn, tuple[Incoming, float]] = {}  # until when, the oldest first
        self._outgoing: dict[TConn, Outgoing] = {}  # while there is a request
        self._reading: dict[TConn, float] = {}  # who has not read all of its reply
        self._leaving: dict[TConn, tuple[float, int]] = {}

    def enqueue_req(self, conn: TConn) -> None:
        """Gather the next request of a connection; on the loop."""
        if len(self._coming) >= self.worker_connections // 2:
            self._drop(next(iter(self._coming)))  # who is not done yet makes room
        before = b"" if conn.parser is None else conn.parser.unreader.take_buffered()
        incoming = Incoming(self.app.settings.max_body)
        self._coming[conn] = incoming, time.monotonic() + self.app.settings.request_seconds
        self._listen(conn, partial(self._hear, conn))
        self._take(conn, before)

    def _hear(self, conn: TConn, _: object) -> None:
        if conn not in self._coming:  # dropped since the loop looked
            return
        try:
            more = conn.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if more:
            self._take(conn, more)
        else:
            self._drop(conn)

    def _take(self, conn: TConn, more: bytes) -> None:
        incoming, _ = self._coming[conn]
        try:
            if not incoming.take(more):
                self._encourage(conn, incoming)
                return
        except Refused as error:
            self._refuse(conn, error.status, str(error))
            return
        self.poller.unregister(conn.sock)
        del self._coming[conn]
        conn.init()
        conn.parser.unreader.unread(bytes(incoming.data))
        conn.data_ready = True
        super().enqueue_req(conn)

    def _encourage(self, conn: TConn, incoming: Incoming) -> None:
        if incoming.expects:
            incoming.expects = False
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer in a thread; a client that does not read its reply in time is let go."""
        sock = conn.sock
        conn.sock = self._outgoing[conn] = Outgoing(sock, self.app.settings.reply_seconds)
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:
            raise BrokenPipeError(errno.EPIPE, "the reply was not read in time") from error
        finally:
            conn.sock = sock

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # What is there of a body that nobody read is here already; more is not awaited.
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + 0.05))

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """Send what is left of the reply; on the loop."""
        if conn in self._outgoing:
            if len(self._reading) >= self.worker_connections // 8:
                self._drop(next(iter(self._reading)))  # who reads the slowest makes room
            self._reading[conn] = time.monotonic() + self.app.settings.reply_seconds
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_WRITE, partial(self._send, conn, fs))
            self._send(conn, fs, None)
        else:
            self._finish(conn, fs)

    def _send(self, conn: TConn, fs: "Future[Any]", _: object) -> None:
        if conn not in self._reading:
            return
        try:
            if not self._outgoing[conn].flush():
                return
        except OSError:
            self._drop(conn)
            return
        self.poller.unregister(conn.sock)
        del self._reading[conn], self._outgoing[conn]
        self._finish(conn, fs)

    def _finish(self, conn: TConn, fs: "Future[Any]") -> None:
        """Await the next request of the connection, or see it off."""
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._see_off(conn)
        else:
            super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what the parser refuses in the shape of every other error."""
        for kind, (status, sentence) in _STATUS.items():
            if isinstance(exc, kind) and not isinstance(exc, _OURS):
                with suppress(OSError):
                    client.send(_refusal(status, sentence), MSG_DONTWAIT)
                return
        super().handle_error(req, client, addr, exc)

    def murder_pending(self) -> None:
        """Part with whoever has taken too long; the loop does this once a second or more."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [one for one, until in self._reading.items() if until < now]:
            self._drop(conn)
        for conn in [one for one, (until, _) in self._leaving.items() if until < now]:
            self._drop(conn)
        for conn in [one for one, (_, until) in self._coming.items() if until < now]:
            if self._coming[conn][0].data:
                self._refuse(conn, 408, _LATE)
            else:
                self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Begin to stop: who comes now is refused at once, where gunicorn lets them wait."""
        for listener in self.sockets:
            listener.close()
        super()._cap_keepalive(deadline)
        for conn, (incoming, until) in self._coming.items():
            self._coming[conn] = incoming, min(until, deadline)

    def _refuse(self, conn: TConn, status: int, sentence: str) -> None:
        with suppress(OSError):
            conn.sock.send(_refusal(status, sentence))
        self.poller.unregister(conn.sock)
        del self._coming[conn]
        self._see_off(conn)

    def _see_off(self, conn: TConn) -> None:
        """Close when the client has, as closing first may cost it the end of its reply."""
        try:
            conn.sock.shutdown(SHUT_WR)
        except OSError:
            self._close(conn)
            return
        if len(self._leaving) >= self.worker_connections // 8:
            self._drop(next(iter(self._leaving)))
        self._leaving[conn] = time.monotonic() + LINGER, DRAINED
        self._listen(conn, partial(self._drain, conn))

    def _drain(self, conn: TConn, _: object) -> None:
        if conn not in self._leaving:
            return
        until, room = self._leaving[conn]
        try:
            said = len(conn.sock.recv(65536))
        except BlockingIOError:
            return
        except OSError:
            said = 0
        self._leaving[conn] = until, room - said
        if said == 0 or said > room:
            self._drop(conn)

    def _listen(self, conn: TConn, heard: Any) -> None:
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, EVENT_READ, heard)

    def _drop(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self._coming.pop(conn, None)
        self._outgoing.pop(conn, None)
        self._reading.pop(conn, None)
        self._leaving.pop(conn, None)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _refusal(status: int, sentence: str) -> bytes:
    """The reply to what never becomes a request."""
    phrase = HTTPStatus(status).phrase
    detail = sentence[0].upper() + sentence[1:] + "."
    body = json.dumps(Problem(title=phrase, status=status, detail=detail).model_dump())
    headers = HEADERS | {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {it}" for name, it in headers.items())]
    return "\r\n".join([*lines, "", body]).encode()
