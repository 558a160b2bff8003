"""How many questions are answered at once, and how many may wait: past that, none hangs.

This file must not know any route.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore

from werkzeug.exceptions import ServiceUnavailable

RETRY = 2  # seconds after which to come again
_BUSY = "too many questions are waiting already: ask again in a moment"


class Turns:
    """`slots` at once, `queue` waiting, each `patience` seconds at most; thread-safe."""

    def __init__(self, slots: int, queue: int, patience: float) -> None:
        self._free = Semaphore(slots)
        self._queue = queue
        self._patience = patience
        self._lock = Lock()
        self.waiting = 0
        self.taken = 0
        self.refused = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """A turn, after those who came before. Raises `ServiceUnavailable` when it takes long."""
        if not (self._free.acquire(blocking=False) or self._wait()):
            self._count(refused=1)
            raise ServiceUnavailable(_BUSY, retry_after=RETRY)
        self._count(taken=1)
        try:
            yield
        finally:
            self._count(taken=-1)
            self._free.release()

    def _wait(self) -> bool:
        """Whether there was room in the queue, and then a turn in time."""
        with self._lock:
            if self.waiting >= self._queue:
                return False
            self.waiting += 1
        try:
            return self._free.acquire(timeout=self._patience)
        finally:
            self._count(waiting=-1)

    def _count(self, *, waiting: int = 0, taken: int = 0, refused: int = 0) -> None:
        with self._lock:
            self.waiting += waiting
            self.taken += taken
            self.refused += refused
