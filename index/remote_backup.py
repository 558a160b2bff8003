"""A library on a Milvus server as the rows of one in a folder, with the vectors that it has, and
articles from such rows back to a server. It must not know what a backup file is.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from index.acronyms import find_acronyms
from index.build import build_articles
from index.errors import LibraryCorrupt, LibraryError
from index.migrate import compare
from index.milvus import Milvus
from index.opened import open_library
from index.place import Remote
from index.records import Article, Passage
from index.remote import RemoteLibrary
from index.remote_versions import Stored, read_versions
from index.report import Report
from index.store import Store


def copy_out(remote: Remote, path: Path, progress: bool) -> int:
    """Write all that is published to a new database at `path`; gives the revision.

    Raises `LibraryMissing` when there is nothing, `LibraryCorrupt` when an article is not as it
    was indexed, `LibraryError` when the server can't be used or others wrote meanwhile.
    """
    library, milvus, store = (
        RemoteLibrary(remote),
        Milvus(remote, patient=True),
        Store(path, write=True),
    )
    try:
        if milvus.has(milvus.passages):
            milvus.load(milvus.passages)
        _copy(library, milvus, store, progress)
        if store.counts() != library.counts():
            raise LibraryCorrupt(f"{remote} holds other articles than it counts: {_REPAIR}")
    except LibraryCorrupt:
        if library.latest() != library.published:
            raise LibraryError(f"{remote} was written meanwhile: take the backup again") from None
        raise
    finally:
        for one in (library, milvus, store):
            one.close()
    return library.revision


def _copy(library: RemoteLibrary, milvus: Milvus, store: Store, progress: bool) -> None:
    heads = library.heads()
    every = read_versions(milvus, heads)
    with store.transaction():
        for one in tqdm(every, "copying", len(heads), disable=not progress, leave=False):
            article = _whole(one)
            passages = [_passage(article, row["start"], row["stop"]) for row in one.passages]
            vectors = np.array([row["vector"] for row in one.passages], np.float32)
            store.stage(article, passages, vectors, find_acronyms(article.text))
        store.make_live([])
        store.set_failures(library.failures(), lambda origin: True)
        store.set_meta("fingerprint", library.fingerprint)
        store.set_meta("revision", str(library.revision))


def _whole(one: Stored) -> Article:
    head, article = one.head, one.article
    if article is None or article.digest != head.digest or len(one.passages) != head.passages:
        raise LibraryCorrupt(f"article {head.id} ({head.title}) is damaged: {_REPAIR}")
    return article


_REPAIR = "run citespan verify --repair, then take the backup again"


def _passage(article: Article, start: int, end: int) -> Passage:
    return Passage(article.id, start, end, article.text[start:end])


def copy_in(path: Path, remote: Remote, embedder: str, progress: bool) -> Report:
    """Bring the library to what the database at `path` holds, and compare all of it there.

    Articles that are there already stay, others are embedded anew. Raises `LibraryCorrupt` when
    one is damaged or does not arrive as it is, and what building raises.
    """
    store = Store(path)
    try:
        total = store.counts().articles
        bar = tqdm(_sound(store), "restoring", total, disable=not progress, leave=False)
        report = build_articles(bar, remote, embedder, copies=True)
        if failures := store.failures():
            build_articles(failures, remote, embedder, lambda origin: False)
        compare(store.every_article(), open_library(remote))
    finally:
        store.close()
    return report


def _sound(store: Store) -> Iterator[Article]:
    for article in store.every_article():
        if store.digest(article.id, live=True) != article.digest:
            raise LibraryCorrupt(f"article {article.id} in the backup is damaged: take another")
        yield article
