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


def test_pages_are_still_read_without_a_network(tmp_path: Path) -> None:
    words = "The treaty was signed in London on Friday by both ministers. " * 9
    (tmp_path / "a.html").write_text(f"<html><body><article><p>{words}</p></article></body></html>")
    with Sources() as sources:
        (found,) = sources.read(tmp_path / "a.html")
    assert isinstance(found, Article)
