"""The process that parses foreign bytes: it may hang, swell or crash and no harm is done.

One JSON line in, `{"path": …}`; one out, the fields of an article or `{"reason": …}`. It is
ended from outside when a file takes too long, and ends by itself when its input does.
"""

import ctypes
import json
import math
import os
import resource
import sys
from pathlib import Path

from index.errors import SourceError
from index.sources.html import read_html
from index.sources.listing import read_listing
from index.sources.pdf import read_pdf

_MEMORY = 1_000_000_000  # bytes of address space beyond those of the idle parsers
_CPU_SECONDS = 12  # per file; ends a hang when the process that watches the clock is gone
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # of <sched.h>
_READERS = {".html": read_html, ".htm": read_html, ".pdf": read_pdf, ".xml": read_listing}


def main() -> None:
    """Say "ready", then answer each request until there are no more."""
    answers = os.dup(sys.stdout.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for noisy in (sys.stdout, sys.stderr):  # the parsers may print what they like
        os.dup2(nowhere, noisy.fileno())
    _leave_network()
    _limit()
    with os.fdopen(answers, "wb") as pipe:
        pipe.write(b'{"ready": "yes"}\n')
        pipe.flush()
        for request in sys.stdin.buffer:
            _limit_cpu()
            answer = json.dumps(_read(Path(json.loads(request)["path"])), ensure_ascii=False)
            pipe.write(answer.encode(errors="ignore") + b"\n")  # ignored: lone surrogates
            pipe.flush()


def _read(path: Path) -> dict[str, str | None]:
    try:
        return _READERS[path.suffix.lower()](path)
    except SourceError as error:
        return {"reason": str(error)}
    except MemoryError:
        raise  # what is left of this process is not worth keeping
    except Exception:  # foreign bytes make the parsers raise anything
        return {"reason": "can't be parsed"}


def _leave_network() -> None:
    """Into a network namespace of its own, where nothing can be reached, not even loopback.

    Where the system allows none, at least Python's own sockets are refused.
    """
    unshare = ctypes.CDLL(None).unshare
    # Only one who may not do the first needs the second, which takes root's rights over files.
    if unshare(_CLONE_NEWNET) and unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        sys.addaudithook(_refuse_sockets)


def _refuse_sockets(event: str, args: object) -> None:
    if event.startswith("socket."):
        raise PermissionError("parsers have no network")


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = _allowed(resource.RLIMIT_AS, pages * resource.getpagesize() + _MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_allowed(resource.RLIMIT_CPU, seconds), hard))


def _allowed(kind: int, limit: int) -> int:
    """The limit, or the one that this process was started with if that is lower."""
    hard = resource.getrlimit(kind)[1]
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


if __name__ == "__main__":
    main()
