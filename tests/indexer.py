"""Indexing runs as processes of their own, to be killed, traced and refused things.

Each is forked from a process that has imported everything, so it takes a fraction of a second.
"""

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from index import remote_run
from qa.cli import main

PATIENCE = 60  # seconds until a run that hangs fails its test
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["indexer", "onnxruntime", "tokenizers"])


@dataclass(frozen=True)
class Trouble:
    """What a run meets: killed after a step, limited by the system, another user, or claims that
    others make it wait for."""

    killed_after: str | None = None  # module:function, or module:class.method
    longest: int | None = None  # bytes of a file
    room: int | None = None  # bytes of memory beyond what it has already
    user: int | None = None
    claimed: float | None = None  # seconds that its claims on a Milvus server hold


@dataclass
class Run:
    """A run that waits to be let go; `log`: where its output goes."""

    process: BaseProcess
    gate: Connection
    log: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def go(self) -> None:
        self.gate.send(None)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.end()

    def end(self) -> int:
        """Its exit code; a signal's number is negative."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        assert code is not None, f"still running: {self.said}"
        self.process.close()
        self.gate.close()
        return code

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


def start(log: Path, arguments: Sequence[str | Path], trouble: Trouble | None = None) -> Run:
    """`citespan` with these arguments, imported and waiting to be let go."""
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # of the process that is forked
    ours, gate = _FORKING.Pipe()
    given = (log, [str(one) for one in arguments], gate, trouble or Trouble())
    process = _FORKING.Process(target=_run, args=given, daemon=True)
    process.start()
    gate.close()
    ours.recv()
    return Run(process, ours, log)


def _run(log: Path, arguments: list[str], gate: Connection, trouble: Trouble) -> None:
    with log.open("wb", buffering=0) as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    if trouble.killed_after is not None:
        _die_after(trouble.killed_after)
    if trouble.claimed is not None:
        remote_run._CLAIMED = trouble.claimed
    gate.send(None)
    gate.recv()
    if trouble.longest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (trouble.longest, trouble.longest))
    if trouble.room is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + trouble.room
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if trouble.user is not None:
        os.setuid(trouble.user)
    main(arguments)


def _die_after(step: str) -> None:
    module, _, path = step.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    inner: Callable[..., Any] = getattr(owner, name)

    def last(*given: Any, **named: Any) -> None:
        inner(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)
