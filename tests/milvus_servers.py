"""Milvus servers to test against, each as a process of its own on a port of this machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from milvus_apart import relay, through_file

from index.errors import LibraryError
from index.milvus import Milvus
from index.place import Remote

_PATIENCE = 120  # seconds until a server that doesn't come fails its test
APART = Path(__file__).with_name("milvus_apart.py")


def program(name: str) -> str:
    """A program of this environment; the test is skipped where it is not installed."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"no {name} here: make test installs it")
    return found


class Server:
    """A server on a port of this machine, which stays when it is killed and started again."""

    def __init__(self, command: list[str], port: int, token: str | None = None) -> None:
        self.command = command
        self._token = token
        self.port = port
        self.start()

    @property
    def processes(self) -> list[int]:
        """All that it runs as."""
        return family(self._process.pid)

    def start(self) -> None:
        """Run it, until it answers a real call."""
        self._process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await(Remote("127.0.0.1", self.port, "nobody", Path(), token=self._token))
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it and all that it started at once, as kill -9 does."""
        for one in self.processes:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._process.wait(_PATIENCE)

    def pause(self) -> None:
        """Let nothing of it run, with its connections open, until `resume`."""
        for one in self.processes:
            os.kill(one, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        for one in self.processes:
            os.kill(one, signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()
        self._process.wait(_PATIENCE)


class Line:
    """A line to a server that can be cut and mended; its own port stays the same."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._ends: list[socket.socket] = []
        self.port = 0
        self.mend()

    def _connect(self) -> socket.socket:
        self._ends.append(socket.create_connection(self._server))
        return self._ends[-1]

    def mend(self) -> None:
        """Let connections through, again on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=relay, args=(self._listener, self._connect), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and let none through."""
        for one in (self._listener, *self._ends):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._ends.clear()


def soon(call: Callable[[], Any]) -> Any:
    """What the call gives, once the client has noticed that the server is back."""
    for _ in range(50):
        try:
            return call()
        except LibraryError:
            time.sleep(0.2)
    return call()


def family(process: int) -> list[int]:
    """A process and all that descend from it."""
    found = [process]
    for one in found:
        with suppress(FileNotFoundError):
            listed = Path(f"/proc/{one}/task/{one}/children").read_text()
            found += map(int, listed.split())
    return found


@contextmanager
def lite_server(folder: Path) -> Iterator[Server]:
    """Milvus Lite's server; what it keeps lies in the folder."""
    command = [program("milvus-lite"), "server", "--data-dir", str(folder)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with _stopped(Server([*command, "--host", "127.0.0.1", "--port", str(port)], port)) as server:
        yield server


@contextmanager
def real_server(folder: Path, *options: str, token: str | None = None) -> Iterator[Server]:
    """The Milvus server of PyPI, in a network of its own, behind a relay; with these options.

    `token`: what it takes then.

    The test is skipped where this user may not have one.
    """
    server, file = program("milvus-server"), folder / "relay"
    apart = next((one for one in ("-n", "-rn") if _may(one)), None)
    if apart is None:
        pytest.skip("this user can't give a server a network of its own (unshare -rn)")
    folder.mkdir(parents=True, exist_ok=True)
    inside = [sys.executable, str(APART), server, str(folder), str(file), *options]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connect = partial(through_file, file)
        threading.Thread(target=relay, args=(listener, connect), daemon=True).start()
        port = int(listener.getsockname()[1])
        with _stopped(Server(["unshare", apart, *inside], port, token)) as running:
            yield running


@contextmanager
def lite(folder: Path) -> Iterator[int]:
    """The port of Milvus Lite's server."""
    with lite_server(folder) as server:
        yield server.port


@contextmanager
def real(folder: Path) -> Iterator[int]:
    """The port of a relay to the Milvus server of PyPI."""
    with real_server(folder) as server:
        yield server.port


@contextmanager
def _stopped(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.stop()


def _may(option: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", option, "true"], check=False, capture_output=True)
    return tried.returncode == 0


def _await(remote: Remote) -> None:
    """Wait until the server answers a real call."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            server = Milvus(remote)
            server.has(server.rows)
            server.close()
            return
        except LibraryError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
