"""Calls of a Milvus server: what goes wrong with them, as our errors.

It must not know what is called.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from index.errors import LibraryAway, LibraryError
from index.place import Remote

_AWAY = re.compile(
    r"Fail connecting|UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|Retry timeout|closed channel"
)
_LOCKED = re.compile(r"auth check fail|unauthenticated|permission deny|privilege", re.IGNORECASE)


class Calls:
    """The calls of one client; safe to use from several threads."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._away = False
        self._trying = Lock()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The client's errors as ours. While the server is away one call at a time waits for it:
        others raise `LibraryAway` at once.
        """
        alone = self._away
        if alone and not self._trying.acquire(blocking=False):
            raise self._unreachable()
        try:
            yield
            self._away = False
        except ImportError as error:
            raise LibraryError(
                f"a library such as {self._remote} needs pymilvus:"
                " .venv/bin/pip install -e '.[milvus]'"
            ) from error
        except Exception as error:
            if isinstance(error, LibraryError) or not _is_theirs(error):
                raise
            said = " ".join(str(getattr(error, "message", error)).split())
            # Of a connection that is refused only the cause says why.
            locked = any(_LOCKED.search(text) for text in (said, str(error.__cause__)))
            self._away = not locked and _AWAY.search(said) is not None
            if locked:
                raise self._locked_out() from error
            raise (self._unreachable() if self._away else self._refused(said)) from error
        finally:
            if alone:
                self._trying.release()

    def _unreachable(self) -> LibraryAway:
        trusted = ", and that its certificate is trusted here" if self._remote.tls else ""
        return LibraryAway(
            f"the library {self._remote} can't be reached: see that Milvus runs there{trusted}"
        )

    def _locked_out(self) -> LibraryAway:
        return LibraryAway(
            f"the server of {self._remote} doesn't let this program in: set"
            " CITESPAN_MILVUS_TOKEN to USER:PASSWORD or a token that it takes"
        )

    def _refused(self, said: str) -> LibraryAway:
        return LibraryAway(f"the server of {self._remote} refuses: {said[:300]}")


def _is_theirs(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("pymilvus", "grpc")
