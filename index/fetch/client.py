"""One page over HTTP, within limits of time and size. The only file that imports urllib3.

It must not know which pages are wanted, nor what is in them.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError
from urllib3.util import Retry

from index.errors import SourceBusy, SourceError
from index.fetch.guard import checked, connect, port_of
from index.packed import unpack

AGENT = "Citespan/0.1"
SECONDS = 30.0  # for a page with all that leads to it
SIZE = 20_000_000  # bytes of a page, also after unpacking
HOPS = 2  # addresses that lead on to another
_SILENT = 10.0  # seconds without a byte
_PART = 1 << 16
_MARKS = ("If-None-Match", "If-Modified-Since")
_LEADS_ON = (301, 302, 303, 307, 308)
_BUSY = (429, 503)  # may say after how many seconds, or when, to come again
_RETRY = Retry(retry_after_max=86_400)  # a day, whatever is asked for


@dataclass(frozen=True, slots=True)
class Page:
    """What came: the address in the end, the bytes, their media type as the site tells it, with
    their encoding if it tells that, and marks of this version.

    `data` is None when it is the version whose marks were sent.
    """

    url: str
    data: bytes | None
    kind: str
    etag: str
    modified: str


def fetch(
    url: str,
    etag: str = "",
    modified: str = "",
    inside: bool = False,
    led_on: Callable[[str], None] = lambda url: None,
) -> Page:
    """The page at the address, or that it has not changed since the version with these marks.

    `inside`: whether addresses of this machine and its network will do, too. `led_on`: told of
    each further address before it is asked for; may wait, or refuse it by a `SourceError`. Raises
    `SourceError`, a reason fit to stand after the address; `SourceBusy` when the site says how
    long it wants to be left alone, of which a day counts.
    """
    asked = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
    marks = dict(zip(_MARKS, (etag, modified), strict=True))
    asked |= {name: mark for name, mark in marks.items() if mark}
    left = SECONDS
    for hop in range(HOPS + 1):
        if hop:
            led_on(url)
        begun = time.monotonic()
        found = _step(url, asked, inside, left)
        if isinstance(found, Page):
            return found
        left -= time.monotonic() - begun  # what `led_on` waits is no fault of the page
        url = found
    raise SourceError(f"leads on to another address more than {HOPS} times")


def _step(url: str, asked: dict[str, str], inside: bool, seconds: float) -> Page | str:
    """The page at the address, or the address that it leads on to."""
    sockets: list[socket.socket] = []
    late = threading.Event()

    def give_up() -> None:
        late.set()
        for one in sockets:
            with suppress(OSError):  # it is closed already
                one.shutdown(socket.SHUT_RDWR)

    until = time.monotonic() + seconds
    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        with _Reply(url, asked, sockets, inside, until) as reply:
            if reply.status in _LEADS_ON:
                return urljoin(url, reply.raw.headers.get("Location", ""))
            page = _page(url, reply.raw, any(mark in asked for mark in _MARKS))
            if late.is_set():  # what came until then may look whole
                raise TimeoutError
            return page
    except SSLError as error:
        raise SourceError("has no valid certificate") from error
    except (HTTPError, OSError, ValueError) as error:
        if late.is_set():
            raise SourceError(f"took longer than {SECONDS:g} s") from error
        raise SourceError("can't be fetched: the connection broke or made no sense") from error
    finally:
        timer.cancel()
        for one in sockets:
            one.close()


class _Reply:
    """The reply of one address, closed with its connection at the end."""

    def __init__(
        self,
        url: str,
        asked: dict[str, str],
        sockets: list[socket.socket],
        inside: bool,
        until: float,
    ) -> None:
        parts = checked(url, inside)
        secure = parts.scheme == "https"

        def connected(connection: Any) -> socket.socket:
            made = connect(connection._dns_host, connection.port, _SILENT, inside, until)
            made.settimeout(_SILENT)
            sockets.append(made.dup())  # TLS takes the socket itself away with it
            if time.monotonic() >= until:  # nobody would shut it any more
                made.close()
                raise TimeoutError
            return made

        kind = HTTPSConnection if secure else HTTPConnection
        pool = HTTPSConnectionPool if secure else HTTPConnectionPool
        assert parts.hostname is not None
        self._pool = pool(parts.hostname, port_of(parts), timeout=_SILENT, maxsize=1)
        self._pool.ConnectionCls = type("Guarded", (kind,), {"_new_conn": connected})
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.raw = self._pool.urlopen(
            "GET",
            path,
            headers=asked,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )
        self.status = int(self.raw.status)

    def __enter__(self) -> "_Reply":
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()
        self._pool.close()


def _page(url: str, raw: Any, marked: bool) -> Page:
    kind = raw.headers.get("Content-Type", "").strip().lower()[:500]
    marks = (raw.headers.get("ETag", "")[:500], raw.headers.get("Last-Modified", "")[:500])
    if raw.status == 304 and marked:
        return Page(url, None, kind, *marks)
    if raw.status in _BUSY and (seconds := _asked_for(raw.headers.get("Retry-After", ""))):
        raise SourceBusy(f"answers {raw.status}, to come again in {seconds:,.0f} s", seconds)
    if raw.status != 200:
        raise SourceError(f"answers {raw.status}")
    return Page(url, _body(raw), kind, *marks)


def _asked_for(retry_after: str) -> float:
    """The seconds until one may come again; 0 when that is not told, or makes no sense."""
    try:
        return float(_RETRY.parse_retry_after(retry_after))
    except (HTTPError, ValueError, OverflowError):
        return 0.0


def _body(raw: Any) -> bytes:
    packing = raw.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip", ""):
        raise SourceError(f"is packed as {packing[:20]}, which was not asked for")
    parts = iter(lambda: raw.read1(_PART), b"")
    if packing == "gzip":
        return unpack(parts, SIZE)
    found = bytearray()
    for part in parts:
        found += part
        if len(found) > SIZE:
            raise SourceError(f"is larger than {SIZE / 1e6:g} MB")
    return bytes(found)
