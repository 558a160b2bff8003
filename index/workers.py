"""Texts become vectors in several processes, each with the model: JSON in, numbers out.

It must not know articles.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress

import numpy as np

from index.embed import Floats, embedder_fingerprint, load_embedder
from index.errors import EmbedderError

_CODE = "import sys; from index.workers import main; main(sys.argv[1], int(sys.argv[2]))"
_ENDED = "a process that embeds has ended; nothing was changed: index again"


class Workers:
    """Not for several threads. The processes end with `close`, and with the one that has them."""

    def __init__(self, name: str, count: int) -> None:
        """Raises `EmbedderError` when there is no such model."""
        self.fingerprint = embedder_fingerprint(name)
        threads = max(1, (os.cpu_count() or 1) // count)
        command = [sys.executable, "-P", "-c", _CODE, name, str(threads)]
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(count):
                started = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,  # an interrupt from the keyboard is for the parent
                )
                self._processes.append(started)
        except OSError as error:
            self.close()
            raise EmbedderError(f"no process can be started to embed: {error.strerror}") from error

    def encode(self, texts: list[str]) -> Floats:
        """Shape (texts, dimension), rows of length 1. Raises `EmbedderError`."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        shares = [order[first :: len(self._processes)] for first in range(len(self._processes))]
        for process, share in zip(self._processes, shares, strict=True):
            self._send(process, [texts[place] for place in share])
        parts = [self._receive(process) for process in self._processes]
        found = np.empty((len(texts), parts[0].shape[1]), np.float32)
        for share, part in zip(shares, parts, strict=True):
            found[share] = part
        return found

    def _send(self, process: subprocess.Popen[bytes], texts: list[str]) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(texts).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise EmbedderError(_ENDED) from error

    def _receive(self, process: subprocess.Popen[bytes]) -> Floats:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise EmbedderError(_ENDED)
        told = json.loads(line)
        if "problem" in told:
            raise EmbedderError(told["problem"])
        rows, columns = told["shape"]
        data = process.stdout.read(4 * rows * columns)
        if len(data) < 4 * rows * columns:
            raise EmbedderError(_ENDED)
        return np.frombuffer(data, np.float32).reshape(rows, columns)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not read any more
                        pipe.close()
        self._processes.clear()


def main(name: str, threads: int) -> None:
    """Embed lists of texts, a line each, until there are no more."""
    out = sys.stdout.buffer
    try:
        embedder = load_embedder(name, threads)
    except EmbedderError as error:
        out.write(json.dumps({"problem": str(error)}).encode() + b"\n")
        return
    for line in sys.stdin.buffer:
        vectors = embedder.encode(json.loads(line))
        out.write(json.dumps({"shape": vectors.shape}).encode() + b"\n")
        out.write(vectors.tobytes())
        out.flush()
