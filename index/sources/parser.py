"""The near end of the pipe to the killable child: HTML and PDF files in, fields out.

This file must not parse anything itself.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

from index.errors import SourceError
from index.sources.files import SIZE_LIMIT, why

START_SECONDS = 60.0
FILE_SECONDS = 10.0
_NO_START = "The parser of HTML and PDF can't be started"


class _Died(Exception):
    """The child ended before it answered."""


class Parser:
    """One child process: started when first needed, replaced when it fails; not thread-safe."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._used = False

    def start(self) -> None:
        """Have a child ready. Raises `SourceError` when this installation can't run one."""
        if self._child is not None:
            return
        try:
            self._child = child = _spawn()
        except OSError as error:
            raise SourceError(f"{_NO_START} ({why(error)}).") from error
        self._used = False
        try:
            _receive(child, START_SECONDS)
        except (_Died, SourceError) as error:
            child.kill()
            said = child.communicate()[1].decode(errors="replace").strip().rpartition("\n")[2]
            self.close()
            why_not = said or str(error) or "it ended at once"
            raise SourceError(f"{_NO_START} ({why_not}).") from error
        except BaseException:
            self.close()
            raise

    def parse(self, path: Path) -> dict[str, str]:
        """The fields of the article in an HTML or PDF file. Raises `SourceError`."""
        self.start()
        used, self._used = self._used, True
        try:
            answer = self._ask(path)
        except _Died as error:
            if not used:
                raise SourceError("needed over 1 GB of memory or crashed the parser") from error
            # What earlier files left behind in the child may be to blame, not this file.
            return self.parse(path)
        reason = answer.get("reason")
        if reason is not None:
            raise SourceError(reason)
        return answer

    def close(self) -> None:
        """End the child, whatever it is doing."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()

    def _ask(self, path: Path) -> dict[str, str]:
        child = self._child
        assert child is not None and child.stdin is not None
        try:
            child.stdin.write(json.dumps({"path": os.fspath(path)}).encode() + b"\n")
            return _receive(child, FILE_SECONDS)
        except BrokenPipeError as error:
            self.close()
            raise _Died from error
        except BaseException:
            self.close()  # an answer that comes too late must not be taken for the next one
            raise


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "index.sources.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "PYTHONUTF8": "1"},
        start_new_session=True,  # an interrupt from the keyboard is for the parent alone
    )


def _receive(child: subprocess.Popen[bytes], seconds: float) -> dict[str, str]:
    """The next line from the child. Raises `_Died`, `SourceError` for its time or its length."""
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    until = time.monotonic() + seconds
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, until - time.monotonic())):
                raise SourceError(f"took longer than {seconds:g} s")
            chunk = os.read(pipe, 1 << 20)
            if not chunk:
                raise _Died
            line += chunk
            if len(line) > SIZE_LIMIT:
                raise SourceError(f"holds more than {SIZE_LIMIT / 1e6:g} MB of text")
    return _checked(bytes(line))


def _checked(line: bytes) -> dict[str, str]:
    # The child may have been taken over by what it parsed: its word is not trusted.
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SourceError("can't be parsed") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("text", ""), str):
        raise SourceError("can't be parsed")
    return {key: value for key, value in answer.items() if isinstance(value, str)}
