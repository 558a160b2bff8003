"""What the library holds of all that is watched, wherever it lies.

It must not know what a round does.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from index.errors import LibraryMissing
from index.library import DATABASE
from index.place import Place, Remote
from index.records import Failure
from index.remote import RemoteLibrary
from index.store import Store


def published_in(place: Place) -> tuple[int, str]:
    """The published revision, and what tells this state of the library from any other."""
    with _opened(place) as library:
        if isinstance(library, RemoteLibrary):
            revision, seal = library.published
        else:
            revision, seal = (0, "") if library is None else _revision_of(library)
    return revision, f"{revision} {seal}" if revision else ""


def _revision_of(store: Store) -> tuple[int, str]:
    return store.revision, store.meta("seal") or "{}"


def digests_in(place: Place, ids: Sequence[str]) -> dict[str, str]:
    """The digest of each of these articles that is there."""
    with _opened(place) as library:
        if isinstance(library, RemoteLibrary):
            return library.digests(ids)
        if library is None:
            return {}
        found = {id: library.digest(id, live=True) for id in ids}
        return {id: digest for id, digest in found.items() if digest is not None}


def failures_in(place: Place) -> list[Failure]:
    """What could not be read when it was last tried."""
    with _opened(place) as library:
        return [] if library is None else library.failures()


def _open(place: Place) -> Store | RemoteLibrary:
    return RemoteLibrary(place) if isinstance(place, Remote) else Store(place / DATABASE)


@contextmanager
def _opened(place: Place) -> Iterator[Store | RemoteLibrary | None]:
    """The library, if there is one; of one in a folder the rows alone, not its indexes."""
    try:
        library = _open(place)
    except LibraryMissing:
        yield None
        return
    try:
        yield library
    finally:
        library.close()
