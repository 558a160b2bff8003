"""A running process under strace: what it calls, in order, and calls that are refused."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,mkdir,rename,link,linkat,unlink,unlinkat"
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
Call = tuple[str, int, str]  # name, how manyth of its kind in its thread, arguments with paths


@contextmanager
def traced(
    process: int,
    log: Path,
    refused: tuple[str, int] | None = None,
    error: str = "EIO",
    traced: str = CALLS,
):
    """Trace the process; `refused`: the name of a call, and which of its kind shall fail."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("there is no strace here: apt-get install strace")
    more = [] if refused is None else [f"--inject={refused[0]}:error={error}:when={refused[1]}"]
    command = [strace, "-f", "-y", "-s", "0", f"--trace={traced}", *more, "-o", log]
    tracer = subprocess.Popen([*command, "-p", str(process)], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    told = tracer.stderr.readline()
    if "attached" not in told:
        pytest.skip(f"processes can't be traced here: {told.strip()}")
    try:
        yield
    finally:
        tracer.communicate(timeout=60)


def lines(log: Path) -> list[str]:
    """What was written down, a call a line."""
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


def calls(log: Path, folder: Path | str = "") -> Iterator[Call]:
    """What was called that has to do with the folder, or anything in it; all for no folder."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines(log):
        if found := _LINE.match(line):
            thread, name, rest = found.groups()
            counts[thread, name] += 1
            if str(folder) in rest:
                yield name, counts[thread, name], rest
