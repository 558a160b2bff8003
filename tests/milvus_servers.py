"""Milvus servers to test against, each as a process of its own on a port of this machine."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

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


@contextmanager
def lite(folder: Path) -> Iterator[int]:
    """The port of Milvus Lite's server; what it keeps lies in the folder."""
    command = [program("milvus-lite"), "server", "--data-dir", str(folder)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with _running([*command, "--host", "127.0.0.1", "--port", str(port)]):
        _await(port)
        yield port


@contextmanager
def real(folder: Path) -> Iterator[int]:
    """The port of a relay to the Milvus server of PyPI, which is in a network of its own.

    The test is skipped where this user may not have one.
    """
    server, file = program("milvus-server"), folder / "relay"
    apart = next((one for one in ("-n", "-rn") if _may(one)), None)
    if apart is None:
        pytest.skip("this user can't give a server a network of its own (unshare -rn)")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["unshare", apart, sys.executable, str(APART), server, str(folder), str(file)]
    with socket.create_server(("127.0.0.1", 0)) as listener, _running(command):
        connect = partial(through_file, file)
        threading.Thread(target=relay, args=(listener, connect), daemon=True).start()
        port = int(listener.getsockname()[1])
        _await(port)
        yield port


def _may(option: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", option, "true"], check=False, capture_output=True)
    return tried.returncode == 0


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _await(port: int) -> None:
    """Wait until the server answers a real call."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            server = Milvus(Remote("127.0.0.1", port, "nobody", Path()))
            server.has(server.rows)
            server.close()
            return
        except LibraryError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
