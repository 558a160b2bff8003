"""A site that is not ours: a real server on this machine, which only `inside` lets be reached."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, dict[str, str], bytes | Iterable[bytes]]


class Foreign:
    """`pages` by path, each (status, headers, body); `asked`: path and headers of each request.

    A page with an ETag or a date of change is not sent to one who names it: 304.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Reply] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        foreign = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                foreign.asked.append((self.path, dict(self.headers)))
                status, headers, body = foreign.pages.get(self.path, (404, {}, b""))
                for mark, asked in (
                    ("ETag", "If-None-Match"),
                    ("Last-Modified", "If-Modified-Since"),
                ):
                    if status == 200 and headers.get(mark) == self.headers.get(asked, "nothing"):
                        status, body = 304, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for part in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(part)
                except OSError:
                    pass  # the visitor has had enough

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.home = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def paths(self) -> list[str]:
        """What was asked for since the last time, but for robots.txt."""
        found = [path for path, _ in self.asked if path != "/robots.txt"]
        self.asked.clear()
        return found


@contextmanager
def foreign_site() -> Iterator[Foreign]:
    """A site, until the end of the block."""
    one = Foreign()
    yield one
    one.server.shutdown()
    one.server.server_close()
