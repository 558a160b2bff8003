"""Changes of the library, one at a time, each in a child process; how far the last one is.

This file must not know any route, nor what a change does.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from werkzeug.exceptions import Conflict

from web.shapes import IndexStatus

COMMAND = (sys.executable, "-P", "-m", "index.job")
_ENDED = "the process that indexes ended without a word: the log may have more"
_log = logging.getLogger(__name__)


class Indexing:
    """`fresh` is called when a change is published; safe to use from several threads."""

    def __init__(self, fresh: Callable[[], object], command: Sequence[str] = COMMAND) -> None:
        self._fresh = fresh
        self._command = command
        self._lock = Lock()
        self._status = IndexStatus(state="idle")

    def status(self) -> IndexStatus:
        """How the change that runs, or the last one, stands."""
        return self._status

    def start(self, name: str, job: dict[str, Any]) -> IndexStatus:
        """Begin a change. Raises `Conflict` while another is under way."""
        with self._lock:
            if self._status.state == "running":
                raise Conflict("another change of the library is under way: wait until it ends")
            self._status = IndexStatus(state="running", job=name)
        Thread(target=self._run, args=(job,), name="citespan-index", daemon=True).start()
        return self._status

    def _run(self, job: dict[str, Any]) -> None:
        try:
            last = self._watch(job)
        except Exception as error:
            _log.error("a change of the library failed", exc_info=error)
            last = {"problem": _ENDED}
        if "report" in last:
            self._show()
            self._set(state="done", report=last["report"])
        else:
            self._set(state="failed", detail=last.get("problem", _ENDED))

    def _show(self) -> None:
        """Have the change seen; where that can't be yet, whoever looks for changes will see it."""
        try:
            self._fresh()
        except Exception as error:
            _log.error("a change of the library is not seen yet", exc_info=error)

    def _watch(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do the job; the last line that the child says."""
        last: dict[str, Any] = {}
        with subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            with suppress(BrokenPipeError), child.stdin:  # it ended early, and perhaps says why
                child.stdin.write(json.dumps(job))
            for line in child.stdout:
                last = json.loads(line)
                if "done" in last:
                    self._set(done=last["done"], total=last["total"])
        return last

    def _set(self, **change: Any) -> None:
        self._status = self._status.model_copy(update=change)
