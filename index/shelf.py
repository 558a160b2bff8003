"""Where an indexing run writes: staged article by article, then published at once.

`FolderShelf` is the one in a folder, `remote_shelf.RemoteShelf` the one on a server.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from index.derived import Derived, clear_old, open_derived, write_derived
from index.errors import LibraryCorrupt
from index.library import DATABASE, DERIVED
from index.place import Place, Remote
from index.records import Article, Counts, Failure, Version
from index.remote_shelf import RemoteShelf
from index.store import Store


class Shelf(Protocol):
    """What an indexing run needs; what each method does stands in `Store` and `FolderShelf`."""

    @property
    def revision(self) -> int: ...

    def begin(self, fingerprint: str) -> str | None: ...

    def look(self, articles: Sequence[Article]) -> None: ...

    def live_digest(self, id: str) -> str | None: ...

    def live_with_text(self, text_digest: str) -> list[tuple[str, str]]: ...

    def every_article(self) -> Iterator[Article]: ...

    def takes_up(self, article: Article) -> bool: ...

    def claim(self, articles: Sequence[Article]) -> set[str]: ...

    def stage_all(self, versions: Sequence[Version]) -> None: ...

    def staged_ids(self) -> list[str]: ...

    def unstage(self, id: str) -> None: ...

    def gone(
        self, is_gone: Callable[[str, str], bool], ids: Sequence[str] | None = None
    ) -> list[str]: ...

    def is_sound(self) -> bool: ...

    def publish(
        self,
        removed: Sequence[str],
        failures: Sequence[Failure],
        inside: Callable[[str], bool],
        fingerprint: str,
    ) -> None: ...

    def set_failures(self, failures: Iterable[Failure], inside: Callable[[str], bool]) -> None: ...

    def counts(self) -> Counts: ...

    def tidy(self) -> None: ...

    def close(self) -> None: ...


class FolderShelf(Store):
    """The rows in a folder, and the indexes that are derived from them when they go live."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / DATABASE, write=True)
        self._home = folder / DERIVED
        self._former: Derived | None = None

    def begin(self, fingerprint: str) -> str | None:
        """Take up what a killed run staged with this fingerprint; what is live was built with."""
        if self.meta("staging") != fingerprint:
            self.unstage_all()  # an unfinished run with another model
            self.set_meta("staging", fingerprint)
        return self.meta("fingerprint")

    def look(self, articles: Sequence[Article]) -> None:
        """Nothing has to be: each is looked up when it is asked for."""

    def live_digest(self, id: str) -> str | None:
        """The digest of the live version of an article, or None."""
        return self.digest(id, live=True)

    def takes_up(self, article: Article) -> bool:
        """Whether a run that was killed has staged this very version."""
        return self.digest(article.id, live=False) == article.digest

    def claim(self, articles: Sequence[Article]) -> set[str]:
        """The ids of all of them: nobody else writes here."""
        return {one.id for one in articles}

    def stage_all(self, versions: Sequence[Version]) -> None:
        """Store new versions of articles, not live yet."""
        for one in versions:
            self.stage(one.article, one.passages, one.vectors, one.acronyms)

    def gone(
        self, is_gone: Callable[[str, str], bool], ids: Sequence[str] | None = None
    ) -> list[str]:
        """Ids of the live articles of which, by id and origin, this is said: only of `ids`, if
        these are given."""
        every = self.live_origins()
        return [id for id, origin in every if (ids is None or id in ids) and is_gone(id, origin)]

    def tidy(self) -> None:
        """Nothing has to be: what was replaced went as it was replaced."""

    def is_sound(self) -> bool:
        """Whether the published revision's indexes are as they were written."""
        seal, count = self.meta("seal") or "{}", self.counts().passages
        try:
            self._former = open_derived(self._home, self.revision, seal, self.dimension(), count)
        except LibraryCorrupt:
            return False
        return True

    def publish(
        self,
        removed: Sequence[str],
        failures: Sequence[Failure],
        inside: Callable[[str], bool],
        fingerprint: str,
    ) -> None:
        """Make what is staged live and `removed` ids gone, as another revision."""
        revision = self.revision + 1
        with self.transaction():
            self.make_live(removed)
            self.set_failures(failures, inside)
            dimension = self.dimension()
            written = write_derived(self, dimension, self._home, revision, self._former)
            self.set_meta("fingerprint", fingerprint)
            self.set_meta("seal", written.seal)
            if written.recall is not None:
                self.set_meta("recall", str(written.recall))
            self.set_meta("revision", str(revision))
        clear_old(self._home, revision)


def open_shelf(place: Place) -> Shelf:
    """The shelf of the library at `place`, made where there is none.

    Raises `LibraryError`, and what opening a store raises.
    """
    return RemoteShelf(place) if isinstance(place, Remote) else FolderShelf(place)
