"""A parser of foreign bytes that tries to connect can't, whatever the system allows."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from index.records import Article
from index.sources import Sources

SCRIPT = """
import socket, sys
from index.sources import child
if sys.argv[2] == "refused":
    child._CLONE_NEWUSER = child._CLONE_NEWNET = -1  # a system that allows no namespace
if sys.argv[2] != "open":
    child._leave_network()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
except OSError:
    print("nothing reached")
"""


@pytest.mark.parametrize(
    ("network", "said"),
    [("left", "nothing reached"), ("refused", "nothing reached"), ("open", "")],
)
def test_a_parser_that_connects_reaches_nothing(network: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(5 if network == "open" else 0.2)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(canary.getsockname()[1]), network],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == said
        if network == "open":  # the canary does see one who may connect
            canary.accept()[0].close()
        else:
            with pytest.raises(TimeoutError):
                canary.accept()


def network(process: str) -> Path:
    """What stands for the network that a process is in."""
    return Path(f"/proc/{process}/ns/net").readlink()


def test_the_child_that_parses_is_in_a_network_of_its_own(tmp_path: Path) -> None:
    leave = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    if subprocess.run([sys.executable, "-c", leave], check=False).returncode != 0:
        pytest.skip("this system allows no network namespace")
    (tmp_path / "a.html").write_text("<html><body><p>The bridge is old.</p></body></html>")
    with Sources() as sources:
        assert [isinstance(one, Article) for one in sources.read(tmp_path / "a.html")] == [True]
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        [child] = [
            one
            for one in children
            if b"index.sources.child" in Path(f"/proc/{one}/cmdline").read_bytes()
        ]
        assert network(child) != network("self")
        assert Path(f"/proc/{child}/net/dev").read_text().count(":") == 1  # loopback, which is down


def test_pages_are_still_read_without_a_network(tmp_path: Path) -> None:
    words = "The treaty was signed in London on Friday by both ministers. " * 9
    (tmp_path / "a.html").write_text(f"<html><body><article><p>{words}</p></article></body></html>")
    with Sources() as sources:
        (found,) = sources.read(tmp_path / "a.html")
    assert isinstance(found, Article)
