"""The real service as a process of its own, and bytes sent to it as they are."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds until a server that hangs fails its test


@dataclass(frozen=True)
class Served:
    """Where the service answers; `log` is what it has written to its standard error."""

    process: "subprocess.Popen[str]"
    address: str
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(one) for one in listed.split()]

    def lines(self) -> list[Any]:
        """What the log says, a line each."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def faults(self) -> list[Any]:
        """The lines that tell of something that nobody foresaw."""
        return [one for one in self.lines() if one["event"] != "request" or one["status"] == 500]

    def status(self, name: str) -> int:
        """The number that the kernel keeps of the worker under this name, such as VmHWM."""
        [worker] = self.workers
        told = Path(f"/proc/{worker}/status").read_text()
        [line] = [one for one in told.splitlines() if one.startswith(f"{name}:")]
        return int(line.split()[1])


@contextmanager
def serving(data: Path, fake: str | None = None, **settings: object) -> Iterator[Served]:
    """The service on a free port, as `citespan serve` starts it, with these settings.

    `fake`: the app of `web_fakes` to serve in its place.
    """
    command = ["-c", "from qa.cli import main; main()", "serve", "--port", "0", "--data"]
    if fake is not None:
        command = [str(ROOT / "tests" / "web_fakes.py"), "0"]
    more = [] if fake is None else [fake]
    paths = [path for path in (str(ROOT), os.environ.get("PYTHONPATH")) if path]
    given = {f"CITESPAN_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, *command, str(data), *more],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **given},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("Citespan answers on "), line + log.read_text()
            yield Served(process, line.split()[3], log)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=PATIENCE)
            finally:
                process.kill()


@dataclass(frozen=True)
class Said:
    """One reply, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(port: int, hears: int | None = None) -> socket.socket:
    """A connection; `hears`: bytes that wait in it to be read, if not the usual."""
    one = socket.socket()
    one.settimeout(PATIENCE)
    if hears is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, hears)
    one.connect(("127.0.0.1", port))
    return one


def exchange(port: int, *parts: bytes) -> bytes:
    """All that comes back for these bytes until the server closes the connection."""
    with closing(connect(port)) as one:
        with suppress(ConnectionError):  # it may have heard enough
            for part in parts:
                one.sendall(part)
        return rest(one)


def rest(one: socket.socket) -> bytes:
    """What the server sends until it closes."""
    told = b""
    with suppress(ConnectionError):
        while part := one.recv(65536):
            told += part
    return told


def replies(told: bytes) -> list[Said]:
    """The replies in a stream of bytes; each has a Content-Length."""
    found = []
    while told:
        head, _, told = told.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        length = int(headers.get("content-length", 0))
        found.append(Said(int(first.split()[1]), headers, told[:length]))
        told = told[length:]
    return found


def ask(port: int, body: bytes, *more: str, path: str = "/api/v1/ask") -> Said:
    """The reply to a body sent as JSON, with further header lines."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *more,
    ]
    [said] = replies(exchange(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body))
    return said


def get(port: int, target: str, *more: str, method: str = "GET") -> Said:
    """The reply to a request without a body, its target sent as it is."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *more]
    [said] = replies(exchange(port, "\r\n".join(lines).encode() + b"\r\n\r\n"))
    return said
